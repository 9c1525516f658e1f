#pragma once
#include "base/log.h"
#include "http/asset.h"
#include "http/head.h"
#include "http/origin.h"
#include "http/response.h"
#include "net/loop.h"
#include "net/stream.h"

/* One HTTP connection of the server's side: requests in order, each answered
 * now or later, and WebSocket upgrades. Requests that were sent ahead wait. */
struct http_conn;

/* One request that waits for its answer, with its whole body. It ends with
 * exactly one of http_answer(), http_answer_file(), http_upgrade(), or with
 * on_gone when the peer left before. */
struct http_exchange;

enum { HTTP_BODY_MAX = 1024 * 1024 }; /* else 413 */

/* What several connections' bodies may hold together: of requests, which come from
 * anybody and slowly, and of answers that slow readers leave. Short ones (16 KB) are not
 * counted. A request beyond it is told 503, an answer beyond it breaks off. */
struct http_budget {
	size_t max, used; /* bytes */
};

struct http_config {
	const struct log *log;
	const struct origin_rules *origin; /* checked before anybody is asked: 421, 403 */
	/* A request, its body complete. Answer from inside the call or later. */
	void (*on_request)(void *ctx, struct http_exchange *x);
	/* Comes once, also after http_upgrade(), and never from inside a call: the
	 * connection is over and `c` is gone after this call, which must not destroy
	 * it. An exchange that still waited was told by its on_gone before. */
	void (*on_done)(void *ctx, struct http_conn *c);
	void *ctx;
	const char *peer; /* who, for logs, limits and audit: "192.0.2.7"; copied; NULL: "" */
	/* How long a head may take from the connection's start or its own first
	 * byte, and how long a connection may idle or a reader may not read.
	 * 0: 10 s and 30 s. A body has the time of a head too; from then on it must
	 * come at 1 KB/s at least. */
	unsigned head_timeout_ms, idle_timeout_ms;
	size_t body_max;            /* 0: no bodies (413); at most HTTP_BODY_MAX */
	struct http_budget *budget; /* of several connections, borrowed; NULL: no limit */
	bool json_errors;           /* what is refused here says {"error":"..."}, not plain text */
};

/* Takes the stream on success; its queue must hold 36 KB. `early`: bytes already
 * read from it, at most 32 KB, copied. The config is copied, what it points at is
 * borrowed. No callback comes from inside this call. NULL: no memory. */
struct http_conn *http_conn_create(struct loop *l, const struct http_config *config,
	struct stream *s, const uint8_t *early, size_t n_early);
/* Closes; neither on_done nor on_gone is called, and an exchange that waits is gone.
 * NULL is fine. Not from inside a callback of this connection. */
void http_conn_destroy(struct http_conn *c);
/* No further request is taken: closes soon when none was, else after the answer. */
void http_conn_drain(struct http_conn *c);

/* Valid until the exchange ends. */
const struct http_request *http_exchange_head(const struct http_exchange *x);
struct http_text http_exchange_body(const struct http_exchange *x); /* n 0: none */
const char *http_exchange_peer(const struct http_exchange *x);
/* The request target as it was sent, path and query: what signatures cover. */
struct http_text http_exchange_target(const struct http_exchange *x);
/* A valid WebSocket opening handshake (RFC 6455 section 4.2.1); one that is not
 * valid was refused already. */
bool http_exchange_is_upgrade(const struct http_exchange *x);
/* The peer went away while the answer was being made; `x` is gone after it. Who
 * does not answer from inside on_request must set it. NULL: nobody is told. */
void http_exchange_set_gone(struct http_exchange *x, void (*on_gone)(void *ctx), void *ctx);

/* Answers; everything is copied. After a 400 the connection is closed: what follows
 * may be meant as something else. */
void http_answer(struct http_exchange *x, const struct response *r);
/* A file of the table, or 304, 404, 405. */
void http_answer_file(struct http_exchange *x, const struct asset_table *t);

/* Answers 101 with `protocol` ("" for none) and gives the stream below, which is
 * the caller's, with what came after the head in `early` (the caller's: buf_fini).
 * Only for one that http_exchange_is_upgrade(). NULL: no memory or the peer is gone,
 * `early` is empty. on_done follows in both cases. */
struct stream *http_upgrade(struct http_exchange *x, const char *protocol, struct buf *early);
