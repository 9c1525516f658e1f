#pragma once
#include <stdbool.h>

#include "http/head.h"

/* Who may speak to a web entrance (ARCHITECTURE.md, "Web entrances"): the Host
 * rule stops DNS rebinding, the Origin rule other sites' pages. Pure. */
struct origin_rules {
	bool tls;
	int port;
	/* NULL-ended: further host names (no port) that Host may carry besides
	 * localhost, 127.0.0.1, [::1]: the listen address, names from options. */
	const char *const *hosts;
	/* NULL-ended: further origins ("https://example.org") that may connect. */
	const char *const *origins;
};

/* 0: go on; else the status to answer: 400 (no Host), 421 (Host), 403 (Origin). */
int origin_check(const struct origin_rules *rules, const struct http_request *r);
