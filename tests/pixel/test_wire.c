#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/wire.h"
#include "formats.h"
#include "link.h"
#include "pictures.h"

/* The bytes themselves: an encoder and a decoder that are wrong alike would
 * agree with each other. */

struct bytes {
	int n;
	uint8_t b[4];
};

/* Of 0x112233, in the order of formats[]. */
static const struct {
	struct bytes pixel, cpixel, tpixel;
} expected[FORMATS] = {
	{ { 4, { 0x33, 0x22, 0x11, 0 } }, { 3, { 0x33, 0x22, 0x11 } },
		{ 3, { 0x11, 0x22, 0x33 } } },
	{ { 4, { 0, 0x11, 0x22, 0x33 } }, { 3, { 0x11, 0x22, 0x33 } },
		{ 3, { 0x11, 0x22, 0x33 } } },
	{ { 4, { 0x11, 0x22, 0x33, 0 } }, { 3, { 0x11, 0x22, 0x33 } },
		{ 3, { 0x11, 0x22, 0x33 } } },
	{ { 4, { 0, 0x33, 0x22, 0x11 } }, { 3, { 0x33, 0x22, 0x11 } },
		{ 3, { 0x11, 0x22, 0x33 } } },
	{ { 4, { 0, 0x11, 0x22, 0x33 } }, { 3, { 0x11, 0x22, 0x33 } },
		{ 3, { 0x11, 0x22, 0x33 } } },
	{ { 4, { 0x11, 0x22, 0x33, 0 } }, { 3, { 0x11, 0x22, 0x33 } },
		{ 3, { 0x11, 0x22, 0x33 } } },
	{ { 4, { 0x33, 0x22, 0x11, 0 } }, { 4, { 0x33, 0x22, 0x11, 0 } },
		{ 4, { 0x33, 0x22, 0x11, 0 } } },
	/* 0x11 << 4 | 0x22 << 12 | 0x33 << 22 */
	{ { 4, { 0x10, 0x21, 0xc2, 0x0c } }, { 4, { 0x10, 0x21, 0xc2, 0x0c } },
		{ 3, { 0x11, 0x22, 0x33 } } },
	/* 2 << 19 | 8 << 13 | 6 << 8: top and bottom byte free, the last goes */
	{ { 4, { 0, 0x11, 0x06, 0 } }, { 3, { 0, 0x11, 0x06 } }, { 4, { 0, 0x11, 0x06, 0 } } },
	/* 68 << 20 | 136 << 10 | 205 */
	{ { 4, { 0xcd, 0x20, 0x42, 0x04 } }, { 4, { 0xcd, 0x20, 0x42, 0x04 } },
		{ 4, { 0xcd, 0x20, 0x42, 0x04 } } },
	/* 2 << 11 | 8 << 5 | 6 */
	{ { 2, { 0x06, 0x11 } }, { 2, { 0x06, 0x11 } }, { 2, { 0x06, 0x11 } } },
	{ { 2, { 0x11, 0x06 } }, { 2, { 0x11, 0x06 } }, { 2, { 0x11, 0x06 } } },
	/* 2 << 10 | 4 << 5 | 6 */
	{ { 2, { 0x86, 0x08 } }, { 2, { 0x86, 0x08 } }, { 2, { 0x86, 0x08 } } },
	/* 0 | 1 << 3 | 1 << 6 */
	{ { 1, { 0x48 } }, { 1, { 0x48 } }, { 1, { 0x48 } } },
	/* 0 << 5 | 1 << 2 | 1 */
	{ { 1, { 0x05 } }, { 1, { 0x05 } }, { 1, { 0x05 } } },
	{ { 1, { 0x48 } }, { 1, { 0x48 } }, { 1, { 0x48 } } },
};

static void expect_bytes(const struct wire_pixel *p, const struct bytes *want, const char *name)
{
	uint32_t rgb = 0x112233, value = p->rgb ? rgb : pix_convert_one(p->convert, rgb), back;
	uint8_t got[4];
	if (p->bytes != want->n)
		fail_msg("%s: %d bytes, not %d", name, p->bytes, want->n);
	wire_pixel_put(p, got, &value, 1);
	assert_memory_equal(got, want->b, (size_t)want->n);
	wire_pixel_load(p, got, &back, 1);
	assert_int_equal(back, value);
	wire_pixel_get(p, got, &back, 1);
	assert_int_equal(back, pix_convert_back(p->convert, pix_convert_one(p->convert, rgb)));
}

