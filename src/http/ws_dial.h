#pragma once
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

/* The client's side of the WebSocket opening handshake (RFC 6455 section 4.1): from
 * a URL to a stream that is ready for ws_stream or ws_text in role WS_CLIENT. */
struct ws_dial;

struct ws_dial_config {
	const char *url;           /* "ws://HOST[:PORT]/PATH?QUERY", "wss://..." */
	const char *protocol;      /* the one subprotocol to offer, or NULL */
	const char *origin;        /* or NULL: "http(s)://HOST[:PORT]" of the URL */
	const char *const *fields; /* "Name: value" rows, NULL-ended, or NULL */
	struct tls_context *tls;   /* for wss */
	const char *https_proxy;   /* for wss, see http/proxy.h; or NULL */
	unsigned timeout_ms;       /* over resolving, connecting, TLS and upgrade; 0: 30 s */
	size_t queue_max;          /* ceiling of the socket's unsent bytes */
};

struct ws_dial_answer {
	struct stream *stream; /* the callee's; NULL: refused or failed */
	const uint8_t *early;  /* what came after the head; borrowed */
	size_t n_early;
	const char *protocol; /* what the server chose, "" for none */
	int status;           /* 101, the server's refusal, or 0: it did not come so far */
	const char *body;     /* of a refusal, at most 4 KB, printable */
	const char *error;    /* a sentence when stream is NULL */
};

typedef void ws_dial_fn(void *ctx, const struct ws_dial_answer *a);

/* Everything is copied, tls is referenced. on_done comes once and never from inside;
 * afterwards the ws_dial is gone. NULL: no memory, no such URL (wss without `tls` is
 * none), or a field, origin or protocol that is none. A "User-Agent" among the fields
 * stands for ours. */
struct ws_dial *ws_dial_start(
	struct loop *l, const struct ws_dial_config *config, ws_dial_fn *on_done, void *ctx);
void ws_dial_cancel(struct ws_dial *d); /* NULL is fine; no call comes */
