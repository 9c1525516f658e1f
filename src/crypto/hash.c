/* The low-level digests need no provider, so a program that only answers a
 * WebSocket handshake does not pay for one (see the memory terms of the design). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

void hash_md5(const void *data, size_t n, uint8_t out[HASH_MD5])
{
	MD5_CTX ctx;
	MD5_Init(&ctx);
	MD5_Update(&ctx, data, n);
	MD5_Final(out, &ctx);
}

void hash_sha1(const void *data, size_t n, uint8_t out[HASH_SHA1])
{
	SHA_CTX ctx;
	SHA1_Init(&ctx);
	SHA1_Update(&ctx, data, n);
	SHA1_Final(out, &ctx);
}

void hash_sha256(const void *data, size_t n, uint8_t out[HASH_SHA256])
{
	SHA256_CTX ctx;
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, data, n);
	SHA256_Final(out, &ctx);
}
