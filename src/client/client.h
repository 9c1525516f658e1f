#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"
#include "pix/format.h"
#include "pix/region.h"
#include "pix/view.h"
#include "rfb/client_msg.h"

/* A headless viewer without a socket: bytes from the server go in through
 * client_feed(), bytes for it wait in client_output(). For tests, benchmarks
 * and, later, snapshots and remote screens. Decodes every encoding; speaks RFB
 * 3.3, 3.7, 3.8. */
struct client;

struct client_config {
	int minor;                       /* 3, 7 or 8; 0 means 8 */
	const char *password;            /* VncAuth; NULL: security None only */
	bool shared;
	const struct pix_format *format; /* asked for after ServerInit; NULL: native */
	const int32_t *encodings;        /* for SetEncodings, in order */
	uint16_t n_encodings;
	bool no_decode; /* rectangles are parsed and skipped: for load generators */
};

/* All may be NULL. Called from inside client_feed(); the framebuffer is valid. */
struct client_events {
	void (*on_ready)(void *ctx, int w, int h, const char *name); /* after ServerInit */
	void (*on_rect)(void *ctx, struct rect r, int32_t encoding); /* painted */
	void (*on_update)(void *ctx); /* a whole FramebufferUpdate was painted */
	/* Pseudo-rectangles: `body` as it was on the wire. */
	void (*on_pseudo)(void *ctx, struct rect r, int32_t encoding, struct rd body);
	void (*on_resize)(void *ctx, int w, int h, int reason, int result);
	void (*on_bell)(void *ctx);
	void (*on_cut_text)(void *ctx, const char *latin1, size_t n);
	void (*on_ext_clipboard)(void *ctx, const uint8_t *body, size_t n);
	void (*on_fence)(void *ctx, const struct rfb_fence *f);
	void (*on_end_of_continuous)(void *ctx);
};

struct client *client_create(const struct client_config *c, const struct client_events *e, void *ctx);
void client_destroy(struct client *c); /* NULL is fine */
/* Takes all n bytes (keeps what is incomplete). Negative: the session is over
 * (ERR_AUTH: refused; client_error() has the server's reason). */
MUST_USE int client_feed(struct client *c, const void *data, size_t n);
const char *client_error(const struct client *c); /* "" when none */
/* What to send: the caller writes and buf_consume()s it. Append more messages
 * with rfb_put_...(). */
struct buf *client_output(struct client *c);
bool client_ready(const struct client *c);
/* The picture, internal format; the pointer changes when the size does. */
const struct pix_canvas *client_canvas(const struct client *c);
/* Requests the whole framebuffer. */
void client_request(struct client *c, bool incremental);
/* Fences with the request bit are answered by the client itself. */
