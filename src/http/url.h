#pragma once
#include <stdbool.h>

#include "http/head.h"

/* "SCHEME://HOST[:PORT][/PATH][?QUERY]", the scheme with or without an 's' for TLS.
 * Pure. */
enum { URL_HOST_MAX = 256 };

struct url {
	bool tls;
	char host[URL_HOST_MAX];    /* without brackets */
	int port;                   /* the scheme's own when none was given */
	struct http_text authority; /* as it stood: for Host */
	struct http_text target;    /* path and query; texts of what was parsed */
};

/* `scheme`: "ws" or "http". ERR_PROTO for anything else: a login, a fragment, blanks,
 * a port that is none. The target may be empty or begin with '?' where '/' is meant. */
MUST_USE int url_parse(const char *text, const char *scheme, struct url *out);
