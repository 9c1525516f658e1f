#include "crypto/totp.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "crypto/text.h"

enum { STEP_S = 30, DIGITS = 6, SECRET_BYTES = 20, SECRET_MIN = 10, SECRET_MAX = 64 };

_Static_assert(TOTP_SECRET_TEXT == TEXT_BASE32_SIZE(SECRET_BYTES), "the text fits");

int totp_make_secret(char out[TOTP_SECRET_TEXT])
{
	uint8_t bytes[SECRET_BYTES];
	int err = random_bytes(bytes, sizeof(bytes));
	if (err)
		return err;
	text_put_base32(bytes, sizeof(bytes), out);
	secret_wipe(bytes, sizeof(bytes));
	return OK;
}

/* Percent-encodes (RFC 3986 section 2.3) at *at, which moves on; false when it
 * does not fit. */
static bool put_encoded(const char *text, char **at, const char *end)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (; *text; text++) {
		bool as_it_is = strchr(plain, *text) != NULL;
		if (end - *at < 4)
			return false;
		*at += snprintf(*at, 4, as_it_is ? "%c" : "%%%02X", (unsigned char)*text);
	}
	return true;
}

int totp_uri(const char *issuer, const char *user, const char *secret, char *out, size_t cap)
{
	char encoded[2][3 * 256 + 1], *at[2] = { encoded[0], encoded[1] };
	if (!put_encoded(issuer, &at[0], at[0] + sizeof(encoded[0])) ||
		!put_encoded(user, &at[1], at[1] + sizeof(encoded[1])))
		return ERR_LIMIT;
	*at[0] = *at[1] = 0;
	int n = snprintf(out, cap,
		"otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		encoded[0], encoded[1], secret, encoded[0], DIGITS, STEP_S);
	return n < 0 || (size_t)n >= cap ? ERR_LIMIT : OK;
}

/* RFC 4226 section 5.3. */
static void put_code(const uint8_t *secret, size_t n, uint64_t step, char out[DIGITS + 1])
{
	uint8_t counter[8], mac[HASH_SHA1];
	for (size_t i = 0; i < sizeof(counter); i++)
		counter[i] = (uint8_t)(step >> (56 - 8 * i));
	hmac_sha1(secret, n, counter, sizeof(counter), mac);
	const uint8_t *p = mac + (mac[HASH_SHA1 - 1] & 15);
	uint32_t v =
		(uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	snprintf(out, DIGITS + 1, "%06u", (unsigned)(v % 1000000));
}

bool totp_check(const char *secret, const char *code, int64_t unix_s, int64_t *step)
{
	uint8_t bytes[SECRET_MAX];
	size_t n;
	bool found = false;
	if (text_parse_base32(secret, strlen(secret), bytes, sizeof(bytes), &n) != OK)
		return false;
	if (n >= SECRET_MIN && unix_s >= STEP_S) {
		/* All three always, and the latest that matches. */
		for (int64_t at = unix_s / STEP_S - 1; at <= unix_s / STEP_S + 1; at++) {
			char want[DIGITS + 1];
			put_code(bytes, n, (uint64_t)at, want);
			if (!secret_equal(want, DIGITS, code, strlen(code)))
				continue;
			found = true;
			*step = at;
		}
	}
	secret_wipe(bytes, sizeof(bytes));
	return found;
}
