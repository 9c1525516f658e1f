#pragma once
#include <stddef.h>
#include <stdint.h>

#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

/* Connecting to somewhere, by name or address, with or without TLS and an HTTP
 * proxy (CONNECT). Nothing blocks the loop. */
struct dial;

struct dial_config {
	const char *host; /* a name or a numeric address, without brackets */
	int port;
	const char *unix_path;  /* instead of host and port; NULL: none */
	const char *proxy_host; /* HTTP proxy; NULL: none */
	int proxy_port;
	const char *proxy_login; /* "user:password" for it; NULL: none */
	struct tls_context *tls; /* NULL: none. `host` is verified */
	uint32_t timeout_ms;     /* for all of it; 0: 30 s */
	size_t queue_max;        /* of the stream, see socket_stream.h; 0: 4 MiB */
};

/* Called once. `s` is the callee's, connected (TLS: handshake done); or NULL and
 * `why` is one sentence about what failed and what to do, borrowed. */
typedef void dial_done_fn(void *ctx, struct stream *s, const char *why);

/* All strings are copied. NULL: no memory. `on_done` is never called from inside
 * this call; it ends the dial, which must not be used afterwards. */
struct dial *dial_start(
	struct loop *l, const struct dial_config *config, dial_done_fn *on_done, void *ctx);
/* No call comes afterwards. NULL is fine. */
void dial_cancel(struct dial *d);
