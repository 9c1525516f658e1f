#include "gateway/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/admin_socket.h"
#include "gateway/api.h"
#include "gateway/entrance.h"
#include "gateway/limits.h"
#include "gateway/live.h"
#include "gateway/metrics.h"
#include "gateway/public_url.h"
#include "gateway/relay.h"
#include "net/peer.h"
#include "net/tls.h"

enum {
	/* What is written at the end gets this long to leave; all of it is over within 2 s. */
	DRAIN_LOOK_MS = 20,
	DRAIN_LOOKS = 80,
};

struct gateway {
	struct loop *loop;
	const struct gateway_config *config;
	void (*on_end)(void *ctx, bool failed, const char *why);
	void *ctx;
	struct public_url url;
	struct peer_table *peers;
	struct limits *limits;
	struct metrics metrics;
	struct tls_context *tls; /* NULL: plain */
	struct relay_config relay_config;
	struct relay *relay;
	struct live_config live_config;
	struct live *live;
	struct api_config api_config;
	struct api *api;
	struct entrance_config entrance_config;
	struct entrance *entrances[GATEWAY_LISTEN_MAX];
	struct admin_socket_config admin_config;
	struct admin_socket *admin;
	struct loop_timer *drain;
	int looks; /* left until the end, however many are still there */
	bool over;
};

static void end(struct gateway *g, bool failed, const char *why)
{
	if (g->over)
		return;
	g->over = true;
	g->on_end(g->ctx, failed, why);
}

static void on_notice(void *ctx, const char *kind, struct json_ref body)
{
	struct gateway *g = ctx;
	relay_notice(g->relay, kind, body);
	live_notice(g->live, kind, body);
}

static void on_lost(void *ctx)
{
	end(ctx, true, "the store process has ended: see its last lines, then start again");
}

static void on_change(void *ctx, const char *run_id)
{
	struct gateway *g = ctx;
	if (g->live)
		live_tunnel(g->live, run_id);
}

static void on_request(void *ctx, struct http_exchange *x, int peer)
{
	struct gateway *g = ctx;
	api_request(g->api, x, peer);
}

static int connections(void *ctx)
{
	const struct gateway *g = ctx;
	int n = 0;
	for (int i = 0; i < g->config->n_listen; i++)
		if (g->entrances[i])
			n += entrance_count(g->entrances[i]);
	return n;
}

static void on_drain(void *ctx)
{
	struct gateway *g = ctx;
	if (--g->looks > 0 && (connections(g) > 0 || !relay_is_idle(g->relay)))
		loop_timer_start(g->drain, DRAIN_LOOK_MS);
	else
		end(g, false, "stopped");
}

static int make_tls(struct gateway *g, char error[GATEWAY_ERROR_MAX])
{
	const struct gateway_config *c = g->config;
	if (!c->tls_cert)
		return OK;
	g->tls = tls_context_server_pem(
		c->tls_cert, c->n_tls_cert, c->tls_key, c->n_tls_key, error, GATEWAY_ERROR_MAX);
	return g->tls ? OK : ERR_PROTO;
}

/* The relay's changes go to the live clients, which are made after it. */
static int make_parts(struct gateway *g)
{
	const struct gateway_config *c = g->config;
	struct limits_config limits = { c->rate_address_per_min, c->rate_agent_per_s };
	g->relay_config = (struct relay_config){
		.log = c->log,
		.store = c->store,
		.legacy_runner = c->legacy_runner,
		.idle_limit_s = c->idle_limit_s,
		.absolute_limit_s = c->absolute_limit_s,
		.proxies = c->proxies,
		.on_change = on_change,
		.ctx = g,
	};
	g->live_config = (struct live_config){ c->log, c->store, c->proxies };
	g->peers = peer_table_create();
	g->limits = limits_create(&limits);
	g->drain = loop_timer_create(g->loop, on_drain, g);
	g->relay = relay_create(g->loop, &g->relay_config);
	g->live = live_create(g->loop, &g->live_config);
	return g->peers && g->limits && g->drain && g->relay && g->live ? OK : ERR_NOMEM;
}

static int make_api(struct gateway *g)
{
	const struct gateway_config *c = g->config;
	g->api_config = (struct api_config){
		.log = c->log,
		.store = c->store,
		.relay = g->relay,
		.live = g->live,
		.limits = g->limits,
		.metrics = &g->metrics,
		.peers = g->peers,
		.proxies = c->proxies,
		.assets = c->assets,
		.secure = g->tls || public_url_is_secure(&g->url),
		.connections = connections,
		.ctx = g,
	};
	g->api = api_create(&g->api_config);
	return g->api ? OK : ERR_NOMEM;
}

