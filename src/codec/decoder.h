#pragma once
#include <stdint.h>

#include "base/rd.h"
#include "pix/convert.h"
#include "pix/rect.h"
#include "pix/view.h"

struct decoder;

/* One encoding's receiving side. */
struct decoder_ops {
	const char *name;
	int32_t wire_id;
	struct decoder *(*create)(void); /* NULL: no memory */
	void (*destroy)(struct decoder *self);
	/* Reads the payload of one rectangle (the 12-byte header is gone already;
	 * `at` was checked to lie inside `to`) and paints it in internal format.
	 * ERR_AGAIN: the payload is not all there; nothing was consumed, no state
	 * changed, `to` may be half painted. ERR_PROTO, ERR_LIMIT: drop the server. */
	int (*decode)(struct decoder *self, struct rd *in, struct rect at,
		const struct pix_convert *convert, const struct pix_canvas *to);
};

struct decoder {
	const struct decoder_ops *ops;
};

const struct decoder_ops *decoder_find(int32_t wire_id); /* NULL: unknown */
void decoder_destroy(struct decoder *self);              /* NULL is fine */
MUST_USE int decoder_decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to);
