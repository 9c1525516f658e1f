#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/rd.h"

/* A request head, RFC 9112: pure and strict. What the RFC calls an error is
 * refused: bare CR or LF, obs-fold, NUL, space before a colon, two Host or
 * Content-Length fields, Content-Length beside Transfer-Encoding, ... */
enum {
	HTTP_LINE_MAX = 8 * 1024,  /* request line: else 414 */
	HTTP_HEAD_MAX = 16 * 1024, /* whole head: else 431 */
	HTTP_FIELDS_MAX = 100,     /* else 431 */
};

/* Bytes of the buffer that was parsed; not ended by 0. */
struct http_text {
	const char *p;
	size_t n;
};

struct http_field {
	struct http_text name, value; /* value without surrounding blanks */
};

struct http_request {
	struct http_text method;
	struct http_text path;  /* starts with '/', no query; as sent, not decoded */
	struct http_text query; /* after '?', empty without one */
	int minor;              /* HTTP/1.0 or 1.1 */
	bool keep_alive;
	long long content_length; /* -1: none */
	bool chunked;
	int n_fields;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/* Parses a head from the front of `in`. OK: the cursor is past the blank line
 * and texts point into its bytes. ERR_AGAIN: more bytes, nothing consumed (a
 * head that can only become wrong is refused at once). ERR_PROTO or ERR_LIMIT:
 * *status is the response to send: 400, 414, 431, 501, 505. */
MUST_USE int http_request_parse(struct rd *in, struct http_request *out, int *status);
/* The one field of that name (any case), or NULL. */
const struct http_text *http_request_field(const struct http_request *r, const char *name);
bool http_text_is(struct http_text t, const char *s);      /* same bytes */
bool http_text_is_nocase(struct http_text t, const char *s);
/* A comma-separated list has this token (any case). */
bool http_text_has_token(struct http_text list, const char *token);
