#include <assert.h>
#include <stdlib.h>
#include <turbojpeg.h>

#include "codec/decoder.h"
#include "codec/paint.h"
#include "codec/tight.h"
#include "codec/tight_filter.h"
#include "codec/wire.h"
#include "codec/zin.h"

/* rfbproto, "Tight Encoding" and "Tight Encoding Without Zlib". */

extern const struct decoder_ops dec_tight_ops;

struct tight {
	struct decoder dec;
	struct zin zin[TIGHT_STREAMS];
	tjhandle jpeg; /* made when first needed */
	struct tight_filter_state filter;
};

/* A rectangle's parts, all borrowed from the input. */
struct parts {
	uint8_t control;
	bool plain; /* data is not compressed */
	enum tight_filter filter;
	unsigned colours;       /* of the palette, 0 without one */
	const uint8_t *palette; /* or the one pixel of a fill */
	size_t row;             /* bytes of a row of data */
	const uint8_t *data;
	size_t len;
};

static struct tight *tight(struct decoder *self)
{
	assert(self->ops == &dec_tight_ops);
	return (struct tight *)self;
}

static struct decoder *create(void)
{
	struct tight *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->dec.ops = &dec_tight_ops;
	return &d->dec;
}

static void destroy(struct decoder *self)
{
	struct tight *d = tight(self);
	for (int i = 0; i < TIGHT_STREAMS; i++)
		zin_fini(&d->zin[i]);
	if (d->jpeg)
		tjDestroy(d->jpeg);
	free(d);
}

static size_t read_length(struct rd *in)
{
	size_t n = 0;
	for (int shift = 0; shift <= 14; shift += 7) {
		uint8_t byte = rd_u8(in);
		if (shift == 14)
			return n | (size_t)byte << 14;
		n |= (size_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return n;
}

static int parse_filter(struct rd *in, const struct wire_pixel *p, int w, struct parts *parts)
{
	uint8_t filter = parts->control & TIGHT_FILTER ? rd_u8(in) : TIGHT_COPY;
	parts->row = (size_t)w * p->bytes;
	if (rd_ok(in))
		return ERR_AGAIN;
	if (filter > TIGHT_GRADIENT || (filter == TIGHT_GRADIENT && p->bytes == 1))
		return ERR_PROTO;
	parts->filter = (enum tight_filter)filter;
	if (filter == TIGHT_PALETTE) {
		parts->colours = rd_u8(in) + 1u;
		if (rd_ok(in))
			return ERR_AGAIN;
		if (parts->colours < 2)
			return ERR_PROTO;
		parts->palette = rd_bytes(in, parts->colours * (size_t)p->bytes);
		parts->row = parts->colours == 2 ? ((size_t)w + 7) / 8 : (size_t)w;
	}
	return rd_ok(in);
}

static int parse_basic(
	struct rd *in, const struct wire_pixel *p, struct rect at, struct parts *parts)
{
	if (at.w > TIGHT_WIDTH_MAX)
		return ERR_PROTO;
	int err = parse_filter(in, p, at.w, parts);
	if (err)
		return err;
	size_t size = parts->row * (size_t)at.h;
	if (size < TIGHT_MIN_TO_COMPRESS)
		parts->plain = true;
	parts->len = size < TIGHT_MIN_TO_COMPRESS ? size : read_length(in);
	if (rd_ok(in))
		return ERR_AGAIN;
	if (parts->plain && parts->len != size)
		return ERR_PROTO;
	parts->data = rd_bytes(in, parts->len);
	return rd_ok(in);
}

static int parse(struct rd *in, const struct wire_pixel *p, struct rect at, struct parts *parts)
{
	parts->control = rd_u8(in);
	if (rd_ok(in))
		return ERR_AGAIN;
	switch (parts->control & 0xf0) {
	case TIGHT_FILL: parts->palette = rd_bytes(in, p->bytes); return rd_ok(in);
	case TIGHT_JPEG:
		parts->len = read_length(in);
		parts->data = rd_bytes(in, parts->len);
		return rd_ok(in);
	case TIGHT_NO_ZLIB:
	case TIGHT_NO_ZLIB | TIGHT_FILTER: parts->plain = true; break;
	default:
		if (parts->control & 0x80)
			return ERR_PROTO;
	}
	return parse_basic(in, p, at, parts);
}

static int read_jpeg(
	struct tight *d, const struct parts *parts, struct rect at, const struct pix_canvas *to)
{
	static const int layout = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? TJPF_BGRX : TJPF_XRGB;
	if (!d->jpeg && !(d->jpeg = tjInitDecompress()))
		return ERR_NOMEM;
	int w, h, subsampling, space;
	if (tjDecompressHeader3(d->jpeg, parts->data, parts->len, &w, &h, &subsampling, &space) ||
		w != at.w || h != at.h)
		return ERR_PROTO;
	uint8_t *px = (uint8_t *)pix_canvas_at(to, at.x, at.y);
	if (tjDecompress2(d->jpeg, parts->data, parts->len, px, w, to->stride * 4, h, layout,
		    TJFLAG_LIMITSCANS) &&
		tjGetErrorCode(d->jpeg) == TJERR_FATAL)
		return ERR_PROTO;
	/* The library leaves something in the bytes between the pixels. */
	for (int y = at.y; y < at.y + at.h; y++)
		for (int x = at.x; x < at.x + at.w; x++)
			*pix_canvas_at(to, x, y) &= 0xffffff;
	return OK;
}

static int read_basic(struct tight *d, const struct wire_pixel *p, const struct parts *parts,
	struct rect at, const struct pix_canvas *to)
{
	struct zin *z = &d->zin[parts->control >> TIGHT_STREAM_SHIFT & (TIGHT_STREAMS - 1)];
	const uint8_t *from = parts->data;
	int err = parts->plain ? OK : zin_begin(z, parts->data, parts->len);
	if (err)
		return err;
	tight_filter_start(&d->filter, p, parts->filter, parts->palette, parts->colours);
	for (int y = 0; y < at.h; y++, from += parts->row) {
		const uint8_t *row = parts->plain ? from : zin_bytes(z, parts->row);
		if (!row)
			return z->err;
		err = tight_filter_undo(&d->filter, row, pix_canvas_at(to, at.x, at.y + y), at.w);
		if (err)
			return err;
	}
	return parts->plain ? OK : zin_end(z);
}

static int decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to)
{
	struct tight *d = tight(self);
	struct wire_pixel p;
	wire_pixel_init_tpixel(&p, convert);
	struct rd r = *in;
	struct parts parts = { 0 };
	int err = parse(&r, &p, at, &parts);
	if (err)
		return err;
	*in = r;
	for (int i = 0; i < TIGHT_STREAMS; i++)
		if (parts.control & TIGHT_RESET & 1 << i)
			zin_reset(&d->zin[i]);
	if ((parts.control & 0xf0) == TIGHT_JPEG)
		return read_jpeg(d, &parts, at, to);
	if ((parts.control & 0xf0) != TIGHT_FILL)
		return read_basic(d, &p, &parts, at, to);
	uint32_t colour;
	wire_pixel_get(&p, parts.palette, &colour, 1);
	paint_fill(to, at, colour);
	return OK;
}

const struct decoder_ops dec_tight_ops = {
	.name = "tight",
	.wire_id = 7,
	.create = create,
	.destroy = destroy,
	.decode = decode,
};
