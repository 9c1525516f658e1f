#pragma once
#include <stdbool.h>

#include "base/err.h"

/* What HTTPS_PROXY and NO_PROXY say, as libcurl takes them too. Pure. */
enum { PROXY_HOST_MAX = 256, PROXY_LOGIN_MAX = 512 };

struct proxy {
	char host[PROXY_HOST_MAX]; /* without brackets */
	int port;
	char login[PROXY_LOGIN_MAX]; /* "USER:PASSWORD", a secret; "": none */
};

/* "[http://][USER[:PASSWORD]@]HOST[:PORT][/]", the login percent-encoded; port 1080
 * when none is given. ERR_PROTO for anything else, ERR_LIMIT for what is too long. */
MUST_USE int proxy_parse(const char *text, struct proxy *out);
/* Whether `no_proxy` exempts a host (a name or an address without brackets): it is "*",
 * or a list, parted by commas or blanks, of names, of domains with or without a dot
 * before them (those in them are meant too), and of addresses or "ADDRESS/BITS".
 * NULL exempts nobody. */
bool proxy_exempts(const char *no_proxy, const char *host);
