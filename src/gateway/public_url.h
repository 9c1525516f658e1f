#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

/* What the gateway is called outside: the URL that is printed, and with it the names
 * and origins that web entrances accept. */
enum { PUBLIC_URL_MAX = 300 };

struct public_url {
	char text[PUBLIC_URL_MAX]; /* "https://gw.example.org:8443", no '/' at the end */
	char host[PUBLIC_URL_MAX]; /* as a Host field has it; "": as it listens */
	const char **origins;      /* NULL-ended; owned, its texts are borrowed */
};

/* `url` (NULL: none) is added to the origins, a NULL-ended list or NULL. ERR_PROTO and
 * `error` (cap bytes) when it is no "http[s]://HOST[:PORT][/]"; ERR_NOMEM. */
MUST_USE int public_url_init(
	struct public_url *u, const char *url, const char *const *origins, char *error, size_t cap);
void public_url_fini(struct public_url *u);
/* Without a URL it is called as it listens. */
void public_url_listens(struct public_url *u, const struct address *a, bool tls);
bool public_url_is_secure(const struct public_url *u);
