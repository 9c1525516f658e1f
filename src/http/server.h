#pragma once
#include "base/log.h"
#include "http/asset.h"
#include "http/head.h"
#include "http/origin.h"
#include "net/loop.h"
#include "net/stream.h"

/* One HTTP connection: serves assets and hands WebSocket upgrades out. Requests
 * that were sent ahead are answered in order; a body is refused. */
struct http_conn;

struct http_config {
	const struct log *log;
	const struct origin_rules *origin;
	const struct asset_table *assets;
	/* An upgrade for `path` (RFC 6455 section 4.2) passed the Host and Origin
	 * rules. Return the subprotocol to answer with ("binary", or "" for none)
	 * to accept, or NULL with *status set (403, 404, 503 ...) to refuse. The
	 * protocols are those the client listed in Sec-WebSocket-Protocol (walk its
	 * fields with http_text_next(): a value may hold a secret). */
	const char *(*on_upgrade)(void *ctx, const struct http_request *r, int *status);
	/* The accepted connection as a stream of the messages' bytes; taken. The
	 * http_conn is gone already: with several of them, `ctx` must say which. */
	void (*on_websocket)(void *ctx, struct stream *ws);
	/* The connection ended otherwise; `c` is gone after this call, which must
	 * not destroy it. */
	void (*on_done)(void *ctx, struct http_conn *c);
	void *ctx;
	/* How long a head may take from the connection's start or its own first
	 * byte, and how long a connection may idle or a reader may not read.
	 * 0: 10 s and 30 s. */
	unsigned head_timeout_ms, idle_timeout_ms;
};

/* Takes the stream on success; its queue must hold 36 KB. `early`: bytes already
 * read from it, at most 32 KB, copied. The config is copied, what it points at
 * is borrowed. No callback comes from inside this call. NULL: no memory. */
struct http_conn *http_conn_create(struct loop *l, const struct http_config *config,
	struct stream *s, const uint8_t *early, size_t n_early);
/* Closes; on_done is not called. NULL is fine. Not from inside a callback of this
 * connection. */
void http_conn_destroy(struct http_conn *c);
