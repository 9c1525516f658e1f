#include <stdlib.h>

#include "codec/decoder.h"
#include "codec/wire.h"

/* RFC 6143 section 7.7.1. */

extern const struct decoder_ops dec_raw_ops;

static struct decoder *create(void)
{
	struct decoder *d = calloc(1, sizeof(*d));
	if (d)
		d->ops = &dec_raw_ops;
	return d;
}

static void destroy(struct decoder *self)
{
	free(self);
}

static int decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to)
{
	(void)self;
	struct wire_pixel p;
	wire_pixel_init(&p, convert);
	size_t row = (size_t)at.w * p.bytes;
	if (in->left < row * (size_t)at.h)
		return ERR_AGAIN;
	const uint8_t *from = rd_bytes(in, row * (size_t)at.h);
	for (int y = 0; y < at.h; y++, from += row)
		wire_pixel_get(&p, from, pix_canvas_at(to, at.x, at.y + y), (size_t)at.w);
	return OK;
}

const struct decoder_ops dec_raw_ops = {
	.name = "raw",
	.wire_id = 0,
	.create = create,
	.destroy = destroy,
	.decode = decode,
};
