#pragma once
#include "proc.h"

/* The processes that bench relay measures. Each has a port for viewers and one for
 * agents; the n-th connection of the one is joined with the n-th of the other. */
struct relay_child {
	struct proc proc;
	int viewer_port, agent_port;
};

enum relay_kind {
	RELAY_COPY, /* a loop that reads up to 64 KiB and writes them, a thread a direction */
	RELAY_PUMP, /* what the gateway has: WebSockets and a pump */
};

/* `cert`, `key`: PEM files, NULL for no TLS (of RELAY_COPY there is none). ERR_IO. */
MUST_USE int relay_child_start(
	struct relay_child *c, enum relay_kind kind, const char *cert, const char *key);
/* nginx with an http proxy, TLS on both sides where there is a certificate: viewers on
 * viewer_port, agents are listened for at agent_port by the caller, who sets both. */
MUST_USE int relay_child_start_nginx(
	struct relay_child *c, const char *folder, const char *cert, const char *key);
void relay_child_stop(struct relay_child *c);
