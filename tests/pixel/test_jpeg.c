#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "formats.h"
#include "link.h"
#include "pictures.h"

/* Tight's JPEG: photos come near the original, everything else is exact. */

enum { WIDTH = 800, HEIGHT = 420 };

static struct pix_canvas canvas(void)
{
	struct pix_canvas c = { malloc(WIDTH * HEIGHT * 4), WIDTH, WIDTH, HEIGHT };
	assert_non_null(c.px);
	return c;
}

static void send(struct link *l, const struct pix_canvas *c, int quality)
{
	struct encoder_settings settings = { quality, -1 };
	struct pix_view v = pix_canvas_view(c);
	assert_int_equal(link_encode(l, &v, 0, 0, &settings), OK);
	assert_int_equal(link_decode(l), OK);
}

static double squared_error(uint32_t a, uint32_t b)
{
	double sum = 0;
	for (int shift = 0; shift <= 16; shift += 8) {
		double d = (double)(a >> shift & 255) - (double)(b >> shift & 255);
		sum += d * d;
	}
	return sum / 3;
}

static double psnr(const struct pix_canvas *a, const struct pix_canvas *b, struct rect r)
{
	double sum = 0;
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			sum += squared_error(*pix_canvas_at(a, x, y), *pix_canvas_at(b, x, y));
	double mean = sum / ((double)r.w * r.h);
	return mean > 0 ? 10 * log10(255.0 * 255.0 / mean) : 100;
}

static void expect_exact(const struct link *l, const struct pix_canvas *c, struct rect r)
{
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			assert_int_equal(*pix_canvas_at(&l->screen, x, y), *pix_canvas_at(c, x, y));
}

static void photos_come_near(void **state)
{
	(void)state;
	/* About 3 dB below what this picture gives. */
	const double least[10] = { 27, 28, 29, 29, 30, 31, 34, 36, 38, 44 };
	struct pix_canvas c = canvas();
	picture_paint(PICTURE_PHOTO, 5, &c);
	struct link l;
	assert_int_equal(link_init(&l, encoder_find(7), &pix_format_native, WIDTH, HEIGHT), OK);
	size_t before = 0;
	for (int quality = 0; quality <= 9; quality++) {
		send(&l, &c, quality);
		assert_true(l.jpegs > 0);
		double db = psnr(&c, &l.screen, (struct rect){ 0, 0, WIDTH, HEIGHT });
		if (db < least[quality])
			fail_msg("quality %d: %.1f dB", quality, db);
		assert_true(l.wire.len > before);
		before = l.wire.len;
		for (int i = 0; i < WIDTH * HEIGHT; i++)
			assert_int_equal(l.screen.px[i] >> 24, 0);
	}
	link_fini(&l);
	free(c.px);
}

static void all_but_photos_is_exact(void **state)
{
	(void)state;
	const enum picture kinds[] = { PICTURE_FLAT, PICTURE_TEXT, PICTURE_SOFT_TEXT,
		PICTURE_LCD_TEXT };
	struct pix_canvas c = canvas();
	struct link l;
	assert_int_equal(link_init(&l, encoder_find(7), &pix_format_native, WIDTH, HEIGHT), OK);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		picture_paint(kinds[k], 11, &c);
		for (int quality = 0; quality <= 9; quality++) {
			send(&l, &c, quality);
			assert_int_equal(l.jpegs, 0);
			expect_exact(&l, &c, (struct rect){ 0, 0, WIDTH, HEIGHT });
		}
	}
	link_fini(&l);
	free(c.px);
}

static void text_beside_a_photo_is_exact(void **state)
{
	(void)state;
	struct pix_canvas c = canvas();
	struct link l;
	assert_int_equal(link_init(&l, encoder_find(7), &pix_format_native, WIDTH, HEIGHT), OK);
	picture_paint(PICTURE_DESKTOP, 13, &c);
	for (int quality = 0; quality <= 9; quality += 3) {
		send(&l, &c, quality);
		assert_true(l.jpegs > 0);
		/* Cells at the photo's border may hold some of both. */
		const int far = 112;
		expect_exact(&l, &c, (struct rect){ 0, 0, 400 - far, HEIGHT });
		double db = psnr(&c, &l.screen, (struct rect){ 401, 101, 339, 239 });
		assert_true(db > 27 && db < 100);
	}
	link_fini(&l);
	free(c.px);
}

static void jpeg_at_all_formats_that_allow_it(void **state)
{
	(void)state;
	struct pix_canvas c = canvas();
	picture_paint(PICTURE_PHOTO, 6, &c);
	for (int f = 0; f < FORMATS; f++) {
		struct link l;
		assert_int_equal(
			link_init(&l, encoder_find(7), &formats[f].format, WIDTH, HEIGHT), OK);
		send(&l, &c, 6);
		assert_int_equal(l.jpegs > 0, formats[f].format.bpp > 8);
		if (formats[f].format.bpp > 8)
			assert_true(psnr(&c, &l.screen, (struct rect){ 0, 0, WIDTH, HEIGHT }) > 30);
		link_fini(&l);
	}
	free(c.px);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(photos_come_near),
		cmocka_unit_test(all_but_photos_is_exact),
		cmocka_unit_test(text_beside_a_photo_is_exact),
		cmocka_unit_test(jpeg_at_all_formats_that_allow_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
