#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "crypto/hash.h"

/* The signature of an agent's HTTP request: HMAC-SHA256 over the seven fields in
 * this order, joined with LF. Pure. All pointers are borrowed and never NULL. */
struct request_signature {
	const char *method;      /* upper-case */
	const char *path;        /* as sent, without the query */
	const char *body_sha256; /* 64 lower-case hex digits; also of an empty body */
	const char *timestamp;   /* Unix seconds, as sent */
	const char *nonce;
	const char *run_id; /* "" when absent, like the token */
	const char *token;
};

enum { REQUEST_SIGNATURE_TEXT = 2 * HASH_SHA256 + 1 };
/* Lower-case hex. OK, or ERR_PROTO when a field holds LF or the body's hash is
 * none. */
MUST_USE int request_signature_make(const struct request_signature *s, const void *key,
	size_t key_len, char out[REQUEST_SIGNATURE_TEXT]);
/* In constant time for a given length; a signature that is not 64 hex digits is
 * unequal. */
bool request_signature_check(
	const struct request_signature *s, const void *key, size_t key_len, const char *signature);

/* A shared secret's fewest characters. Its text is the key; hex is not decoded. */
enum { REQUEST_KEY_MIN = 32 };
/* OK, or ERR_AUTH and a sentence (static) that says what to do. NULL and "" count
 * as missing. */
MUST_USE int request_key_judge(const char *secret, const char **why);
