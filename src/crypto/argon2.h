#pragma once
#include <stdbool.h>

#include "base/err.h"

/* Passwords at rest: argon2id (RFC 9106) with 19 MiB and 2 passes. Blocking,
 * about 14 ms each; any thread. */

/* Prepares the library. May be called often; the others call it themselves.
 * OK or ERR_IO. */
MUST_USE int argon2_init(void);

/* "$argon2id$v=19$m=19456,t=2,p=1$..." with an ending 0. OK, ERR_NOMEM, ERR_IO. */
enum { ARGON2_TEXT = 128 };
MUST_USE int argon2_hash(const char *password, char out[ARGON2_TEXT]);

/* Also knows hashes made elsewhere with other parameters, but refuses what would
 * take more than 256 MiB, 10 passes or 16 lanes, and everything that is not
 * argon2id. */
bool argon2_verify(const char *hash, const char *password);

/* True when the hash was not made with today's parameters: hash the password
 * anew the next time it is known. */
bool argon2_needs_rehash(const char *hash);

/* Takes as long as argon2_verify(): for a user who does not exist, so that time
 * does not tell who does. */
void argon2_waste(const char *password);
