#pragma once
#include "base/log.h"
#include "gateway/entrance.h"
#include "gateway/limits.h"
#include "gateway/live.h"
#include "gateway/metrics.h"
#include "gateway/relay.h"
#include "gateway/store/store.h"
#include "http/asset.h"
#include "http/server.h"
#include "net/peer.h"

/* What is behind each path: one table, api_routes.c. Most rows name an operation of
 * the store and where its arguments come from; who may is decided there. */
struct api;

struct api_config { /* borrowed for the api's life */
	const struct log *log;
	struct store *store;
	struct relay *relay;
	struct live *live;
	struct limits *limits;
	struct metrics *metrics;
	struct peer_table *peers;
	const char *const *proxies;
	const struct asset_table *assets;
	bool secure; /* cookies are for https only */
	/* Open HTTP connections, for /metrics. */
	int (*connections)(void *ctx);
	void *ctx;
};

struct api *api_create(const struct api_config *config); /* NULL: no memory */
void api_destroy(struct api *a); /* NULL is fine; before the connections it answers */
/* Takes the exchange. `peer`: its connection's descriptor. */
void api_request(struct api *a, struct http_exchange *x, int peer);

/* The table, to compare it with its documentation: the i-th row's method and pattern
 * ("GET", "/api/runs/:id"). False: there is no such row. */
bool api_route_at(size_t i, const char **method, const char **pattern);
