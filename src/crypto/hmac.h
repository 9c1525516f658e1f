#pragma once
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

/* RFC 2104. No allocation, cannot fail; any thread. */
void hmac_sha1(const void *key, size_t key_len, const void *data, size_t n, uint8_t out[HASH_SHA1]);
void hmac_sha256(
	const void *key, size_t key_len, const void *data, size_t n, uint8_t out[HASH_SHA256]);

/* The same over several pieces, as if they were joined. */
struct hmac_part {
	const void *data;
	size_t n;
};
void hmac_sha256_parts(const void *key, size_t key_len, const struct hmac_part *parts,
	size_t n_parts, uint8_t out[HASH_SHA256]);
