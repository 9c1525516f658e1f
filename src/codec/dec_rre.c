#include <stdlib.h>

#include "codec/decoder.h"
#include "codec/paint.h"
#include "codec/wire.h"

/* RRE (RFC 6143 section 7.7.3) and CoRRE (rfbproto). */

extern const struct decoder_ops dec_rre_ops, dec_corre_ops;

/* How often an area may be painted over: honest servers do it once, a hostile
 * one could keep us busy for hours with a megabyte. */
enum { REPAINTS = 4 };

static struct decoder *create(const struct decoder_ops *ops)
{
	struct decoder *d = calloc(1, sizeof(*d));
	if (d)
		d->ops = ops;
	return d;
}

static struct decoder *create_rre(void)
{
	return create(&dec_rre_ops);
}

static struct decoder *create_corre(void)
{
	return create(&dec_corre_ops);
}

static void destroy(struct decoder *self)
{
	free(self);
}

static struct rect read_rect(struct rd *in, bool compact)
{
	struct rect r;
	r.x = compact ? rd_u8(in) : rd_u16(in);
	r.y = compact ? rd_u8(in) : rd_u16(in);
	r.w = compact ? rd_u8(in) : rd_u16(in);
	r.h = compact ? rd_u8(in) : rd_u16(in);
	return r;
}

static int decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to)
{
	bool compact = self->ops == &dec_corre_ops;
	struct wire_pixel p;
	wire_pixel_init(&p, convert);
	struct rd r = *in;
	uint32_t n = rd_u32(&r), background = wire_pixel_read(&p, &r);
	uint64_t area = (uint64_t)at.w * (uint64_t)at.h, painted = 0;
	if (rd_ok(&r))
		return ERR_AGAIN;
	if (n > area)
		return ERR_PROTO;
	if (r.left < (uint64_t)n * (p.bytes + (compact ? 4u : 8u)))
		return ERR_AGAIN;

	paint_fill(to, at, background);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t colour = wire_pixel_read(&p, &r);
		struct rect part = read_rect(&r, compact);
		if (!rect_contains((struct rect){ 0, 0, at.w, at.h }, part))
			return ERR_PROTO;
		painted += (uint64_t)part.w * (uint64_t)part.h;
		if (painted > REPAINTS * area)
			return ERR_PROTO;
		part.x += at.x;
		part.y += at.y;
		paint_fill(to, part, colour);
	}
	*in = r;
	return OK;
}

const struct decoder_ops dec_rre_ops = {
	.name = "rre",
	.wire_id = 2,
	.create = create_rre,
	.destroy = destroy,
	.decode = decode,
};

const struct decoder_ops dec_corre_ops = {
	.name = "corre",
	.wire_id = 4,
	.create = create_corre,
	.destroy = destroy,
	.decode = decode,
};
