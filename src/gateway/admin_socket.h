#pragma once
#include "base/log.h"
#include "gateway/relay.h"
#include "gateway/store/store.h"
#include "net/loop.h"
#include "net/peer.h"

/* The way in for the command line on this machine: a 0600 Unix socket, and only for
 * processes of our own user or root. A request is a line of JSON of at most 1 MB,
 * {"op", "args"}; its answer a line {"status", "answer"}. They are taken in order.
 * The operations are the store's, as STORE_LOCAL, and relay.status {"id"}, relay.stats
 * and gateway.url. A line that is none ends the connection after saying so. */
struct admin_socket;

enum { ADMIN_SOCKET_LINE_MAX = 1024 * 1024, ADMIN_SOCKET_MAX = 16 /* connections */ };

struct admin_socket_config { /* borrowed */
	const struct log *log;
	struct store *store;
	const struct relay *relay;
	struct peer_table *peers;
	const char *url; /* where the gateway is reached; may change */
};

/* NULL with errno set. */
struct admin_socket *admin_socket_create(
	struct loop *l, const struct admin_socket_config *config, const char *path);
void admin_socket_destroy(struct admin_socket *a); /* NULL is fine */
