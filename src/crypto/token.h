#pragma once
#include <stddef.h>

#include "base/err.h"
#include "crypto/hash.h"

/* n_bytes (at most 256) random bytes as lower-case hex; out holds
 * 2 * n_bytes + 1. OK, ERR_LIMIT or ERR_IO. */
MUST_USE int token_make(char *out, size_t n_bytes);

/* An id of 12 characters of A-Z a-z 0-9 _ - (72 random bits) and an ending 0.
 * It may begin with - or _. OK or ERR_IO. */
enum { TOKEN_ID = 13 };
MUST_USE int token_make_id(char out[TOKEN_ID]);

/* What is stored instead of a token: the lower-case hex of the SHA-256 of its
 * text. Enough without salt, as tokens are random. */
enum { TOKEN_HASH = 2 * HASH_SHA256 + 1 };
void token_hash(const char *token, char out[TOKEN_HASH]);
