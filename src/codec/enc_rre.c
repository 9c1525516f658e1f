#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/encoder.h"
#include "codec/palette.h"
#include "codec/subrects.h"
#include "codec/wire.h"

/* RRE (RFC 6143 section 7.7.3) and CoRRE (rfbproto), which is RRE with bytes
 * for coordinates. A tile that would not gain goes out as a Raw rectangle. */

extern const struct encoder_ops enc_rre_ops, enc_corre_ops;

/* Small enough for CoRRE's bytes; large tiles make few headers, small ones make
 * the search for subrectangles local. */
enum { TILE = 128, COLOURS = 64, RAW = 0 };

struct rre {
	struct encoder enc;
	struct palette palette;
	uint32_t px[TILE * TILE];
};

static struct encoder *create(const struct encoder_ops *ops)
{
	struct rre *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->enc.ops = ops;
	return &e->enc;
}

static struct encoder *create_rre(void)
{
	return create(&enc_rre_ops);
}

static struct encoder *create_corre(void)
{
	return create(&enc_corre_ops);
}

static struct rre *rre(struct encoder *self)
{
	assert(self->ops == &enc_rre_ops || self->ops == &enc_corre_ops);
	return (struct rre *)self;
}

static void destroy(struct encoder *self)
{
	free(rre(self));
}

static void put_subrect(struct buf *out, struct rect r, bool compact)
{
	if (compact) {
		const uint8_t b[] = { (uint8_t)r.x, (uint8_t)r.y, (uint8_t)r.w, (uint8_t)r.h };
		buf_put(out, b, sizeof(b));
	} else {
		buf_put_u16(out, (uint16_t)r.x);
		buf_put_u16(out, (uint16_t)r.y);
		buf_put_u16(out, (uint16_t)r.w);
		buf_put_u16(out, (uint16_t)r.h);
	}
}

static void put_pixel(struct buf *out, const struct wire_pixel *p, uint32_t value)
{
	uint8_t b[4];
	wire_pixel_put(p, b, &value, 1);
	buf_put(out, b, p->bytes);
}

/* False when the payload would not be smaller than `most` bytes. */
static bool put_tile(struct rre *e, const struct wire_pixel *p, const struct pix_view *v,
	size_t most, struct buf *out)
{
	if (!palette_fill(&e->palette, v, COLOURS))
		return false;
	for (int y = 0; y < v->h; y++)
		memcpy(e->px + (ptrdiff_t)y * v->w, pix_view_at(v, 0, y), (size_t)v->w * 4);

	struct subrects s = { e->px, v->w, v->h, 0, 0, 0 };
	s.background = e->palette.colour[palette_most(&e->palette, -1)];
	size_t start = out->len;
	buf_put_u32(out, 0);
	put_pixel(out, p, s.background);
	struct rect r;
	uint32_t colour, n = 0;
	for (; subrects_next(&s, &r, &colour); n++) {
		put_pixel(out, p, colour);
		put_subrect(out, r, e->enc.ops == &enc_corre_ops);
		if (buf_ok(out) || out->len - start >= most)
			return false;
	}
	if (buf_ok(out))
		return false;
	buf_set_u32(out, start, n);
	return true;
}

static void put_rect(
	struct rre *e, const struct encoder_job *job, struct rect part, struct buf *out)
{
	struct wire_pixel p;
	wire_pixel_init(&p, job->convert);
	struct pix_view v = pix_view_sub(&job->value, part);
	struct rect at = { job->at.x + part.x, job->at.y + part.y, part.w, part.h };
	size_t start = out->len, raw = (size_t)part.w * (size_t)part.h * p.bytes;
	wire_put_header(out, at, e->enc.ops->wire_id);
	if (put_tile(e, &p, &v, raw > 8 ? raw : 8, out))
		return;
	buf_truncate(out, start);
	wire_put_header(out, at, RAW);
	wire_put_view(out, &p, &v);
}

static int encode(struct encoder *self, const struct encoder_job *job, struct buf *out)
{
	int n = 0;
	for (int y = 0; y < job->at.h; y += TILE) {
		for (int x = 0; x < job->at.w; x += TILE, n++) {
			struct rect tile = { x, y, TILE, TILE };
			put_rect(rre(self), job, rect_clip(tile, job->at.w, job->at.h), out);
			if (buf_ok(out))
				return buf_ok(out);
		}
	}
	return n;
}

const struct encoder_ops enc_rre_ops = {
	.name = "rre",
	.wire_id = 2,
	.scope = ENCODER_BLOCK,
	.create = create_rre,
	.destroy = destroy,
	.encode = encode,
};

const struct encoder_ops enc_corre_ops = {
	.name = "corre",
	.wire_id = 4,
	.scope = ENCODER_BLOCK,
	.create = create_corre,
	.destroy = destroy,
	.encode = encode,
};
