#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/encoder.h"
#include "codec/hextile.h"
#include "codec/palette.h"
#include "codec/subrects.h"
#include "codec/wire.h"

/* RFC 6143 section 7.7.4. */

extern const struct encoder_ops enc_hextile_ops;

enum {
	SIDE = HEXTILE_SIDE,
	MOST = 1 + SIDE * SIDE * 4, /* bytes of a raw tile */
	COLOURS = 64,               /* with more of them in 256 pixels raw is smaller */
};

struct hextile {
	struct encoder enc;
	struct wire_pixel pixel;
	bool background_known, foreground_known; /* to the viewer, from an earlier tile */
	uint32_t background, foreground;
	struct palette palette;
	uint32_t px[SIDE * SIDE];
};

static struct hextile *hextile(struct encoder *self)
{
	assert(self->ops == &enc_hextile_ops);
	return (struct hextile *)self;
}

static struct encoder *create(void)
{
	struct hextile *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->enc.ops = &enc_hextile_ops;
	return &e->enc;
}

static void destroy(struct encoder *self)
{
	free(hextile(self));
}

static uint8_t *put_pixel(const struct hextile *e, uint8_t *to, uint32_t value)
{
	wire_pixel_put(&e->pixel, to, &value, 1);
	return to + e->pixel.bytes;
}

static uint8_t *put_raw(struct hextile *e, uint8_t *to, const struct pix_view *v)
{
	*to++ = HEXTILE_RAW;
	for (int y = 0; y < v->h; y++, to += v->w * e->pixel.bytes)
		wire_pixel_put(&e->pixel, to, pix_view_at(v, 0, y), (size_t)v->w);
	e->background_known = e->foreground_known = false;
	return to;
}

/* The colours a tile starts with, its flags in *flags. */
static uint8_t *put_colours(struct hextile *e, uint8_t *to, uint8_t *flags)
{
	const struct palette *p = &e->palette;
	unsigned most = palette_most(p, -1);
	if (!e->background_known || e->background != p->colour[most]) {
		*flags |= HEXTILE_BACKGROUND;
		e->background_known = true;
		e->background = p->colour[most];
		to = put_pixel(e, to, e->background);
	}
	if (p->n > 2) {
		*flags |= HEXTILE_SUBRECTS | HEXTILE_COLOURED;
		e->foreground_known = false;
	} else if (p->n == 2) {
		uint32_t other = p->colour[!most];
		*flags |= HEXTILE_SUBRECTS;
		if (!e->foreground_known || e->foreground != other) {
			*flags |= HEXTILE_FOREGROUND;
			to = put_pixel(e, to, other);
		}
		e->foreground_known = true;
		e->foreground = other;
	}
	return to;
}

/* The end of the tile, or NULL when it would be longer than `most` bytes. */
static uint8_t *put_subrects(
	struct hextile *e, uint8_t *to, size_t most, const struct pix_view *v, bool coloured)
{
	for (int y = 0; y < v->h; y++)
		memcpy(e->px + y * v->w, pix_view_at(v, 0, y), (size_t)v->w * 4);
	struct subrects s = { e->px, v->w, v->h, e->background, 0, 0 };
	size_t each = coloured ? 2u + e->pixel.bytes : 2u;
	uint8_t *count = to++;
	struct rect r;
	uint32_t colour;
	unsigned n = 0;
	for (; subrects_next(&s, &r, &colour); n++) {
		if ((size_t)(to - count) + each > most)
			return NULL;
		if (coloured)
			to = put_pixel(e, to, colour);
		*to++ = (uint8_t)(r.x << 4 | r.y);
		*to++ = (uint8_t)((r.w - 1) << 4 | (r.h - 1));
	}
	*count = (uint8_t)n;
	return to;
}

static uint8_t *put_tile(struct hextile *e, uint8_t *start, const struct pix_view *v)
{
	if (!palette_fill(&e->palette, v, COLOURS))
		return put_raw(e, start, v);
	uint8_t flags = 0, *to = put_colours(e, start + 1, &flags);
	size_t raw = 1 + (size_t)(v->w * v->h * e->pixel.bytes), used = (size_t)(to - start);
	if (flags & HEXTILE_SUBRECTS) {
		if (used + 1 > raw)
			return put_raw(e, start, v);
		to = put_subrects(e, to, raw - used, v, flags & HEXTILE_COLOURED);
		if (!to)
			return put_raw(e, start, v);
	}
	*start = flags;
	return to;
}

static int encode(struct encoder *self, const struct encoder_job *job, struct buf *out)
{
	struct hextile *e = hextile(self);
	wire_pixel_init(&e->pixel, job->convert);
	e->background_known = e->foreground_known = false;
	wire_put_header(out, job->at, enc_hextile_ops.wire_id);
	for (int y = 0; y < job->at.h; y += SIDE) {
		for (int x = 0; x < job->at.w; x += SIDE) {
			struct rect tile = { x, y, SIDE, SIDE };
			tile = rect_clip(tile, job->at.w, job->at.h);
			struct pix_view v = pix_view_sub(&job->value, tile);
			uint8_t *to = buf_room(out, MOST + 8);
			if (!to)
				return buf_ok(out);
			buf_added(out, (size_t)(put_tile(e, to, &v) - to));
		}
	}
	return buf_ok(out) ? buf_ok(out) : 1;
}

const struct encoder_ops enc_hextile_ops = {
	.name = "hextile",
	.wire_id = 5,
	.scope = ENCODER_BLOCK,
	.create = create,
	.destroy = destroy,
	.encode = encode,
};
