#include "crypto/request_signature.h"

#include <string.h>

#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "crypto/text.h"

enum { FIELDS = 7 };

static bool is_lower_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") == 2 * (size_t)HASH_SHA256 &&
	       text[2 * HASH_SHA256] == 0;
}

static int sign(const struct request_signature *s, const void *key, size_t key_len,
	uint8_t mac[HASH_SHA256])
{
	const char *const fields[FIELDS] = { s->method, s->path, s->body_sha256, s->timestamp,
		s->nonce, s->run_id, s->token };
	struct hmac_part parts[2 * FIELDS - 1];
	for (size_t i = 0; i < FIELDS; i++) {
		if (strchr(fields[i], '\n'))
			return ERR_PROTO;
		parts[2 * i] = (struct hmac_part){ fields[i], strlen(fields[i]) };
		if (i + 1 < FIELDS)
			parts[2 * i + 1] = (struct hmac_part){ "\n", 1 };
	}
	if (!is_lower_hex(s->body_sha256))
		return ERR_PROTO;
	hmac_sha256_parts(key, key_len, parts, ARRAY_LEN(parts), mac);
	return OK;
}

int request_signature_make(const struct request_signature *s, const void *key, size_t key_len,
	char out[REQUEST_SIGNATURE_TEXT])
{
	uint8_t mac[HASH_SHA256];
	int err = sign(s, key, key_len, mac);
	if (!err)
		text_put_hex(mac, sizeof(mac), out);
	return err;
}

bool request_signature_check(
	const struct request_signature *s, const void *key, size_t key_len, const char *signature)
{
	uint8_t want[HASH_SHA256], got[HASH_SHA256];
	return text_parse_hex(signature, strlen(signature), got, sizeof(got)) == OK &&
	       sign(s, key, key_len, want) == OK &&
	       secret_equal(want, sizeof(want), got, sizeof(got));
}

int request_key_judge(const char *secret, const char **why)
{
	if (secret && strnlen(secret, REQUEST_KEY_MIN) == REQUEST_KEY_MIN)
		return OK;
	*why = !secret || !*secret
		       ? "no shared secret: set HMAC_SECRET to at least 32 random characters, the "
			 "same for the gateway and its runners"
		       : "the shared secret is too short: HMAC_SECRET needs at least 32 random "
			 "characters, the same for the gateway and its runners";
	return ERR_AUTH;
}
