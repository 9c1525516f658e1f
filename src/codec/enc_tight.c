#include <assert.h>
#include <stdlib.h>

#include "codec/encoder.h"
#include "codec/photo.h"
#include "codec/tight.h"
#include "codec/tight_put.h"
#include "codec/tight_solid.h"

/* rfbproto, "Tight Encoding". A job is cut into what is of one colour and the
 * rest, the rest into pieces of at most AREA pixels, and each piece is sent in
 * the cheapest form its number of colours allows. JPEG only ever carries what
 * photo_find() calls a photo: text stays exact at every quality. */

extern const struct encoder_ops enc_tight_ops;

enum {
	AREA = 65536, /* most pixels in a rectangle: what other servers keep to */
	MCU = 16,     /* JPEG works on blocks of at most 16 x 16 pixels */
};

struct tight {
	struct encoder enc;
	struct tight_put put;
	struct photo photo;
};

static struct tight *tight(struct encoder *self)
{
	assert(self->ops == &enc_tight_ops);
	return (struct tight *)self;
}

static struct encoder *create(void)
{
	struct tight *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->enc.ops = &enc_tight_ops;
	return &e->enc;
}

static void destroy(struct encoder *self)
{
	tight_put_fini(&tight(self)->put);
	free(tight(self));
}

/* Most colours worth a palette: it costs pixels itself, and where JPEG is the
 * other choice a long search for colours is lost time. */
static unsigned colour_limit(const struct tight_put *t, struct rect r, bool jpeg)
{
	unsigned area = (unsigned)(r.w * r.h), limit = PALETTE_MAX;
	int compress = t->job->settings->compress;
	if (jpeg)
		limit = compress == 9 ? 256 : compress == 0 || compress == 1 ? 24 : 96;
	if (t->pixel.bytes == 1 || area < 8)
		return 2;
	return limit < area / 4 ? limit : area / 4;
}

/* False when r has more than `limit` colours; otherwise it is put. */
static bool put_few_colours(struct tight_put *t, struct rect r, unsigned limit, int *err)
{
	struct pix_view v = pix_view_sub(t->view, r);
	if (!palette_fill(&t->palette, &v, limit))
		return false;
	if (t->palette.n == 1)
		*err = tight_put_fill(t, r, t->palette.colour[0]);
	else if (t->palette.n == 2)
		*err = tight_put_mono(t, r);
	else
		*err = tight_put_indexed(t, r);
	return true;
}

static int put_lossless(struct tight_put *t, struct rect r)
{
	int err;
	if (put_few_colours(t, r, colour_limit(t, r, false), &err))
		return err;
	return tight_put_full(t, r);
}

static int put_piece(struct tight *e, struct rect r)
{
	struct tight_put *t = &e->put;
	bool jpeg = t->job->settings->quality >= 0 && t->job->convert->format.bpp > 8;
	if (!jpeg)
		return put_lossless(t, r);
	int err;
	if (put_few_colours(t, r, colour_limit(t, r, true), &err))
		return err;

	struct pix_view v = pix_view_sub(&t->job->rgb, r);
	struct rect part;
	bool lossy;
	photo_start(&e->photo, &v, &t->palette);
	while (photo_next(&e->photo, &part, &lossy)) {
		part.x += r.x;
		part.y += r.y;
		err = lossy ? tight_put_jpeg(t, part) : put_lossless(t, part);
		if (err)
			return err;
	}
	return OK;
}

/* Cuts r, as wide as Tight allows or less, in whole rows of JPEG blocks where
 * it can. */
static int put_area(struct tight *e, struct rect r)
{
	int rows = AREA / r.w, err = OK;
	if (rows > MCU)
		rows -= rows % MCU;
	for (int y = 0; y < r.h && !err; y += rows) {
		struct rect piece = { r.x, r.y + y, r.w, rows };
		err = put_piece(e, rect_intersect(piece, r));
	}
	return err;
}

/* Sends the areas of one colour in r as fills, and what lies around them. */
static int put_with_solids(struct tight *e, struct rect r)
{
	struct rect s;
	const struct pix_dsp *dsp = &e->put.job->convert->dsp;
	while (r.h > 0 && tight_solid_find(dsp, e->put.view, r, &s)) {
		struct rect above = { r.x, r.y, r.w, s.y - r.y };
		struct rect left = { r.x, s.y, s.x - r.x, s.h };
		struct rect right = { s.x + s.w, s.y, r.x + r.w - s.x - s.w, s.h };
		int err = OK;
		if (!rect_empty(above))
			err = put_area(e, above);
		if (!err && !rect_empty(left))
			err = put_area(e, left);
		if (!err)
			err = tight_put_fill(&e->put, s, *pix_view_at(e->put.view, s.x, s.y));
		if (!err && !rect_empty(right))
			err = put_with_solids(e, right);
		if (err)
			return err;
		r.h -= s.y + s.h - r.y;
		r.y = s.y + s.h;
	}
	return rect_empty(r) ? OK : put_area(e, r);
}

/* Where pixels go as three bytes R, G, B there is nothing to convert. */
static bool reads_rgb(const struct pix_convert *convert)
{
	struct wire_pixel p;
	wire_pixel_init_tpixel(&p, convert);
	return p.rgb;
}

static int encode(struct encoder *self, const struct encoder_job *job, struct buf *out)
{
	struct tight *e = tight(self);
	struct tight_put *t = &e->put;
	t->job = job;
	t->out = out;
	t->rects = 0;
	wire_pixel_init_tpixel(&t->pixel, job->convert);
	t->view = t->pixel.rgb ? &job->rgb : &job->value;
	/* In columns, so that the search below cannot nest too deep. */
	for (int x = 0; x < job->at.w; x += TIGHT_WIDTH_MAX) {
		struct rect column = { x, 0, TIGHT_WIDTH_MAX, job->at.h };
		int err = put_with_solids(e, rect_clip(column, job->at.w, job->at.h));
		if (err)
			return err;
	}
	return t->rects;
}

const struct encoder_ops enc_tight_ops = {
	.name = "tight",
	.wire_id = 7,
	.scope = ENCODER_VIEWER,
	.create = create,
	.destroy = destroy,
	.reads_rgb = reads_rgb,
	.encode = encode,
};
