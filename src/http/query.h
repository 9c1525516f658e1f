#pragma once
#include "http/head.h"

/* A query string: "name=value&name=value", percent-decoded. Pure. */
enum { QUERY_NAME_MAX = 64, QUERY_VALUE_MAX = 2048 }; /* bytes with an ending 0 */

struct query_item {
	char name[QUERY_NAME_MAX];   /* ended by 0, UTF-8, not empty */
	char value[QUERY_VALUE_MAX]; /* "" without a '=' */
};

/* Takes the next item off the front of `query`. OK; ERR_AGAIN: there is none left;
 * ERR_PROTO: not properly encoded, or a control character; ERR_LIMIT: too long. */
MUST_USE int query_next(struct http_text *query, struct query_item *item);
