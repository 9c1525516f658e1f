/* The low-level digests, for the reason given in hash.c. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hmac.h"

#include <openssl/sha.h>
#include <string.h>

#include "crypto/secret.h"

/* The block of both hashes. */
enum { BLOCK = 64 };

/* `block` becomes the key, padded with 0; a long key is hashed first, by the
 * caller's hash. */
static void pad_key(uint8_t block[BLOCK], const void *key, size_t key_len,
	void (*hash)(const void *, size_t, uint8_t *))
{
	memset(block, 0, BLOCK);
	if (key_len > BLOCK)
		hash(key, key_len, block);
	else if (key_len)
		memcpy(block, key, key_len);
}

static void mask(uint8_t block[BLOCK], uint8_t with)
{
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= with;
}

enum { INNER = 0x36, OUTER = 0x5c };

void hmac_sha1(const void *key, size_t key_len, const void *data, size_t n, uint8_t out[HASH_SHA1])
{
	uint8_t block[BLOCK];
	SHA_CTX ctx;
	pad_key(block, key, key_len, hash_sha1);
	mask(block, INNER);
	SHA1_Init(&ctx);
	SHA1_Update(&ctx, block, BLOCK);
	SHA1_Update(&ctx, data, n);
	SHA1_Final(out, &ctx);
	mask(block, INNER ^ OUTER);
	SHA1_Init(&ctx);
	SHA1_Update(&ctx, block, BLOCK);
	SHA1_Update(&ctx, out, HASH_SHA1);
	SHA1_Final(out, &ctx);
	secret_wipe(block, sizeof(block));
	secret_wipe(&ctx, sizeof(ctx));
}

void hmac_sha256_parts(const void *key, size_t key_len, const struct hmac_part *parts,
	size_t n_parts, uint8_t out[HASH_SHA256])
{
	uint8_t block[BLOCK];
	SHA256_CTX ctx;
	pad_key(block, key, key_len, hash_sha256);
	mask(block, INNER);
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, block, BLOCK);
	for (size_t i = 0; i < n_parts; i++)
		SHA256_Update(&ctx, parts[i].data, parts[i].n);
	SHA256_Final(out, &ctx);
	mask(block, INNER ^ OUTER);
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, block, BLOCK);
	SHA256_Update(&ctx, out, HASH_SHA256);
	SHA256_Final(out, &ctx);
	secret_wipe(block, sizeof(block));
	secret_wipe(&ctx, sizeof(ctx));
}

void hmac_sha256(
	const void *key, size_t key_len, const void *data, size_t n, uint8_t out[HASH_SHA256])
{
	const struct hmac_part part = { data, n };
	hmac_sha256_parts(key, key_len, &part, 1, out);
}
