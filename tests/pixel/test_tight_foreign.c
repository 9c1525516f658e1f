#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "codec/wire.h"
#include "formats.h"
#include "link.h"
#include "pictures.h"

/* What other servers' Tight encoders send and ours does not: the gradient
 * filter, data without zlib, streams that start anew. */

enum { WIDTH = 37, HEIGHT = 21, MOST = WIDTH * HEIGHT * 4 };

struct server {
	struct decoder *decoder;
	struct pix_convert convert;
	struct wire_pixel pixel;
	uint32_t px[WIDTH * HEIGHT], screen[WIDTH * HEIGHT];
	uint8_t data[MOST]; /* filtered */
	size_t len;
	struct buf wire;
	z_stream z;
};

static void server_init(struct server *s, const struct pix_format *f)
{
	memset(s, 0, sizeof(*s));
	s->decoder = decoder_find(7)->create();
	assert_non_null(s->decoder);
	pix_convert_init(&s->convert, f);
	wire_pixel_init_tpixel(&s->pixel, &s->convert);
	buf_init(&s->wire, 1 << 20);
	assert_int_equal(deflateInit(&s->z, 6), Z_OK);
	struct pix_canvas c = { s->px, WIDTH, WIDTH, HEIGHT };
	picture_paint(PICTURE_PHOTO, 4, &c);
}

static void server_fini(struct server *s)
{
	decoder_destroy(s->decoder);
	deflateEnd(&s->z);
	buf_fini(&s->wire);
}

static uint32_t value_of(const struct server *s, int x, int y)
{
	uint32_t px = s->px[y * WIDTH + x];
	return s->pixel.rgb ? px : pix_convert_one(&s->convert, px);
}

static int channel(const struct server *s, int i, int x, int y)
{
	const struct pix_channel *c[] = { &s->convert.red, &s->convert.green, &s->convert.blue };
	if (x < 0 || y < 0)
		return 0;
	int shift = s->pixel.rgb ? 16 - 8 * i : c[i]->shift;
	return (int)(value_of(s, x, y) >> shift & ((1u << c[i]->bits) - 1));
}

static uint32_t difference(const struct server *s, int x, int y)
{
	const struct pix_channel *c[] = { &s->convert.red, &s->convert.green, &s->convert.blue };
	uint32_t px = 0;
	for (int i = 0; i < 3; i++) {
		int max = (1 << c[i]->bits) - 1;
		int guess = channel(s, i, x - 1, y) + channel(s, i, x, y - 1) -
			    channel(s, i, x - 1, y - 1);
		guess = guess < 0 ? 0 : guess > max ? max : guess;
		uint32_t d = (uint32_t)(channel(s, i, x, y) - guess) & (uint32_t)max;
		px |= d << (s->pixel.rgb ? 16 - 8 * i : c[i]->shift);
	}
	return px;
}

static void filter(struct server *s, bool gradient)
{
	s->len = (size_t)WIDTH * HEIGHT * s->pixel.bytes;
	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++) {
			uint32_t v = gradient ? difference(s, x, y) : value_of(s, x, y);
			wire_pixel_put(
				&s->pixel, s->data + (y * WIDTH + x) * s->pixel.bytes, &v, 1);
		}
	}
}

static void put_length(struct server *s, size_t n)
{
	buf_put_u8(&s->wire, (uint8_t)(n & 0x7f) | 0x80);
	buf_put_u8(&s->wire, (uint8_t)(n >> 7 & 0x7f) | 0x80);
	buf_put_u8(&s->wire, (uint8_t)(n >> 14));
}

static void put_zipped(struct server *s)
{
	static uint8_t zipped[MOST + 1000];
	s->z.next_in = s->data;
	s->z.avail_in = (unsigned)s->len;
	s->z.next_out = zipped;
	s->z.avail_out = sizeof(zipped);
	assert_int_equal(deflate(&s->z, Z_SYNC_FLUSH), Z_OK);
	put_length(s, sizeof(zipped) - s->z.avail_out);
	buf_put(&s->wire, zipped, sizeof(zipped) - s->z.avail_out);
}