static void pixels_lie_as_specified(void **state)
{
	(void)state;
	for (int i = 0; i < FORMATS; i++) {
		struct pix_convert c;
		struct wire_pixel p;
		pix_convert_init(&c, &formats[i].format);
		wire_pixel_init(&p, &c);
		expect_bytes(&p, &expected[i].pixel, formats[i].name);
		wire_pixel_init_cpixel(&p, &c);
		expect_bytes(&p, &expected[i].cpixel, formats[i].name);
		wire_pixel_init_tpixel(&p, &c);
		expect_bytes(&p, &expected[i].tpixel, formats[i].name);
	}
}

/* Top and bottom byte free and little-endian: the top one is the last. */
static void the_last_free_byte_goes(void **state)
{
	(void)state;
	struct pix_format f = formats[8].format;
	f.big_endian = false;
	struct pix_convert c;
	struct wire_pixel p;
	pix_convert_init(&c, &f);
	wire_pixel_init_cpixel(&p, &c);
	expect_bytes(&p, &(struct bytes){ 3, { 0, 0x06, 0x11 } }, "middle LE");
}

static uint32_t flat_px[16 * 16];

static void expect_wire(int32_t id, const char *want, size_t n)
{
	struct link l;
	struct encoder_settings settings = { -1, -1 };
	struct pix_view v = { flat_px, 16, 2, 2 };
	assert_int_equal(link_init(&l, encoder_find(id), &formats[0].format, 16, 16), OK);
	assert_int_equal(link_encode(&l, &v, 3, 4, &settings), OK);
	assert_int_equal(l.wire.len, n);
	assert_memory_equal(l.wire.data, want, n);
	link_fini(&l);
}

/* A rectangle of 2 x 2 pixels in one colour, as each encoding puts it. */
static void rectangles_lie_as_specified(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flat_px); i++)
		flat_px[i] = 0x112233;
	expect_wire(0,
		"\0\3\0\4\0\2\0\2\0\0\0\0\x33\x22\x11\0\x33\x22\x11\0\x33\x22\x11\0\x33\x22\x11\0",
		28);
	expect_wire(2, "\0\3\0\4\0\2\0\2\0\0\0\2\0\0\0\0\x33\x22\x11\0", 20);
	expect_wire(4, "\0\3\0\4\0\2\0\2\0\0\0\4\0\0\0\0\x33\x22\x11\0", 20);
	expect_wire(5, "\0\3\0\4\0\2\0\2\0\0\0\5\2\x33\x22\x11\0", 17);
	expect_wire(7, "\0\3\0\4\0\2\0\2\0\0\0\7\x80\x11\x22\x33", 16);
}

static void levels_are_obeyed(void **state)
{
	(void)state;
	const int32_t ids[] = { 6, 7, 16 };
	static uint32_t px[200 * 200];
	struct pix_canvas c = { px, 200, 200, 200 };
	picture_paint(PICTURE_SOFT_TEXT, 2, &c);
	struct pix_view v = pix_canvas_view(&c);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct link l;
		assert_int_equal(
			link_init(&l, encoder_find(ids[i]), &formats[0].format, 200, 200), OK);
		const int levels[] = { 0, 1, 9, 0 };
		size_t len[ARRAY_LEN(levels)];
		for (size_t k = 0; k < ARRAY_LEN(levels); k++) {
			/* Seen before, so that all but level 0 have the same start. */
			struct encoder_settings settings = { -1, levels[k] };
			for (int again = 0; again < 2; again++)
				assert_int_equal(link_encode(&l, &v, 0, 0, &settings), OK);
			len[k] = l.wire.len;
		}
		assert_true(len[0] > len[1] && len[1] > len[2] && len[2] < len[3]);
		link_fini(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pixels_lie_as_specified),
		cmocka_unit_test(the_last_free_byte_goes),
		cmocka_unit_test(rectangles_lie_as_specified),
		cmocka_unit_test(levels_are_obeyed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
