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
	int minor;            /* 3, 7 or 8; 0 means 8 */
	const char *password; /* VncAuth; NULL: security None only */
	bool shared;
	/* Asked for after ServerInit, must be valid; NULL: pix_format_native. */
	const struct pix_format *format;
	const int32_t *encodings; /* for SetEncodings, in order */
	uint16_t n_encodings;
	/* For load generators: rectangles are parsed and skipped, and the canvas has a
	 * size but no pixels. */
	bool no_decode;
};

/* All may be NULL. Called from inside client_feed(), where all of the functions
 * below but client_feed() and client_destroy() are allowed. */
struct client_events {
	void (*on_ready)(void *ctx, int w, int h, const char *name); /* after ServerInit */
	void (*on_rect)(void *ctx, struct rect r, int32_t encoding); /* painted */
	void (*on_update)(void *ctx); /* a whole FramebufferUpdate was painted */
	/* Every pseudo-rectangle, after its effect: `body` as it was on the wire. */
	void (*on_pseudo)(void *ctx, struct rect r, int32_t encoding, struct rd body);
	/* DesktopSize (reason and result 0) or ExtendedDesktopSize, also when the size
	 * is what it was; with a result that is not 0 it has not changed. */
	void (*on_resize)(void *ctx, int w, int h, int reason, int result);
	void (*on_bell)(void *ctx);
	void (*on_cut_text)(void *ctx, const char *latin1, size_t n);
	void (*on_ext_clipboard)(void *ctx, const uint8_t *body, size_t n);
	void (*on_fence)(void *ctx, const struct rfb_fence *f);
	void (*on_end_of_continuous)(void *ctx);
};

/* `c` is copied; `e` (NULL: no events) and `ctx` are borrowed. NULL: no memory. */
struct client *client_create(
	const struct client_config *c, const struct client_events *e, void *ctx);
void client_destroy(struct client *c); /* NULL is fine */
/* Takes all n bytes (keeps what is incomplete). Negative: the session is over
 * (ERR_AUTH: refused; client_error() has the server's reason), and every further
 * call returns the same. Ceilings: 16384 a side and 256 MB of framebuffer, 12 bytes
 * a pixel of payload, cursors of 1024 a side, 16 MB of cut text. */
MUST_USE int client_feed(struct client *c, const void *data, size_t n);
const char *client_error(const struct client *c); /* "" when none */
/* What to send: the caller writes and buf_consume()s it. Append more messages
 * with rfb_put_...(). */
struct buf *client_output(struct client *c);
bool client_ready(const struct client *c);
/* The picture, internal format; its pixels move when the size changes. */
const struct pix_canvas *client_canvas(const struct client *c);
/* Requests the whole framebuffer. */
void client_request(struct client *c, bool incremental);
/* Fences with the request bit are answered by the client itself. */
