#include "crypto/token.h"

#include <string.h>

#include "base/random.h"
#include "crypto/secret.h"
#include "crypto/text.h"

int token_make(char *out, size_t n_bytes)
{
	uint8_t bytes[256];
	if (n_bytes > sizeof(bytes))
		return ERR_LIMIT;
	int err = random_bytes(bytes, n_bytes);
	if (err)
		return err;
	text_put_hex(bytes, n_bytes, out);
	secret_wipe(bytes, n_bytes);
	return OK;
}

int token_make_id(char out[TOKEN_ID])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	uint8_t bytes[TOKEN_ID - 1];
	int err = random_bytes(bytes, sizeof(bytes));
	if (err)
		return err;
	for (size_t i = 0; i < sizeof(bytes); i++)
		out[i] = digits[bytes[i] & 63];
	out[TOKEN_ID - 1] = 0;
	return OK;
}

void token_hash(const char *token, char out[TOKEN_HASH])
{
	uint8_t hash[HASH_SHA256];
	hash_sha256(token, strlen(token), hash);
	text_put_hex(hash, sizeof(hash), out);
}
