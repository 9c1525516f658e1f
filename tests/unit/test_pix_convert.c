#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pix/convert.h"

static struct pix_format format(int bpp, int depth, int r, int g, int b, int rs, int gs, int bs)
{
	return (struct pix_format){
		.bpp = (uint8_t)bpp,
		.depth = (uint8_t)depth,
		.true_colour = true,
		.red_max = (uint16_t)r,
		.green_max = (uint16_t)g,
		.blue_max = (uint16_t)b,
		.red_shift = (uint8_t)rs,
		.green_shift = (uint8_t)gs,
		.blue_shift = (uint8_t)bs,
	};
}

static void judges_formats(void **state)
{
	(void)state;
	const struct pix_format good[] = {
		pix_format_native,
		format(8, 8, 7, 7, 3, 0, 3, 6),
		format(16, 16, 31, 63, 31, 11, 5, 0),
		format(32, 30, 1023, 1023, 1023, 20, 10, 0),
		format(32, 24, 255, 255, 255, 24, 16, 8),
		format(32, 32, 65535, 255, 255, 16, 8, 0),
		{ .bpp = 8, .depth = 8 },
	};
	const struct pix_format bad[] = {
		format(0, 0, 255, 255, 255, 16, 8, 0),
		format(1, 1, 1, 1, 1, 0, 0, 0),
		format(24, 24, 255, 255, 255, 16, 8, 0),
		format(64, 24, 255, 255, 255, 16, 8, 0),
		format(255, 24, 255, 255, 255, 16, 8, 0),
		format(32, 0, 255, 255, 255, 16, 8, 0),
		format(32, 33, 255, 255, 255, 16, 8, 0),
		format(32, 24, 0, 255, 255, 16, 8, 0),
		format(32, 24, 255, 254, 255, 16, 8, 0),
		format(32, 24, 255, 255, 65534, 16, 8, 0),
		format(32, 24, 255, 255, 255, 25, 8, 0),
		format(32, 24, 255, 255, 255, 255, 8, 0),
		format(32, 24, 255, 255, 255, 16, 32, 0),
		format(32, 24, 255, 255, 255, 16, 9, 0), /* red and green overlap */
		format(16, 16, 31, 63, 31, 12, 5, 0),
		{ .bpp = 16, .depth = 8 },
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(pix_format_valid(&good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(pix_format_valid(&bad[i]));
	assert_false(pix_format_equal(&good[0], &good[1]));
	assert_int_equal(pix_format_bytes(&good[0]), 4);
	assert_int_equal(pix_format_bytes(&good[1]), 1);
	assert_int_equal(pix_format_bytes(&good[2]), 2);
}

static void format_is_16_bytes(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100);
	struct pix_format f = format(32, 30, 1023, 511, 255, 20, 10, 1), back;
	f.big_endian = true;
	pix_format_put(&b, &f);
	assert_int_equal(buf_ok(&b), OK);
	assert_int_equal(b.len, 16);
	assert_memory_equal(b.data, "\x20\x1e\1\1\3\xff\1\xff\0\xff\x14\x0a\1\0\0\0", 16);
	for (size_t n = 0; n <= 16; n++) {
		struct rd in = rd_of(b.data, n);
		pix_format_parse(&in, &back);
		assert_int_equal(rd_ok(&in), n == 16 ? OK : ERR_AGAIN);
	}
	assert_true(pix_format_equal(&f, &back));
	buf_fini(&b);
}

static uint8_t rounded(unsigned byte, unsigned max)
{
	unsigned v = (byte * max + 127) / 255;
	return (uint8_t)((v * 255 + max / 2) / max);
}

static void there_and_back(void **state)
{
	(void)state;
	const int maxes[] = { 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023 };
	for (size_t i = 0; i < ARRAY_LEN(maxes); i++) {
		struct pix_format f = format(32, 32, maxes[i], maxes[i], maxes[i], 22, 0, 11);
		assert_true(pix_format_valid(&f));
		struct pix_convert c;
		pix_convert_init(&c, &f);
		for (unsigned v = 0; v < 256; v++) {
			uint8_t want = rounded(v, (unsigned)maxes[i]);
			uint32_t rgb = v << 16 | (255 - v) << 8 | (v ^ 0x55);
			uint32_t back = pix_convert_back(&c, pix_convert_one(&c, rgb));
			assert_int_equal(back >> 16, want);
			assert_int_equal(back >> 8 & 0xff, rounded(255 - v, (unsigned)maxes[i]));
			assert_int_equal(back & 0xff, rounded(v ^ 0x55, (unsigned)maxes[i]));
		}
		assert_int_equal(pix_convert_back(&c, 0), 0);
		assert_int_equal(pix_convert_back(&c, ~0u), 0xffffff);
	}
}

static void known_values(void **state)
{
	(void)state;
	struct pix_convert c;
	struct pix_format f = format(16, 16, 31, 63, 31, 11, 5, 0);
	pix_convert_init(&c, &f);
	assert_int_equal(pix_convert_one(&c, 0xff0000), 0xf800);
	assert_int_equal(pix_convert_one(&c, 0x00ff00), 0x07e0);
	assert_int_equal(pix_convert_one(&c, 0x0000ff), 0x001f);
	f = (struct pix_format){ .bpp = 8, .depth = 8 };
	pix_convert_init(&c, &f);
	assert_int_equal(pix_convert_one(&c, 0xff0000), 0x07);
	assert_int_equal(pix_convert_one(&c, 0x00ff00), 0x38);
	assert_int_equal(pix_convert_one(&c, 0x0000ff), 0xc0);
	pix_convert_init(&c, &pix_format_native);
	assert_true(c.identity);
	assert_int_equal(pix_convert_one(&c, 0x123456), 0x123456);
}

/* Rows and views give what single pixels give, whichever way they take. */
static void rows_equal_pixels(void **state)
{
	(void)state;
	const struct pix_format formats[] = {
		pix_format_native,
		format(32, 24, 255, 255, 255, 0, 8, 16),
		format(32, 24, 255, 255, 255, 8, 16, 24),
		format(32, 24, 255, 255, 255, 3, 11, 19),
		format(32, 30, 1023, 1023, 1023, 20, 10, 0),
		format(16, 15, 31, 31, 31, 10, 5, 0),
		format(8, 8, 7, 7, 3, 0, 3, 6),
		{ .bpp = 8, .depth = 8 },
	};
	uint32_t from[3 * 40], to[3 * 50], row[37];
	for (uint32_t i = 0; i < ARRAY_LEN(from); i++)
		from[i] = i * 2654435761u >> 8;
	for (size_t k = 0; k < ARRAY_LEN(formats); k++) {
		struct pix_convert c;
		pix_convert_init(&c, &formats[k]);
		memset(to, 0xee, sizeof(to));
		pix_convert_view(&c, &(struct pix_view){ from, 40, 37, 3 },
			&(struct pix_canvas){ to, 50, 37, 3 });
		for (size_t y = 0; y < 3; y++) {
			for (size_t x = 0; x < 37; x++)
				assert_int_equal(
					to[y * 50 + x], pix_convert_one(&c, from[y * 40 + x]));
			assert_int_equal(to[y * 50 + 37], 0xeeeeeeee);
			pix_convert_row_back(&c, to + y * 50, row, 37);
			for (size_t x = 0; x < 37; x++)
				assert_int_equal(row[x], pix_convert_back(&c, to[y * 50 + x]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_formats),
		cmocka_unit_test(format_is_16_bytes),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(known_values),
		cmocka_unit_test(rows_equal_pixels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
