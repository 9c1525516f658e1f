/* Lengths read from the front of a rectangle against what encoders wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/payload.h"
#include "codec/encoder.h"
#include "rfb/encoding.h"

enum { W = 200, H = 70 };

static const struct pix_format formats[] = {
	{ 32, 24, false, true, 255, 255, 255, 16, 8, 0 },
	{ 32, 30, true, true, 1023, 1023, 1023, 20, 10, 0 },
	{ 16, 16, true, true, 31, 63, 31, 11, 5, 0 },
	{ 8, 8, false, true, 7, 7, 3, 0, 3, 6 },
	{ 8, 8, false, false, 0, 0, 0, 0, 0, 0 },
};

/* Flat, two colours, few colours, noise, side by side. */
static void paint(uint32_t *px)
{
	uint32_t seed = 7;
	for (int y = 0; y < H; y++) {
		for (int x = 0; x < W; x++) {
			seed = seed * 1664525 + 1013904223;
			uint32_t noise = seed >> 8, two = (noise & 64 ? 0xffffffu : 0u);
			px[y * W + x] = x < 50    ? 0x336699
					: x < 100 ? two
					: x < 150 ? noise & 0x300000
						  : noise & 0xffffff;
		}
	}
}

/* Walks `n` rectangles; each prefix of a body must ask for what is still true. */
static void check_rects(const struct buf *b, int n, const struct pix_format *f)
{
	struct rd in = rd_of(b->data, b->len);
	for (int i = 0; i < n; i++) {
		struct rect r;
		r.x = rd_u16(&in);
		r.y = rd_u16(&in);
		r.w = rd_u16(&in);
		r.h = rd_u16(&in);
		int32_t encoding = rd_s32(&in);
		size_t len = 0, some = 0;
		assert_int_equal(rd_ok(&in), OK);
		assert_int_equal(payload_length(encoding, in, r, f, &len), OK);
		size_t step = len / 200 + 1;
		for (size_t have = 0; have < len; have += have < 20 ? 1 : step) {
			struct rd part = rd_of(in.p, have);
			assert_int_equal(payload_length(encoding, part, r, f, &some), ERR_AGAIN);
			assert_in_range(some, have + 1, len);
		}
		rd_skip(&in, len);
	}
	assert_int_equal(in.left, 0);
}

static void check_encoder(const struct encoder_ops *ops, const struct pix_format *f, struct rect at)
{
	static uint32_t rgb[W * H], value[W * H];
	struct pix_convert convert;
	pix_convert_init(&convert, f);
	paint(rgb);
	struct pix_view all = { rgb, W, W, H };
	struct pix_canvas converted = { value, W, W, H };
	pix_convert_view(&convert, &all, &converted);
	struct pix_view values = pix_canvas_view(&converted);
	struct encoder_settings settings = { .quality = -1, .compress = 1 };
	struct encoder_job job = { .rgb = pix_view_sub(&all, at),
		.value = pix_view_sub(&values, at),
		.convert = &convert,
		.settings = &settings,
		.at = at };
	for (settings.quality = -1; settings.quality <= 5; settings.quality += 6) {
		struct buf b;
		buf_init(&b, 1 << 20);
		struct encoder *e = ops->create();
		assert_non_null(e);
		int n = encoder_encode(e, &job, &b);
		assert_true(n > 0);
		check_rects(&b, n, f);
		encoder_destroy(e);
		buf_fini(&b);
	}
}

static void lengths_are_what_encoders_write(void **state)
{
	(void)state;
	static const struct rect areas[] = { { 0, 0, W, H }, { 0, 0, 1, 1 }, { 3, 5, 17, 33 },
		{ 60, 0, 3, 1 }, { 150, 0, 50, 70 }, { 55, 3, 40, 64 } };
	const struct encoder_ops *ops;
	assert_non_null(encoder_at(0));
	for (unsigned i = 0; (ops = encoder_at(i)); i++)
		for (size_t k = 0; k < ARRAY_LEN(formats); k++)
			for (size_t a = 0; a < ARRAY_LEN(areas); a++)
				check_encoder(ops, &formats[k], areas[a]);
}

static void tight_heads(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n, len;
		struct rect r;
	} rows[] = {
		{ "\x80", 1, 4, { 0, 0, 100, 100 } },
		{ "\x9f\x05", 2, 2 + 5, { 0, 0, 100, 100 } },
		{ "\x90\x85\x01", 3, 3 + 133, { 0, 0, 100, 100 } },
		{ "\x90\xff\xff\x01", 4, 4 + 0x7fff, { 0, 0, 100, 100 } },
		{ "\x00", 1, 1 + 9, { 0, 0, 3, 1 } },
		{ "\x00\x09", 2, 2 + 9, { 0, 0, 4, 1 } },
		{ "\x40\x02\x09", 3, 3 + 9, { 0, 0, 4, 1 } },
		/* Two colours: a bit a pixel, rows to bytes. */
		{ "\x50\x01\x01......", 9, 9 + 6, { 0, 0, 9, 3 } },
		{ "\x50\x01\x01......\x07", 10, 10 + 7, { 0, 0, 9, 6 } },
		{ "\x50\x01\x02.........", 12, 12 + 9, { 0, 0, 9, 1 } },
		/* Without zlib, asked for or not: counted all the same. */
		{ "\xa0\x0c", 2, 2 + 12, { 0, 0, 4, 1 } },
		{ "\xa0", 1, 1 + 9, { 0, 0, 3, 1 } },
		{ "\xe0\x01\x01......\x0c", 10, 10 + 12, { 0, 0, 9, 6 } },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t body[65536] = { 0 };
		size_t len = 0;
		memcpy(body, rows[i].bytes, rows[i].n);
		assert_int_equal(payload_length(RFB_TIGHT, rd_of(body, sizeof(body)), rows[i].r,
					 &formats[0], &len),
			OK);
		assert_int_equal(len, rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_what_encoders_write),
		cmocka_unit_test(tight_heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
