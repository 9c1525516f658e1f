#pragma once
#include <stddef.h>
#include <stdint.h>

enum { HASH_SHA1 = 20, HASH_SHA256 = 32 };

/* SHA-1 is here for the WebSocket handshake (RFC 6455 section 4.2.2) only. */
void hash_sha1(const void *data, size_t n, uint8_t out[HASH_SHA1]);
void hash_sha256(const void *data, size_t n, uint8_t out[HASH_SHA256]);
