#include <stdlib.h>
#include <string.h>

#include "codec/decoder.h"

/* RFC 6143 section 7.7.2. */

extern const struct decoder_ops dec_copy_rect_ops;

static struct decoder *create(void)
{
	struct decoder *d = calloc(1, sizeof(*d));
	if (d)
		d->ops = &dec_copy_rect_ops;
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
	(void)convert;
	if (in->left < 4)
		return ERR_AGAIN;
	struct rect from = { rd_u16(in), 0, at.w, at.h };
	from.y = rd_u16(in);
	if (!rect_contains((struct rect){ 0, 0, to->w, to->h }, from))
		return ERR_PROTO;
	/* The areas may overlap: rows are taken in the order that reads each
	 * before it is written. */
	bool upwards = from.y < at.y;
	for (int i = 0; i < at.h; i++) {
		int y = upwards ? at.h - 1 - i : i;
		memmove(pix_canvas_at(to, at.x, at.y + y), pix_canvas_at(to, from.x, from.y + y),
			(size_t)at.w * 4);
	}
	return OK;
}

const struct decoder_ops dec_copy_rect_ops = {
	.name = "copyrect",
	.wire_id = 1,
	.create = create,
	.destroy = destroy,
	.decode = decode,
};
