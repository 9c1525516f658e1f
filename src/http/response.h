#pragma once
#include <time.h>

#include "base/buf.h"
#include "http/asset.h"
#include "http/head.h"

/* What is answered to a request. Pure; texts and body are borrowed. */
struct response {
	int status;
	const char *type;     /* Content-Type; NULL: no body, whatever body_len is */
	const char *encoding; /* Content-Encoding or NULL */
	const char *etag;     /* of a file; NULL for an error */
	bool immutable;       /* the file's name changes with its content */
	const uint8_t *body;
	size_t body_len;
	/* Further fields, whole lines without CRLF ("Retry-After: 10"); NULL-ended or
	 * NULL. One with a control character in it is left out. With a 405 they should
	 * say Allow, which is else GET and HEAD. */
	const char *const *fields;
};

/* A line of plain text that says what to do. */
struct response response_for_error(int status);
/* A file for GET and HEAD, or 304, 404, 405. A HEAD's body is not to be sent. */
struct response response_for_file(const struct asset_table *t, const struct http_request *r);
/* Status line and fields up to and with the blank line. Every one carries Date
 * (`now`) and the fields that keep a page of ours from being used by others. */
void response_put_head(struct buf *out, const struct response *r, bool keep_alive, time_t now);
/* The 101 of RFC 6455 section 4.2.2; `protocol` may be "". */
void response_put_upgrade(struct buf *out, const char *accept, const char *protocol);
