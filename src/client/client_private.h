#pragma once
/* The inside of struct client, for the files of this folder only. */
#include "client/client.h"
#include "pix/convert.h"

/* What comes next on the wire: takes one item whole from `in` and decides what
 * follows it. ERR_AGAIN: not all there, nothing was taken, and c->need may say
 * how many bytes it takes before asking again makes sense. */
typedef int client_step_fn(struct client *c, struct rd *in);

enum {
	CLIENT_SIDE_MAX = 16384,
	CLIENT_BYTES_MAX = 256 << 20, /* of a framebuffer, at 4 bytes a pixel */
	CLIENT_INPUT_MAX = 1 << 30,   /* the longest payload and what came with it */
	CLIENT_CUT_TEXT_MAX = 16 << 20,
	CLIENT_OUTPUT_MAX = 32 << 20,
	CLIENT_NAME_MAX = 65536,
	CLIENT_ERROR_MAX = 512,
	CLIENT_DECODERS_MAX = 16,
};

struct client {
	const struct client_events *events; /* borrowed, never NULL */
	void *ctx;

	int minor;
	bool has_password, shared, no_decode, ready;
	char password[9]; /* VncAuth looks at 8 bytes */
	struct pix_format asked;
	int32_t *encodings; /* owned */
	uint16_t n_encodings;
	bool ext_clipboard; /* among the encodings */

	client_step_fn *step;
	size_t need;
	int failed; /* what ended the session, else OK */
	char error[CLIENT_ERROR_MAX];
	struct buf in, out;

	struct pix_convert convert;
	struct pix_canvas canvas;
	/* With a colour map format: the pixels as BGR233 has them, which stand for
	 * the map's numbers, beside the canvas with the map's colours. Else empty. */
	struct pix_canvas coded;
	uint32_t map[256];
	struct decoder *decoders[CLIENT_DECODERS_MAX];

	unsigned rects_left; /* of the update; CLIENT_UNTIL_LAST: not known */
	struct rect rect;    /* whose payload is next */
	int32_t encoding;
};

/* Notes why the session is over and returns `err`. */
int client_fail(struct client *c, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* First steps: client_login.c ends by client_start(), which sends what a session
 * begins with; client_update.c returns to client_step_message. */
client_step_fn client_step_version;
client_step_fn client_step_message;
client_step_fn client_step_update;
MUST_USE int client_start(struct client *c, uint16_t w, uint16_t h, const char *name, size_t len);

/* The framebuffer: client_canvas.c. */
MUST_USE int client_resize(struct client *c, int w, int h);
void client_canvas_fini(struct client *c);
/* Where decoders paint. */
const struct pix_canvas *client_target(const struct client *c);
/* Everything in r was painted: brings the colours of a map to the canvas. */
void client_painted(struct client *c, struct rect r);
