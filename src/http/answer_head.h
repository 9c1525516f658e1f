#pragma once
#include "http/head.h"

/* The head of a response, RFC 9112: pure, and as strict as with requests. */
struct answer_head {
	int minor;  /* HTTP/1.0 or 1.1 */
	int status; /* 100 to 599 */
	struct http_text reason;
	long long content_length; /* -1: none */
	bool chunked;
	int n_fields;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/* Parses a head from the front of `in`. OK: the cursor is past the blank line and
 * texts point into its bytes. ERR_AGAIN: more bytes, nothing consumed. ERR_PROTO: no
 * HTTP, whatever may follow. ERR_LIMIT: longer than HTTP_HEAD_MAX or of more than
 * HTTP_FIELDS_MAX fields. The answer does not depend on how the bytes were cut. */
MUST_USE int answer_head_parse(struct rd *in, struct answer_head *out);
/* The value of the only field of that name (any case); NULL: none, or several. */
const struct http_text *answer_head_field(const struct answer_head *h, const char *name);
/* Some field of that name has this token in its list (any case). */
bool answer_head_has_token(const struct answer_head *h, const char *name, const char *token);
