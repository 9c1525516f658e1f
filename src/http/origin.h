#pragma once
#include <stdbool.h>

#include "http/head.h"

/* Who may speak to a web entrance (ARCHITECTURE.md, "Web entrances"): the Host
 * rule stops DNS rebinding, the Origin rule other sites' pages. Pure. */
struct origin_rules {
	bool tls;
	int port;
	/* Where we listen, as Host has it: "192.168.1.5", "[fd00::1]"; NULL: nothing
	 * more than localhost, 127.0.0.1 and [::1], which go always. */
	const char *listen;
	/* It stands for every address of this machine ("0.0.0.0", "[::]"): Host may be
	 * any numeric one. A page elsewhere cannot make a browser send one of ours with
	 * an Origin that equals it, which it can with a name (DNS rebinding). */
	bool listen_any;
	/* NULL-ended: names from options, IPv6 in brackets. "name" goes with `port`,
	 * "name:port" (a tunnel, a proxy) stands for itself. */
	const char *const *hosts;
	/* A Host that goes as it stands, NULL: none. "example.org" before a proxy, whose
	 * port is not ours. */
	const char *public_host;
	/* NULL-ended: further origins ("https://example.org") that may connect. */
	const char *const *origins;
};

/* The port may be left out of Host when it is the scheme's own. Origin, when
 * there is one, is the page's: the same scheme and the very text of Host.
 * 0: go on; else the status to answer: 400 (no Host), 421 (Host), 403 (Origin). */
int origin_check(const struct origin_rules *rules, const struct http_request *r);
