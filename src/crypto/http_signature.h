#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/ssh_key.h"

/* Signatures of HTTP requests by SSH keys, draft-cavage-http-signatures as
 * CloudAPI uses it. Pure: no clock, no descriptor. */

enum {
	HTTP_SIGNATURE_VALUE_MAX = 4096, /* characters of an Authorization value */
	HTTP_SIGNATURE_TEXT_MAX = 16384, /* bytes of a signing string */
	HTTP_SIGNATURE_KEY_ID = 256,     /* with the ending 0, as are the next two */
	HTTP_SIGNATURE_ALGORITHM = 32,
	HTTP_SIGNATURE_NAME = 64,
	HTTP_SIGNATURE_HEADERS = 16,
	HTTP_SIGNATURE_SKEW_S = 300,
};

struct http_signature {
	char key_id[HTTP_SIGNATURE_KEY_ID];
	char algorithm[HTTP_SIGNATURE_ALGORITHM];
	char headers[HTTP_SIGNATURE_HEADERS][HTTP_SIGNATURE_NAME]; /* lower-case */
	int n_headers;
	size_t n_bytes;
	uint8_t bytes[SSH_SIGNATURE_MAX];
};

/* Is it of the scheme "Signature" at all? Then a failing parse is an attempt that
 * failed rather than another kind of credentials. */
bool http_signature_is_one(const char *value, size_t n);

/* The value of an Authorization header. keyId, algorithm and signature are
 * required; without headers it is "date". Every other or repeated parameter,
 * header named twice, escape, upper-case header name is refused. OK, ERR_LIMIT or
 * ERR_PROTO. */
MUST_USE int http_signature_parse(const char *value, size_t n, struct http_signature *out);

/* What a key id names: "/<account>/keys/<fingerprint>" or
 * "/<account>/users/<user>/keys/<fingerprint>". */
struct http_signature_key {
	char account[HTTP_SIGNATURE_NAME];
	char user[HTTP_SIGNATURE_NAME];   /* "" for the account itself */
	char fingerprint[SSH_KEY_SHA256]; /* as ssh_key_parse_fingerprint() gives it */
};
/* Names are 1 to 63 of A-Z a-z 0-9 . _ @ + - and neither "." nor "..". */
MUST_USE int http_signature_split_key_id(const char *key_id, struct http_signature_key *out);

/* A request as it arrived. `field` gives the value of the header of that
 * (lower-case) name, or NULL when it is absent or there more than once. All
 * borrowed. */
struct http_signature_request {
	const char *method;
	const char *target; /* path and query as sent */
	const char *(*field)(void *data, const char *name);
	void *data;
};

/* The string to be signed, in the order of `headers`. ERR_PROTO when a header is
 * absent or holds a line end; buf_ok() of `out` otherwise. */
MUST_USE int http_signature_text(const struct http_signature *s,
	const struct http_signature_request *request, struct buf *out);

enum { HTTP_SIGNATURE_DATE_ONLY = 1 << 0 }; /* accept a signature of the date alone */
/* Good when (request-target) and date are covered, the date is within
 * HTTP_SIGNATURE_SKEW_S of now_s and the key made the signature. OK, ERR_AUTH,
 * ERR_PROTO, ERR_LIMIT or ERR_NOMEM; `why` (may be NULL) is then a sentence
 * (static). The caller looked the key up by the key id. */
MUST_USE int http_signature_check(const struct http_signature *s,
	const struct http_signature_request *request, const struct ssh_key *key, int64_t now_s,
	unsigned flags, const char **why);

/* For clients: signs (request-target) and date and writes the value of the
 * Authorization header and an ending 0. `sign` is called once with the signing
 * string; its errors are passed on. ERR_LIMIT when `cap` is too small. */
typedef int (*http_signature_sign)(
	void *data, const void *text, size_t n, struct ssh_signature *out);
MUST_USE int http_signature_build(const char *method, const char *target, const char *date,
	const char *key_id, http_signature_sign sign, void *data, char *out, size_t cap);
