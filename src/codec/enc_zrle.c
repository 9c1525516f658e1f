#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/encoder.h"
#include "codec/palette.h"
#include "codec/wire.h"
#include "codec/zout.h"
#include "codec/zrle.h"

/* RFC 6143 section 7.7.6. */

extern const struct encoder_ops enc_zrle_ops;

enum {
	SIDE = ZRLE_SIDE,
	AREA = SIDE * SIDE,
	/* Raw is always a choice, so no tile is longer; writers may pass that by
	 * one run before they stop. */
	MOST = 1 + AREA * 4 + 64,
};

struct zrle {
	struct encoder enc;
	struct zout zout;
	struct wire_pixel pixel;
	struct palette palette;
	size_t n;          /* pixels of the tile, */
	uint32_t px[AREA]; /* without gaps */
	uint8_t bytes[MOST];
};

static struct zrle *zrle(struct encoder *self)
{
	assert(self->ops == &enc_zrle_ops);
	return (struct zrle *)self;
}

static struct encoder *create(void)
{
	struct zrle *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->enc.ops = &enc_zrle_ops;
	return &e->enc;
}

static void destroy(struct encoder *self)
{
	zout_fini(&zrle(self)->zout);
	free(zrle(self));
}

/* What the two run-length forms cost, palette and first byte left out. */
struct cost {
	size_t plain, indexed;
};

static struct cost cost_of_runs(const struct zrle *e)
{
	struct cost cost = { 0, 0 };
	for (size_t i = 0, run; i < e->n; i += run) {
		run = e->pixel.convert->dsp.run_length(e->px + i, e->n - i);
		size_t length = 1 + (run - 1) / 255;
		cost.plain += e->pixel.bytes + length;
		cost.indexed += run == 1 ? 1 : 1 + length;
		if (cost.indexed > e->n * e->pixel.bytes)
			break; /* already dearer than raw */
	}
	return cost;
}

static uint8_t *put_length(uint8_t *to, size_t run)
{
	for (run--; run >= 255; run -= 255)
		*to++ = 255;
	*to++ = (uint8_t)run;
	return to;
}

static uint8_t *put_palette(struct zrle *e, uint8_t *to)
{
	wire_pixel_put(&e->pixel, to, e->palette.colour, e->palette.n);
	return to + e->palette.n * e->pixel.bytes;
}

static uint8_t *put_packed(struct zrle *e, uint8_t *to, size_t width, unsigned bits)
{
	*to++ = (uint8_t)e->palette.n;
	to = put_palette(e, to);
	uint32_t last = e->px[0];
	unsigned index = palette_index(&e->palette, last);
	for (size_t i = 0; i < e->n;) {
		unsigned byte = 0, free_bits = 8;
		for (size_t end = i + width; i < end; i++) {
			if (e->px[i] != last) {
				last = e->px[i];
				index = palette_index(&e->palette, last);
			}
			free_bits -= bits;
			byte |= index << free_bits;
			if (free_bits == 0) {
				*to++ = (uint8_t)byte;
				byte = 0;
				free_bits = 8;
			}
		}
		if (free_bits < 8)
			*to++ = (uint8_t)byte;
	}
	return to;
}

static uint8_t *put_indexed_runs(struct zrle *e, uint8_t *to)
{
	*to++ = (uint8_t)(ZRLE_RUNS + e->palette.n);
	to = put_palette(e, to);
	for (size_t i = 0, run; i < e->n; i += run) {
		run = e->pixel.convert->dsp.run_length(e->px + i, e->n - i);
		uint8_t index = (uint8_t)palette_index(&e->palette, e->px[i]);
		if (run == 1) {
			*to++ = index;
		} else {
			*to++ = index | 128;
			to = put_length(to, run);
		}
	}
	return to;
}

static uint8_t *put_plain_runs(struct zrle *e, uint8_t *to)
{
	*to++ = ZRLE_RUNS;
	for (size_t i = 0, run; i < e->n; i += run) {
		run = e->pixel.convert->dsp.run_length(e->px + i, e->n - i);
		wire_pixel_put(&e->pixel, to, e->px + i, 1);
		to = put_length(to + e->pixel.bytes, run);
	}
	return to;
}

static uint8_t *put_raw(struct zrle *e, uint8_t *to)
{
	*to++ = ZRLE_RAW;
	wire_pixel_put(&e->pixel, to, e->px, e->n);
	return to + e->n * e->pixel.bytes;
}

/* Writes the tile in .px in its shortest form; returns the end. */
static uint8_t *put_tile(struct zrle *e, size_t width)
{
	struct pix_view all = { e->px, (int)e->n, (int)e->n, 1 };
	size_t never = SIZE_MAX, raw = e->n * e->pixel.bytes;
	size_t packed = never, indexed = never;
	struct cost cost = cost_of_runs(e);
	unsigned bits = 0;
	if (palette_fill(&e->palette, &all, ZRLE_COLOURS)) {
		size_t colours = e->palette.n * (size_t)e->pixel.bytes;
		if (e->palette.n == 1) {
			e->bytes[0] = 1;
			return put_palette(e, e->bytes + 1);
		}
		if (e->palette.n <= ZRLE_PACKED_COLOURS) {
			bits = zrle_bits(e->palette.n);
			packed = colours + e->n / width * ((width * bits + 7) / 8);
		}
		indexed = colours + cost.indexed;
	}
	if (packed <= raw && packed <= indexed && packed <= cost.plain)
		return put_packed(e, e->bytes, width, bits);
	if (indexed <= raw && indexed <= cost.plain)
		return put_indexed_runs(e, e->bytes);
	if (cost.plain < raw)
		return put_plain_runs(e, e->bytes);
	return put_raw(e, e->bytes);
}

static int put_tile_at(struct zrle *e, const struct encoder_job *job, int x, int y, struct buf *out)
{
	struct rect r = rect_clip((struct rect){ x, y, SIDE, SIDE }, job->at.w, job->at.h);
	for (int i = 0; i < r.h; i++)
		memcpy(e->px + (ptrdiff_t)i * r.w, pix_view_at(&job->value, r.x, r.y + i),
			(size_t)r.w * 4);
	e->n = (size_t)r.w * (size_t)r.h;
	const uint8_t *end = put_tile(e, (size_t)r.w);
	bool last = x + SIDE >= job->at.w && y + SIDE >= job->at.h;
	return zout_write(&e->zout, e->bytes, (size_t)(end - e->bytes), last, out);
}

static int encode(struct encoder *self, const struct encoder_job *job, struct buf *out)
{
	struct zrle *e = zrle(self);
	wire_pixel_init_cpixel(&e->pixel, job->convert);
	wire_put_header(out, job->at, enc_zrle_ops.wire_id);
	size_t start = out->len;
	buf_put_u32(out, 0);
	if (buf_ok(out))
		return buf_ok(out);
	int level = zout_level(job->settings->compress);
	int err = zout_begin(&e->zout, level, Z_DEFAULT_STRATEGY, out);
	for (int y = 0; y < job->at.h && !err; y += SIDE)
		for (int x = 0; x < job->at.w && !err; x += SIDE)
			err = put_tile_at(e, job, x, y, out);
	if (err)
		return err;
	buf_set_u32(out, start, (uint32_t)(out->len - start - 4));
	return 1;
}

const struct encoder_ops enc_zrle_ops = {
	.name = "zrle",
	.wire_id = 16,
	.scope = ENCODER_VIEWER,
	.create = create,
	.destroy = destroy,
	.encode = encode,
};
