#include "codec/tight_put.h"

#include <string.h>

#include "codec/photo.h"
#include "codec/tight.h"

enum {
	TIGHT_ID = 7,
	GRAIN = 75, /* of photo_restless() */
};

/* The scale that TigerVNC, TurboVNC and LibVNCServer give quality 0 to 9. */
static const struct {
	int quality, subsampling;
} qualities[10] = {
	{ 15, TJSAMP_420 },
	{ 29, TJSAMP_420 },
	{ 41, TJSAMP_420 },
	{ 42, TJSAMP_422 },
	{ 62, TJSAMP_422 },
	{ 77, TJSAMP_422 },
	{ 79, TJSAMP_444 },
	{ 86, TJSAMP_444 },
	{ 92, TJSAMP_444 },
	{ 100, TJSAMP_444 },
};

void tight_put_fini(struct tight_put *t)
{
	for (int i = 0; i < TIGHT_PUT_STREAMS; i++)
		zout_fini(&t->zout[i]);
	if (t->jpeg)
		tjDestroy(t->jpeg);
	t->jpeg = NULL;
}

static void put_header(struct tight_put *t, struct rect r, uint8_t control)
{
	r.x += t->job->at.x;
	r.y += t->job->at.y;
	wire_put_header(t->out, r, TIGHT_ID);
	buf_put_u8(t->out, control);
	t->rects++;
}

static void put_pixels(struct tight_put *t, const uint32_t *px, size_t n)
{
	uint8_t *to = buf_room(t->out, n * t->pixel.bytes);
	if (!to)
		return;
	wire_pixel_put(&t->pixel, to, px, n);
	buf_added(t->out, n * t->pixel.bytes);
}

/* A length in one to three bytes of 7, 7 and 8 bits, low ones first, is put
 * before the n bytes at `at`, which have three bytes free before them. */
static void set_length(struct buf *out, size_t at, size_t n)
{
	uint8_t b[3] = { (uint8_t)(n & 0x7f), (uint8_t)(n >> 7 & 0x7f), (uint8_t)(n >> 14) };
	size_t size = n < 1 << 7 ? 1 : n < 1 << 14 ? 2 : 3;
	for (size_t i = 0; i + 1 < size; i++)
		b[i] |= 0x80;
	memcpy(out->data + at - 3, b, size);
	if (size < 3) {
		memmove(out->data + at - 3 + size, out->data + at, n);
		buf_truncate(out, at - 3 + size + n);
	}
}

typedef void row_filter(struct tight_put *t, uint8_t *to, const uint32_t *px, int n);

static void filter_copy(struct tight_put *t, uint8_t *to, const uint32_t *px, int n)
{
	wire_pixel_put(&t->pixel, to, px, (size_t)n);
}

static void filter_mono(struct tight_put *t, uint8_t *to, const uint32_t *px, int n)
{
	uint32_t zero = t->palette.colour[0];
	for (int i = 0; i < n; i += 8) {
		unsigned byte = 0;
		int end = n - i < 8 ? n - i : 8;
		for (int k = 0; k < end; k++)
			byte |= (unsigned)(px[i + k] != zero) << (7 - k);
		*to++ = (uint8_t)byte;
	}
}

static void filter_indexed(struct tight_put *t, uint8_t *to, const uint32_t *px, int n)
{
	uint32_t last = px[0];
	uint8_t index = (uint8_t)palette_index(&t->palette, last);
	for (int i = 0; i < n; i++) {
		if (px[i] != last) {
			last = px[i];
			index = (uint8_t)palette_index(&t->palette, last);
		}
		to[i] = index;
	}
}

static int put_plain(struct tight_put *t, struct rect r, row_filter *filter, size_t row)
{
	for (int y = 0; y < r.h; y++) {
		filter(t, t->bytes, pix_view_at(t->view, r.x, r.y + y), r.w);
		buf_put(t->out, t->bytes, row);
	}
	return buf_ok(t->out);
}