static void explain_busy(const struct address *a, char error[GATEWAY_ERROR_MAX])
{
	char text[ADDRESS_TEXT_MAX];
	int why = errno;
	address_text(a, text);
	if (why == EADDRINUSE)
		snprintf(error, GATEWAY_ERROR_MAX,
			"%s is in use by another program: choose another with --listen (port 0 "
			"takes "
			"any free one)",
			text);
	else
		snprintf(error, GATEWAY_ERROR_MAX, "cannot listen on %s: %s", text, strerror(why));
}

static int open_entrances(struct gateway *g, char error[GATEWAY_ERROR_MAX])
{
	const struct gateway_config *c = g->config;
	g->entrance_config = (struct entrance_config){
		.log = c->log,
		.hosts = c->hosts,
		.origins = g->url.origins,
		.public_host = *g->url.host ? g->url.host : NULL,
		.proxies = c->proxies,
		.on_request = on_request,
		.ctx = g,
	};
	for (int i = 0; i < c->n_listen; i++) {
		g->entrances[i] =
			entrance_create(g->loop, &g->entrance_config, &c->listen[i], g->tls);
		if (!g->entrances[i]) {
			explain_busy(&c->listen[i], error);
			return ERR_IO;
		}
	}
	return OK;
}

static int open_admin(struct gateway *g, char error[GATEWAY_ERROR_MAX])
{
	const struct gateway_config *c = g->config;
	if (!c->admin_socket)
		return OK;
	g->admin_config =
		(struct admin_socket_config){ c->log, c->store, g->relay, g->peers, g->url.text };
	g->admin = admin_socket_create(g->loop, &g->admin_config, c->admin_socket);
	if (g->admin)
		return OK;
	snprintf(error, GATEWAY_ERROR_MAX, "cannot listen on %s: %s", c->admin_socket,
		errno == EADDRINUSE ? "a gateway runs there already" : strerror(errno));
	return ERR_IO;
}

struct gateway *gateway_create(struct loop *l, const struct gateway_config *config,
	void (*on_end)(void *ctx, bool failed, const char *why), void *ctx,
	char error[GATEWAY_ERROR_MAX])
{
	struct gateway *g = calloc(1, sizeof(*g));
	snprintf(error, GATEWAY_ERROR_MAX, "not enough memory");
	if (!g)
		return NULL;
	g->loop = l;
	g->config = config;
	g->on_end = on_end;
	g->ctx = ctx;
	if (public_url_init(&g->url, config->public_url, config->origins, error, GATEWAY_ERROR_MAX))
		goto fail;
	if (make_tls(g, error) || make_parts(g) || make_api(g))
		goto fail;
	if (store_attach(config->store, l, on_notice, on_lost, g))
		goto fail;
	if (open_entrances(g, error) || open_admin(g, error))
		goto fail;
	public_url_listens(&g->url, &config->listen[0], g->tls != NULL);
	return g;
fail:
	gateway_destroy(g);
	return NULL;
}

void gateway_destroy(struct gateway *g)
{
	if (!g)
		return;
	admin_socket_destroy(g->admin);
	api_destroy(g->api);
	live_destroy(g->live);
	relay_destroy(g->relay);
	for (int i = 0; i < GATEWAY_LISTEN_MAX; i++)
		entrance_destroy(g->entrances[i]);
	limits_destroy(g->limits);
	peer_table_destroy(g->peers);
	tls_context_unref(g->tls);
	loop_timer_destroy(g->drain);
	public_url_fini(&g->url);
	free(g);
}

int gateway_reload_tls(struct gateway *g, const void *cert, size_t n_cert, const void *key,
	size_t n_key, char error[GATEWAY_ERROR_MAX])
{
	if (!g->tls) {
		snprintf(error, GATEWAY_ERROR_MAX, "this gateway was started without TLS");
		return ERR_PROTO;
	}
	struct tls_context *tls =
		tls_context_server_pem(cert, n_cert, key, n_key, error, GATEWAY_ERROR_MAX);
	if (!tls)
		return ERR_PROTO;
	for (int i = 0; i < g->config->n_listen; i++)
		entrance_set_tls(g->entrances[i], tls);
	tls_context_unref(g->tls);
	g->tls = tls;
	return OK;
}

void gateway_drain(struct gateway *g)
{
	admin_socket_destroy(g->admin);
	g->admin = NULL;
	live_drain(g->live);
	relay_drain(g->relay);
	for (int i = 0; i < g->config->n_listen; i++)
		entrance_drain(g->entrances[i]);
	g->looks = DRAIN_LOOKS;
	loop_timer_start(g->drain, DRAIN_LOOK_MS);
}

const char *gateway_url(const struct gateway *g)
{
	return g->url.text;
}
