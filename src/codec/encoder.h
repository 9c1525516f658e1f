#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "pix/convert.h"
#include "pix/rect.h"
#include "pix/view.h"

/* What may be shared of an encoder's output (ARCHITECTURE.md, "Encoders have a scope"). */
enum encoder_scope {
	ENCODER_BLOCK,  /* stateless payload: any thread, any number of viewers */
	ENCODER_GROUP,  /* one context for viewers with the same settings */
	ENCODER_VIEWER, /* a continuous stream: one instance a viewer, in order */
};

/* What a viewer asked for, as far as an encoder cares. */
struct encoder_settings {
	int quality;  /* JPEG quality level 0..9 of the pseudo-encodings; -1: no JPEG */
	int compress; /* compression level 0..9; -1: the encoder's own default */
};

/* One rectangle to encode. Everything is borrowed for the call. */
struct encoder_job {
	struct pix_view rgb; /* the rectangle's pixels, internal format (r.w x r.h) */
	/* The same pixels as the viewer's values (pix/convert.h); anything of that
	 * size, such as rgb, where encoder_needs_value() is false. */
	struct pix_view value;
	const struct pix_convert *convert;
	const struct encoder_settings *settings;
	struct rect at; /* where it goes in the viewer's framebuffer; w, h as the views */
};

struct encoder;

/* One encoding. All operations but reads_rgb are mandatory. */
struct encoder_ops {
	const char *name; /* as in logs and statistics */
	int32_t wire_id;  /* RFC 6143 section 7.7, rfbproto */
	enum encoder_scope scope;
	struct encoder *(*create)(void); /* NULL: no memory */
	void (*destroy)(struct encoder *self);
	/* True if encode() never looks at job->value in this format. NULL: it does
	 * in every format. */
	bool (*reads_rgb)(const struct pix_convert *convert);
	/* Appends whole rectangles (12-byte header and payload) that cover
	 * job->at, split as the encoding likes. Returns how many rectangles (>= 1)
	 * or a negative err; then `out` holds rubbish past its old length and a
	 * VIEWER encoder's stream is lost: drop the viewer. */
	int (*encode)(struct encoder *self, const struct encoder_job *job, struct buf *out);
};

struct encoder {
	const struct encoder_ops *ops;
};

/* The encoding with this number, or NULL: the one table of what exists. */
const struct encoder_ops *encoder_find(int32_t wire_id);
/* The i-th encoding, NULL past the last: for tests and help texts. */
const struct encoder_ops *encoder_at(unsigned i);
/* Whether a job in this format needs its pixels converted to values first. */
bool encoder_needs_value(const struct encoder *self, const struct pix_convert *convert);
void encoder_destroy(struct encoder *self); /* NULL is fine */
MUST_USE int encoder_encode(struct encoder *self, const struct encoder_job *job, struct buf *out);
