#pragma once
#include "base/log.h"
#include "gateway/store/store.h"
#include "http/asset.h"
#include "net/address.h"
#include "net/child.h"
#include "net/loop.h"

/* The gateway put together: entrances, REST API, tunnels, live updates, and the
 * administration socket (data_dir/admin.sock, 0600: one JSON request a line,
 * {"op", "args"}, answered by {"status", "answer"}). */
struct gateway;

enum { GATEWAY_LISTEN_MAX = 8, GATEWAY_ERROR_MAX = 512 };

struct gateway_config { /* borrowed for the gateway's life */
	const struct log *log;
	struct store *store;
	struct address *listen; /* port 0 takes a free one; filled in by gateway_create() */
	int n_listen;
	const char *admin_socket;   /* path, or NULL */
	const char *public_url;     /* "https://gw.example.org", or NULL: as it listens */
	const char *const *proxies; /* addresses whose X-Forwarded-* count; NULL-ended or NULL */
	const char *const *hosts, *const *origins; /* see http/origin.h */
	const void *tls_cert, *tls_key;            /* PEM; NULL: plain HTTP */
	size_t n_tls_cert, n_tls_key;
	bool legacy_runner;
	int rate_address_per_min, rate_agent_per_s; /* 0: 100 and 500 */
	unsigned idle_limit_s, absolute_limit_s;    /* of a channel; 0: none */
	const struct asset_table *assets;
};

/* Attaches the store to the loop and listens. NULL: `error` says what to do. */
struct gateway *gateway_create(struct loop *l, const struct gateway_config *config,
	void (*on_end)(void *ctx, bool failed, const char *why), void *ctx,
	char error[GATEWAY_ERROR_MAX]);
void gateway_destroy(struct gateway *g); /* NULL is fine */
/* New certificate files; those who are connected stay. OK, or `error` and the old one. */
MUST_USE int gateway_reload_tls(struct gateway *g, const void *cert, size_t n_cert, const void *key,
	size_t n_key, char error[GATEWAY_ERROR_MAX]);
/* Ends in order: viewers get 1001, answers go out; on_end follows within 2 s. */
void gateway_drain(struct gateway *g);
const char *gateway_url(const struct gateway *g); /* public_url, or as it listens */
