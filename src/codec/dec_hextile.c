#include <stdlib.h>

#include "codec/decoder.h"
#include "codec/hextile.h"
#include "codec/paint.h"
#include "codec/wire.h"

/* RFC 6143 section 7.7.4. */

extern const struct decoder_ops dec_hextile_ops;

/* What one tile hands on to the next, within a rectangle. */
struct state {
	struct wire_pixel pixel;
	uint32_t background, foreground;
};

static struct decoder *create(void)
{
	struct decoder *d = calloc(1, sizeof(*d));
	if (d)
		d->ops = &dec_hextile_ops;
	return d;
}

static void destroy(struct decoder *self)
{
	free(self);
}

static int read_raw(
	const struct state *s, struct rd *in, struct rect tile, const struct pix_canvas *to)
{
	for (int y = tile.y; y < tile.y + tile.h; y++) {
		const uint8_t *from = rd_bytes(in, (size_t)tile.w * s->pixel.bytes);
		if (!from)
			return ERR_AGAIN;
		wire_pixel_get(&s->pixel, from, pix_canvas_at(to, tile.x, y), (size_t)tile.w);
	}
	return OK;
}

static int read_subrects(const struct state *s, struct rd *in, struct rect tile, bool coloured,
	const struct pix_canvas *to)
{
	for (int n = rd_u8(in); n > 0; n--) {
		uint32_t colour = coloured ? wire_pixel_read(&s->pixel, in) : s->foreground;
		uint8_t xy = rd_u8(in), wh = rd_u8(in);
		if (rd_ok(in))
			return ERR_AGAIN;
		struct rect part = { tile.x + (xy >> 4), tile.y + (xy & 15), (wh >> 4) + 1,
			(wh & 15) + 1 };
		if (!rect_contains(tile, part))
			return ERR_PROTO;
		paint_fill(to, part, colour);
	}
	return rd_ok(in);
}

static int read_tile(struct state *s, struct rd *in, struct rect tile, const struct pix_canvas *to)
{
	uint8_t flags = rd_u8(in);
	if (flags & HEXTILE_RAW)
		return read_raw(s, in, tile, to);
	if (flags & HEXTILE_BACKGROUND)
		s->background = wire_pixel_read(&s->pixel, in);
	if (flags & HEXTILE_FOREGROUND)
		s->foreground = wire_pixel_read(&s->pixel, in);
	if (rd_ok(in))
		return ERR_AGAIN;
	paint_fill(to, tile, s->background);
	if (flags & HEXTILE_SUBRECTS)
		return read_subrects(s, in, tile, flags & HEXTILE_COLOURED, to);
	return OK;
}

static int decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to)
{
	(void)self;
	struct state s = { .background = 0 };
	wire_pixel_init(&s.pixel, convert);
	struct rd r = *in;
	for (int y = 0; y < at.h; y += HEXTILE_SIDE) {
		for (int x = 0; x < at.w; x += HEXTILE_SIDE) {
			struct rect tile = { at.x + x, at.y + y, HEXTILE_SIDE, HEXTILE_SIDE };
			int err = read_tile(&s, &r, rect_intersect(tile, at), to);
			if (err)
				return err;
		}
	}
	*in = r;
	return OK;
}

const struct decoder_ops dec_hextile_ops = {
	.name = "hextile",
	.wire_id = 5,
	.create = create,
	.destroy = destroy,
	.decode = decode,
};