static void expect_decoded(struct server *s)
{
	struct pix_canvas screen = { s->screen, WIDTH, WIDTH, HEIGHT };
	struct rect at = { 0, 0, WIDTH, HEIGHT };
	memset(s->screen, 0xee, sizeof(s->screen));
	for (size_t n = 0; n < s->wire.len; n++) {
		struct rd part = rd_of(s->wire.data, n);
		assert_int_equal(
			decoder_decode(s->decoder, &part, at, &s->convert, &screen), ERR_AGAIN);
		assert_int_equal(part.left, n);
	}
	struct rd in = rd_of(s->wire.data, s->wire.len);
	assert_int_equal(decoder_decode(s->decoder, &in, at, &s->convert, &screen), OK);
	assert_int_equal(in.left, 0);
	for (int i = 0; i < WIDTH * HEIGHT; i++)
		assert_int_equal(s->screen[i],
			pix_convert_back(&s->convert, pix_convert_one(&s->convert, s->px[i])));
	buf_reset(&s->wire);
}

static void gradient_at_every_format(void **state)
{
	(void)state;
	for (int f = 0; f < FORMATS; f++) {
		if (formats[f].format.bpp == 8)
			continue;
		struct server s;
		server_init(&s, &formats[f].format);
		filter(&s, true);
		buf_put(&s.wire, "\x40\2", 2);
		put_zipped(&s);
		expect_decoded(&s);
		buf_put(&s.wire, "\xe0\2", 2);
		put_length(&s, s.len);
		buf_put(&s.wire, s.data, s.len);
		expect_decoded(&s);
		server_fini(&s);
	}
}

static void plain_data_needs_no_stream(void **state)
{
	(void)state;
	for (int f = 0; f < FORMATS; f++) {
		struct server s;
		server_init(&s, &formats[f].format);
		filter(&s, false);
		buf_put_u8(&s.wire, 0xa0);
		put_length(&s, s.len);
		buf_put(&s.wire, s.data, s.len);
		expect_decoded(&s);
		server_fini(&s);
	}
}

static void streams_start_anew(void **state)
{
	(void)state;
	struct server s;
	server_init(&s, &pix_format_native);
	filter(&s, false);
	for (int i = 0; i < 3; i++) {
		buf_put_u8(&s.wire, 0x20);
		put_zipped(&s);
		expect_decoded(&s);
	}
	assert_int_equal(deflateReset(&s.z), Z_OK);
	buf_put_u8(&s.wire, 0x24);
	put_zipped(&s);
	expect_decoded(&s);
	/* The bit counts on a fill, too, and other streams are left alone. */
	assert_int_equal(deflateReset(&s.z), Z_OK);
	struct pix_canvas screen = { s.screen, WIDTH, WIDTH, HEIGHT };
	struct rd in = rd_of("\x84\1\2\3", 4);
	assert_int_equal(
		decoder_decode(s.decoder, &in, (struct rect){ 0, 0, 2, 2 }, &s.convert, &screen),
		OK);
	assert_int_equal(s.screen[WIDTH + 1], 0x010203);
	buf_put_u8(&s.wire, 0x2b);
	put_zipped(&s);
	expect_decoded(&s);
	/* Not reset where it had to be: the new header is garbage to the old one. */
	assert_int_equal(deflateReset(&s.z), Z_OK);
	buf_put_u8(&s.wire, 0x2b);
	put_zipped(&s);
	in = rd_of(s.wire.data, s.wire.len);
	assert_int_equal(decoder_decode(s.decoder, &in, (struct rect){ 0, 0, WIDTH, HEIGHT },
				 &s.convert, &screen),
		ERR_PROTO);
	server_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradient_at_every_format),
		cmocka_unit_test(plain_data_needs_no_stream),
		cmocka_unit_test(streams_start_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