/* The rows of r, `row` bytes each once filtered, through a stream. */
static int put_rows(struct tight_put *t, struct rect r, enum tight_put_stream stream, int strategy,
	row_filter *filter, size_t row)
{
	if (row * (size_t)r.h < TIGHT_MIN_TO_COMPRESS)
		return put_plain(t, r, filter, row);
	struct zout *z = &t->zout[stream];
	buf_put_zero(t->out, 3);
	size_t start = t->out->len;
	int err = zout_begin(z, zout_level(t->job->settings->compress), strategy, t->out);
	t->len = 0;
	for (int y = 0; y < r.h && !err; y++) {
		filter(t, t->bytes + t->len, pix_view_at(t->view, r.x, r.y + y), r.w);
		t->len += row;
		bool last = y == r.h - 1;
		if (last || t->len + row > sizeof(t->bytes)) {
			err = zout_write(z, t->bytes, t->len, last, t->out);
			t->len = 0;
		}
	}
	if (err)
		return err;
	if (t->out->len - start > TIGHT_LENGTH_MAX)
		return ERR_LIMIT;
	set_length(t->out, start, t->out->len - start);
	return OK;
}

int tight_put_fill(struct tight_put *t, struct rect r, uint32_t colour)
{
	put_header(t, r, TIGHT_FILL);
	put_pixels(t, &colour, 1);
	return buf_ok(t->out);
}

static void put_palette(struct tight_put *t, struct rect r, enum tight_put_stream stream)
{
	put_header(t, r, (uint8_t)(TIGHT_FILTER | stream << TIGHT_STREAM_SHIFT));
	buf_put_u8(t->out, TIGHT_PALETTE);
	buf_put_u8(t->out, (uint8_t)(t->palette.n - 1));
	put_pixels(t, t->palette.colour, t->palette.n);
}

int tight_put_mono(struct tight_put *t, struct rect r)
{
	/* Bitmaps of glyphs repeat too little for the search to pay at low levels. */
	int strategy = zout_fast(t->job->settings->compress) ? Z_RLE : Z_DEFAULT_STRATEGY;
	put_palette(t, r, TIGHT_PUT_MONO);
	return put_rows(t, r, TIGHT_PUT_MONO, strategy, filter_mono, ((size_t)r.w + 7) / 8);
}

int tight_put_indexed(struct tight_put *t, struct rect r)
{
	put_palette(t, r, TIGHT_PUT_INDEXED);
	return put_rows(t, r, TIGHT_PUT_INDEXED, Z_DEFAULT_STRATEGY, filter_indexed, (size_t)r.w);
}

int tight_put_full(struct tight_put *t, struct rect r)
{
	/* Grain never repeats: searching it costs twice the time and gains 5 %. */
	struct pix_view v = pix_view_sub(t->view, r);
	bool grain = zout_fast(t->job->settings->compress) && photo_restless(&v) > GRAIN;
	int strategy = grain ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY;
	put_header(t, r, TIGHT_PUT_FULL << TIGHT_STREAM_SHIFT);
	return put_rows(t, r, TIGHT_PUT_FULL, strategy, filter_copy, (size_t)r.w * t->pixel.bytes);
}

int tight_put_jpeg(struct tight_put *t, struct rect r)
{
	static const int layout = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? TJPF_BGRX : TJPF_XRGB;
	int quality = qualities[t->job->settings->quality].quality;
	int subsampling = qualities[t->job->settings->quality].subsampling;
	if (!t->jpeg && !(t->jpeg = tjInitCompress()))
		return ERR_NOMEM;

	put_header(t, r, TIGHT_JPEG);
	buf_put_zero(t->out, 3);
	size_t start = t->out->len;
	unsigned long size = tjBufSize(r.w, r.h, subsampling);
	uint8_t *to = buf_room(t->out, size);
	if (!to)
		return buf_ok(t->out);
	if (tjCompress2(t->jpeg, (const uint8_t *)pix_view_at(&t->job->rgb, r.x, r.y), r.w,
		    t->job->rgb.stride * 4, r.h, layout, &to, &size, subsampling, quality,
		    TJFLAG_NOREALLOC))
		return ERR_NOMEM;
	buf_added(t->out, size);
	if (size > TIGHT_LENGTH_MAX)
		return ERR_LIMIT;
	set_length(t->out, start, size);
	return OK;
}
