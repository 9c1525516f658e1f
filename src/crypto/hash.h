#pragma once
#include <stddef.h>
#include <stdint.h>

enum { HASH_MD5 = 16, HASH_SHA1 = 20, HASH_SHA256 = 32 };

/* MD5 and SHA-1 are here where a protocol asks for them: fingerprints of SSH
 * keys; the WebSocket handshake (RFC 6455 section 4.2.2) and TOTP. */
void hash_md5(const void *data, size_t n, uint8_t out[HASH_MD5]);
void hash_sha1(const void *data, size_t n, uint8_t out[HASH_SHA1]);
void hash_sha256(const void *data, size_t n, uint8_t out[HASH_SHA256]);
