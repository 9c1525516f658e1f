#include <assert.h>
#include <stdlib.h>

#include "codec/decoder.h"
#include "codec/paint.h"
#include "codec/wire.h"
#include "codec/zin.h"
#include "codec/zrle.h"

/* RFC 6143 section 7.7.6. */

extern const struct decoder_ops dec_zrle_ops;

struct zrle {
	struct decoder dec;
	struct zin zin;
	struct wire_pixel pixel;
	unsigned colours;
	uint32_t palette[ZRLE_COLOURS];
};

static struct zrle *zrle(struct decoder *self)
{
	assert(self->ops == &dec_zrle_ops);
	return (struct zrle *)self;
}

static struct decoder *create(void)
{
	struct zrle *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->dec.ops = &dec_zrle_ops;
	return &d->dec;
}

static void destroy(struct decoder *self)
{
	zin_fini(&zrle(self)->zin);
	free(zrle(self));
}

/* n pixels of the stream as internal ones. */
static int read_pixels(struct zrle *d, uint32_t *to, size_t n)
{
	const uint8_t *from = zin_bytes(&d->zin, n * d->pixel.bytes);
	if (!from)
		return d->zin.err;
	wire_pixel_get(&d->pixel, from, to, n);
	return OK;
}

static int read_byte(struct zrle *d, unsigned *v)
{
	const uint8_t *from = zin_bytes(&d->zin, 1);
	*v = from ? *from : 0;
	return from ? OK : d->zin.err;
}

static int read_raw(struct zrle *d, struct rect tile, const struct pix_canvas *to)
{
	int err = OK;
	for (int y = tile.y; y < tile.y + tile.h && !err; y++)
		err = read_pixels(d, pix_canvas_at(to, tile.x, y), (size_t)tile.w);
	return err;
}

static int read_packed(struct zrle *d, struct rect tile, const struct pix_canvas *to)
{
	unsigned bits = zrle_bits(d->colours), mask = (1u << bits) - 1;
	for (int y = tile.y; y < tile.y + tile.h; y++) {
		uint32_t *px = pix_canvas_at(to, tile.x, y);
		const uint8_t *from = zin_bytes(&d->zin, ((size_t)tile.w * bits + 7) / 8);
		if (!from)
			return d->zin.err;
		for (unsigned x = 0; x < (unsigned)tile.w; x++) {
			unsigned at = x * bits;
			unsigned index = (unsigned)from[at / 8] >> (8 - bits - at % 8) & mask;
			if (index >= d->colours)
				return ERR_PROTO;
			px[x] = d->palette[index];
		}
	}
	return OK;
}

static int read_length(struct zrle *d, unsigned most, unsigned *run)
{
	unsigned byte = 255;
	for (*run = 1; byte == 255; *run += byte) {
		int err = read_byte(d, &byte);
		if (err)
			return err;
		if (*run + byte > most)
			return ERR_PROTO;
	}
	return OK;
}

/* One run: its colour and how long it is, at most `most` pixels. */
static int read_run(struct zrle *d, unsigned most, uint32_t *colour, unsigned *run)
{
	if (d->colours == 0) {
		int err = read_pixels(d, colour, 1);
		return err ? err : read_length(d, most, run);
	}
	unsigned index;
	int err = read_byte(d, &index);
	if (err)
		return err;
	if ((index & 127) >= d->colours)
		return ERR_PROTO;
	*colour = d->palette[index & 127];
	*run = 1;
	return index & 128 ? read_length(d, most, run) : OK;
}

static int read_runs(struct zrle *d, struct rect tile, const struct pix_canvas *to)
{
	unsigned w = (unsigned)tile.w, area = w * (unsigned)tile.h, run;
	for (unsigned i = 0; i < area; i += run) {
		uint32_t colour;
		int err = read_run(d, area - i, &colour, &run);
		if (err)
			return err;
		for (unsigned k = i; k < i + run; k++)
			*pix_canvas_at(to, tile.x + (int)(k % w), tile.y + (int)(k / w)) = colour;
	}
	return OK;
}

static int read_tile(struct zrle *d, struct rect tile, const struct pix_canvas *to)
{
	unsigned kind;
	int err = read_byte(d, &kind);
	if (err)
		return err;
	if (kind == ZRLE_RAW)
		return read_raw(d, tile, to);
	d->colours = kind & 127;
	if (kind < ZRLE_RUNS ? kind > ZRLE_PACKED_COLOURS : d->colours == 1)
		return ERR_PROTO;
	err = read_pixels(d, d->palette, d->colours);
	if (err)
		return err;
	if (kind == 1) {
		paint_fill(to, tile, d->palette[0]);
		return OK;
	}
	return kind < ZRLE_RUNS ? read_packed(d, tile, to) : read_runs(d, tile, to);
}

static int decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to)
{
	struct zrle *d = zrle(self);
	wire_pixel_init_cpixel(&d->pixel, convert);
	const uint8_t *data;
	size_t len;
	int err = zin_parse(in, (uint64_t)at.w * (uint64_t)at.h, &data, &len);
	if (!err)
		err = zin_begin(&d->zin, data, len);
	for (int y = 0; y < at.h && !err; y += ZRLE_SIDE) {
		for (int x = 0; x < at.w && !err; x += ZRLE_SIDE) {
			struct rect tile = { at.x + x, at.y + y, ZRLE_SIDE, ZRLE_SIDE };
			err = read_tile(d, rect_intersect(tile, at), to);
		}
	}
	return err ? err : zin_end(&d->zin);
}

const struct decoder_ops dec_zrle_ops = {
	.name = "zrle",
	.wire_id = 16,
	.create = create,
	.destroy = destroy,
	.decode = decode,
};
