#pragma once
#include "base/log.h"
#include "http/server.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tls.h"

/* Where the gateway listens: sockets, TLS, and the HTTP connections that came in,
 * of which there are so many at most, from one source and in all. One that became a
 * WebSocket is no longer counted here: whoever took it has ceilings of his own. */
struct entrance;

enum {
	ENTRANCE_MAX = 4096,       /* connections; half of them from this machine or proxies */
	ENTRANCE_SOURCE_MAX = 256, /* from any other address (of IPv6: any /64) */
};

struct entrance_config { /* borrowed for the entrance's life */
	const struct log *log;
	const char *const *hosts, *const *origins; /* see http/origin.h */
	const char *public_host;                   /* NULL: none */
	const char *const *proxies;                /* see who_address() */
	/* `peer`: the connection's descriptor, for peer_is_ours(). */
	void (*on_request)(void *ctx, struct http_exchange *x, int peer);
	void *ctx;
};

/* Listens on `a`, whose port 0 becomes the one that was free. `tls` is shared by
 * those who listen and may be NULL. NULL with errno set. */
struct entrance *entrance_create(struct loop *l, const struct entrance_config *config,
	struct address *a, struct tls_context *tls);
void entrance_destroy(struct entrance *e); /* NULL is fine; no on_gone is called */
/* For those who come from now on; takes a reference. */
void entrance_set_tls(struct entrance *e, struct tls_context *tls);
/* Listens no more; connections end with the answers they wait for. */
void entrance_drain(struct entrance *e);
int entrance_count(const struct entrance *e);
