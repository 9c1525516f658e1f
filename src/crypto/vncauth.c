/* Single DES is in OpenSSL's legacy provider; its low-level functions need no
 * provider and no set-up. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/vncauth.h"

#include <openssl/des.h>

#include "crypto/secret.h"

static uint8_t reversed(uint8_t b)
{
	uint8_t r = 0;
	for (int i = 0; i < 8; i++)
		r = (uint8_t)(r << 1 | (b >> i & 1));
	return r;
}

void vncauth_response(const uint8_t challenge[VNCAUTH_CHALLENGE], const char *password,
	uint8_t out[VNCAUTH_CHALLENGE])
{
	DES_cblock key = { 0 };
	DES_key_schedule schedule;
	for (size_t i = 0; i < sizeof(key) && password[i]; i++)
		key[i] = reversed((uint8_t)password[i]);
	/* Any password must do, so neither parity nor weak keys are checked. */
	DES_set_key_unchecked(&key, &schedule);
	for (size_t at = 0; at < VNCAUTH_CHALLENGE; at += sizeof(DES_cblock)) {
		DES_cblock block;
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = challenge[at + i];
		DES_ecb_encrypt(&block, (DES_cblock *)(out + at), &schedule, DES_ENCRYPT);
	}
	secret_wipe(&schedule, sizeof(schedule));
	secret_wipe(&key, sizeof(key));
}
