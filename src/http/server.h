#pragma once
#include "base/log.h"
#include "http/asset.h"
#include "http/head.h"
#include "http/origin.h"
#include "net/loop.h"
#include "net/stream.h"

/* One HTTP connection: serves assets and hands WebSocket upgrades out. */
struct http_conn;

struct http_config {
	const struct log *log;
	const struct origin_rules *origin;
	const struct asset_table *assets;
	/* An upgrade for `path` (RFC 6455 section 4.2) passed the Host and Origin
	 * rules. Return the subprotocol to answer with ("binary", or "" for none)
	 * to accept, or NULL with *status set (401, 404 ...) to refuse. The
	 * protocols are those the client listed. */
	const char *(*on_upgrade)(void *ctx, const struct http_request *r, int *status);
	/* The accepted connection as a stream of the messages' bytes; taken. */
	void (*on_websocket)(void *ctx, struct stream *ws);
	/* The connection ended otherwise; `c` is gone after this call. */
	void (*on_done)(void *ctx, struct http_conn *c);
	void *ctx;
};

/* Takes the stream on success. `early`: bytes already read from it. A head must
 * be complete within 10 s, an idle connection is closed after 30 s. NULL: no memory. */
struct http_conn *http_conn_create(struct loop *l, const struct http_config *config,
	struct stream *s, const uint8_t *early, size_t n_early);
/* Closes; on_done is not called. NULL is fine. */
void http_conn_destroy(struct http_conn *c);
/* After on_websocket the connection object is gone by itself, as after on_done. */
