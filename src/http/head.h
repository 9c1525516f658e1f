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
 * and texts point into its bytes. ERR_AGAIN: more bytes, nothing consumed; call
 * again with the same bytes and more. ERR_PROTO or ERR_LIMIT: *status is the
 * response to send: 400, 414, 431, 501, 505. A byte that is wrong where it
 * stands is refused at once, a field's meaning at the end of its line, and the
 * answer does not depend on how the bytes were cut. */
MUST_USE int http_request_parse(struct rd *in, struct http_request *out, int *status);

/* The value of the field of that name (any case), of the first one when there
 * are several, or NULL. A second one of those that may come only once (Host,
 * Origin, Authorization, Sec-WebSocket-Key ...) is refused by the parser. */
const struct http_text *http_request_field(const struct http_request *r, const char *name);
/* A field of that name comes more than once. */
bool http_request_field_is_repeated(const struct http_request *r, const char *name);
/* The value of the first cookie of that name (exactly), RFC 6265 section 4.2. */
bool http_request_cookie(const struct http_request *r, const char *name, struct http_text *value);
/* A field of that name has this token in its comma-separated list (any case). */
bool http_request_has_token(const struct http_request *r, const char *name, const char *token);

bool http_text_is(struct http_text t, const char *s); /* same bytes */
bool http_text_is_nocase(struct http_text t, const char *s);
/* A comma-separated list has this token (any case). */
bool http_text_has_token(struct http_text list, const char *token);
/* Takes the next non-empty item, without the blanks around it, off the front of
 * a comma-separated list. False: there is none left. Quotes have no meaning. */
bool http_text_next(struct http_text *list, struct http_text *item);
/* Without spaces and tabs on either side. */
struct http_text http_text_trim(struct http_text t);
