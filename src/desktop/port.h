#pragma once
#include <stdbool.h>

#include "desktop/desktop.h"
#include "http/asset.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/peer.h"

/* An entrance to a desktop. One socket for three kinds of visitors: who starts
 * with an HTTP method gets the viewer page and /websockify, who says "RFB" or
 * nothing for 150 ms is a VNC viewer and is greeted, and who shows TLS is
 * closed. Who may come in: ARCHITECTURE.md, "Entrances". */
struct port;

struct port_config {
	const struct log *log; /* all pointers are borrowed for the port's life */
	struct desktop *desktop;
	struct peer_table *peers;
	enum rfb_security security;
	const struct asset_table *assets; /* NULL: no HTTP, viewers are greeted at once */
	const char *secret;               /* what a WebSocket must present; NULL: nothing */
	const char *const *hosts;         /* NULL-ended: further names, see http/origin.h */
	const char *const *origins;       /* NULL-ended */
	bool any_peer; /* security None is not limited to our own user and root */
};

/* NULL with errno when it cannot listen there (EADDRINUSE ...). */
struct port *port_create(struct loop *l, const struct port_config *config, const struct address *a);
void port_destroy(struct port *p); /* NULL is fine; viewers stay with their desktop */
const struct address *port_address(const struct port *p);
