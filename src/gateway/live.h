#pragma once
#include "base/json.h"
#include "base/log.h"
#include "gateway/store/store.h"
#include "http/server.h"
#include "net/loop.h"

/* Live updates at /ws: JSON texts over WebSockets, for whoever has a session.
 *
 * From a client: {"type": "subscribe", "runId"}, {"type": "unsubscribe", "runId"?},
 * {"type": "ping"}. To it: connected, subscribed, unsubscribed, pong, error {message};
 * of the runs it subscribed to event, command_queued, command_completed,
 * stop_requested; of all runs, as who has a session may list them, run_changed,
 * run_deleted, tunnel_changed; of all clients (the agents' machines) client_updated. A client whose
 * session ends is closed with 1008. */
struct live;

enum {
	LIVE_CLIENTS_MAX = 1024,
	LIVE_ADDRESS_MAX = 64, /* clients of one address */
	LIVE_RUNS_MAX = 64,    /* subscriptions of a client */
};

struct live_config {
	const struct log *log;
	struct store *store;
	const char *const *proxies; /* see who_address() */
};

struct live *live_create(struct loop *l, const struct live_config *config); /* NULL: no memory */
void live_destroy(struct live *l);                                          /* NULL is fine */
/* Takes an exchange that asks for a WebSocket. */
void live_upgrade(struct live *l, struct http_exchange *x);
void live_notice(struct live *l, const char *kind, struct json_ref body); /* of the store */
void live_tunnel(struct live *l, const char *run); /* its viewers or its agent changed */
void live_drain(struct live *l);                   /* all are closed with 1001 */
int live_clients(const struct live *l);
int live_subscriptions(const struct live *l);
