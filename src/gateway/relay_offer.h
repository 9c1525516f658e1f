#pragma once
#include <stdbool.h>

#include "http/head.h"

/* What a WebSocket's opening request offers as subprotocols, and the ticket that may be
 * one of them, or in the query. Pure. */
enum { RELAY_TICKET_MAX = 256 };

struct relay_offer {
	const char *protocol; /* "binary" or "porthole.v1", the first of them; "" for none */
	bool others;          /* it offers what we do not know */
	char ticket[RELAY_TICKET_MAX];
};

void relay_offer_read(const struct http_request *r, struct relay_offer *out);
