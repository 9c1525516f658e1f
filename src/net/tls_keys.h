#pragma once
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The keys of one direction of a TLS 1.3 connection, RFC 8446 sections 5.2, 5.3 and
 * 7.2, 7.3. Only tls_*.c include this. */

enum {
	TLS_KEYS_SECRET_MAX = 48,
	TLS_KEYS_IV = 12,
	TLS_KEYS_TAG = 16,
};

struct tls_suite;

struct tls_keys {
	const struct tls_suite *suite;
	EVP_CIPHER_CTX *ctx;
	bool sealing;
	uint8_t secret[TLS_KEYS_SECRET_MAX], iv[TLS_KEYS_IV];
	uint64_t sequence; /* of the next record */
};

/* ERR_PROTO: no such suite, or a secret of another length. ERR_NOMEM. In any case
 * tls_keys_fini() is due, which forgets the secrets. */
MUST_USE int tls_keys_init(
	struct tls_keys *k, unsigned suite, const uint8_t *secret, size_t n_secret, bool sealing);
void tls_keys_fini(struct tls_keys *k);
/* The next generation of keys. ERR_NOMEM. */
MUST_USE int tls_keys_update(struct tls_keys *k);
/* Begins a record with this head, then bytes are added from wherever they lie. */
MUST_USE int tls_keys_begin(struct tls_keys *k, const uint8_t *head, size_t n_head);
MUST_USE int tls_keys_add(struct tls_keys *k, const uint8_t *from, size_t n, uint8_t *to);
/* Writes the record's tag. */
MUST_USE int tls_keys_end_sealing(struct tls_keys *k, uint8_t tag[TLS_KEYS_TAG]);
/* ERR_AUTH: it is not what was sealed, and what was written is to be forgotten. */
MUST_USE int tls_keys_end_opening(struct tls_keys *k, const uint8_t tag[TLS_KEYS_TAG]);
