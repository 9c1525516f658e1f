#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "formats.h"
#include "link.h"
#include "pictures.h"

/* Decoders against what no honest server sends, encoders against ceilings. */

enum { SIDE = 64, MUTATIONS = 150 };

struct target {
	struct decoder *decoder;
	struct pix_convert convert;
	struct pix_canvas screen; /* owned; exactly as large as the rectangle */
};

static void target_init(struct target *t, int32_t id, const struct pix_format *f, int w, int h)
{
	t->decoder = decoder_find(id)->create();
	pix_convert_init(&t->convert, f);
	t->screen = (struct pix_canvas){ calloc((size_t)w * (size_t)h, 4), w, w, h };
	assert_true(t->decoder && t->screen.px);
}

static void target_fini(struct target *t)
{
	decoder_destroy(t->decoder);
	free(t->screen.px);
}

static int feed(struct target *t, const void *data, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);
	assert_non_null(exact);
	memcpy(exact, data, n);
	struct rd in = rd_of(exact, n);
	struct rect at = { 0, 0, t->screen.w, t->screen.h };
	int err = decoder_decode(t->decoder, &in, at, &t->convert, &t->screen);
	if (err == ERR_AGAIN)
		assert_int_equal(in.left, n);
	free(exact);
	return err;
}

/* One payload for a fresh decoder, in the native format. */
static int verdict(int32_t id, int w, int h, const void *data, size_t n)
{
	struct target t;
	target_init(&t, id, &pix_format_native, w, h);
	int err = feed(&t, data, n);
	target_fini(&t);
	return err;
}

/* The same for the zlib-compressed bytes of `data`, a U32 length before them. */
static int zipped_verdict(int32_t id, int w, int h, const void *data, size_t n)
{
	uLongf len = compressBound(n);
	uint8_t *zipped = malloc(len + 4);
	assert_non_null(zipped);
	assert_int_equal(compress(zipped + 4, &len, data, n), Z_OK);
	for (int i = 0; i < 4; i++)
		zipped[i] = (uint8_t)(len >> (24 - 8 * i));
	int err = verdict(id, w, h, zipped, len + 4);
	free(zipped);
	return err;
}

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void rre_is_checked(void **state)
{
	(void)state;
	/* counts that lie */
	assert_int_equal(verdict(2, 8, 8, BYTES(255, 255, 255, 255, 0, 0, 0, 0)), ERR_PROTO);
	assert_int_equal(verdict(4, 8, 8, BYTES(0, 0, 0, 65, 0, 0, 0, 0)), ERR_PROTO);
	assert_int_equal(verdict(4, 8, 8, BYTES(0, 0, 0, 64, 0, 0, 0, 0)), ERR_AGAIN);
	/* a subrectangle outside */
	assert_int_equal(
		verdict(4, 8, 8, BYTES(0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 5, 5, 3, 3)), OK);
	assert_int_equal(
		verdict(4, 8, 8, BYTES(0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 5, 5, 4, 3)), ERR_PROTO);
	assert_int_equal(
		verdict(2, 8, 8,
			BYTES(0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 255, 255, 0, 0, 0, 9, 0, 1)),
		ERR_PROTO);
}

static void rre_repaints_are_bounded(void **state)
{
	(void)state;
	uint8_t data[8 + 64 * 8] = { 0, 0, 0, 64 };
	for (int i = 0; i < 64; i++)
		memcpy(data + 8 + i * 8, "\1\1\1\0\0\0\100\100", 8);
	assert_int_equal(verdict(4, 64, 64, data, sizeof(data)), ERR_PROTO);
}

static void hextile_is_checked(void **state)
{
	(void)state;
	/* coloured subrectangles, the last of which leaves its tile of 8 x 8 */
	assert_int_equal(verdict(5, 8, 8, BYTES(0x1a, 0, 0, 0, 0, 1, 9, 9, 9, 0, 0x77, 0x00)), OK);
	assert_int_equal(
		verdict(5, 8, 8, BYTES(0x1a, 0, 0, 0, 0, 1, 9, 9, 9, 0, 0x77, 0x01)), ERR_PROTO);
	assert_int_equal(
		verdict(5, 8, 8, BYTES(0x1a, 0, 0, 0, 0, 1, 9, 9, 9, 0, 0xff, 0xff)), ERR_PROTO);
}

static void zlib_lengths_are_checked(void **state)
{
	(void)state;
	uint8_t px[4 * 4 * 4 + 1] = { 0 };
	assert_int_equal(zipped_verdict(6, 4, 4, px, 64), OK);
	assert_int_equal(zipped_verdict(6, 4, 4, px, 63), ERR_PROTO);
	assert_int_equal(zipped_verdict(6, 4, 4, px, 65), ERR_PROTO);
	assert_int_equal(verdict(6, 4, 4, BYTES(255, 255, 255, 255)), ERR_LIMIT);
	assert_int_equal(verdict(16, 4, 4, BYTES(127, 255, 255, 255)), ERR_LIMIT);
	assert_int_equal(verdict(6, 4, 4, BYTES(0, 0, 0, 0)), ERR_PROTO);
	assert_int_equal(verdict(6, 4, 4, BYTES(0, 0, 0, 3, 1, 2, 3)), ERR_PROTO);
	/* a stream that wants a preset dictionary */
	assert_int_equal(verdict(6, 4, 4, BYTES(0, 0, 0, 6, 0x78, 0x20, 0, 0, 0, 1)), ERR_PROTO);
	/* endless empty blocks instead of pixels */
	uint8_t empty[4 + 2 + 500 * 5] = { 0, 0, (2502 >> 8), 2502 & 255, 0x78, 1 };
	for (int i = 0; i < 500; i++)
		memcpy(empty + 6 + i * 5, "\0\0\0\377\377", 5);
	assert_int_equal(verdict(6, 4, 4, empty, sizeof(empty)), ERR_PROTO);
}

static void a_bomb_stays_small(void **state)
{
	(void)state;
	size_t n = 16 << 20;
	uint8_t *zeros = calloc(n, 1);
	assert_non_null(zeros);
	assert_int_equal(zipped_verdict(6, 100, 100, zeros, n), ERR_PROTO);
	assert_int_equal(zipped_verdict(16, 100, 100, zeros, n), ERR_PROTO);
	free(zeros);
}

static void zrle_is_checked(void **state)
{
	(void)state;
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(1, 7, 7, 7)), OK);
	/* palettes of sizes that do not exist */
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(17, 7, 7, 7)), ERR_PROTO);
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(127, 7, 7, 7)), ERR_PROTO);
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(129, 7, 7, 7, 0x83)), ERR_PROTO);
	/* an index past the palette: packed, and in runs */
	assert_int_equal(zipped_verdict(16, 2, 1, BYTES(3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0x80)), OK);
	assert_int_equal(
		zipped_verdict(16, 2, 1, BYTES(3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0xc0)), ERR_PROTO);
	assert_int_equal(zipped_verdict(16, 2, 1, BYTES(130, 1, 1, 1, 2, 2, 2, 0, 1)), OK);
	assert_int_equal(zipped_verdict(16, 2, 1, BYTES(130, 1, 1, 1, 2, 2, 2, 0, 2)), ERR_PROTO);
	/* runs longer than the tile */
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(128, 1, 1, 1, 3)), OK);
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(128, 1, 1, 1, 4)), ERR_PROTO);
	assert_int_equal(
		zipped_verdict(16, 2, 2, BYTES(128, 1, 1, 1, 255, 255, 255, 255)), ERR_PROTO);
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(130, 1, 1, 1, 2, 2, 2, 128, 4)), ERR_PROTO);
	/* too little and too much */
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(0, 1, 1, 1)), ERR_PROTO);
	assert_int_equal(zipped_verdict(16, 2, 2, BYTES(1, 1, 1, 1, 9)), ERR_PROTO);
}

static void tight_is_checked(void **state)
{
	(void)state;
	/* control bytes that mean nothing */
	for (int control = 0xb0; control <= 0xf0; control += 0x10)
		if (control != 0xe0)
			assert_int_equal(
				verdict(7, 2, 1, BYTES((uint8_t)control, 0, 1, 2, 3, 4, 5, 6)),
				ERR_PROTO);
	assert_int_equal(verdict(7, 2, 1, BYTES(0x80, 1, 2, 3)), OK);
	/* filters that do not exist, a palette of one */
	assert_int_equal(verdict(7, 2, 1, BYTES(0x40, 3)), ERR_PROTO);
	assert_int_equal(verdict(7, 2, 1, BYTES(0x40, 1, 0)), ERR_PROTO);
	/* an index past the palette, short enough to come without zlib */
	const uint8_t three[] = { 0x40, 1, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 3 };
	assert_int_equal(verdict(7, 2, 1, three, sizeof(three)), ERR_PROTO);
	/* too wide for any filter */
	assert_int_equal(verdict(7, 2049, 1, BYTES(0x40, 2)), ERR_PROTO);
	assert_int_equal(verdict(7, 2049, 1, BYTES(0x80, 1, 2, 3)), OK);
	/* plain data of another length than the rectangle's */
	assert_int_equal(verdict(7, 4, 1, BYTES(0xa0, 11)), ERR_PROTO);
	/* gradient has no meaning at 8 bits */
	struct target t;
	target_init(&t, 7, &formats[13].format, 2, 1);
	assert_int_equal(feed(&t, BYTES(0x40, 2, 1, 1)), ERR_PROTO);
	target_fini(&t);
	/* JPEG that is none, and the longest length there is */
	assert_int_equal(verdict(7, 2, 1, BYTES(0x90, 4, 1, 2, 3, 4)), ERR_PROTO);
	assert_int_equal(verdict(7, 2, 1, BYTES(0x90, 0)), ERR_PROTO);
	assert_int_equal(verdict(7, 2, 1, BYTES(0x90, 255, 255, 255)), ERR_AGAIN);
}

static void jpeg_must_have_the_size_announced(void **state)
{
	(void)state;
	struct link l;
	struct pix_canvas c = { malloc(SIDE * SIDE * 4), SIDE, SIDE, SIDE };
	assert_non_null(c.px);
	picture_paint(PICTURE_NOISE, 1, &c);
	struct pix_view v = pix_canvas_view(&c);
	assert_int_equal(link_init(&l, encoder_find(7), &pix_format_native, SIDE, SIDE), OK);
	struct encoder_settings settings = { 5, -1 };
	assert_int_equal(link_encode(&l, &v, 0, 0, &settings), OK);
	assert_int_equal(l.rects, 1);
	assert_int_equal(l.wire.data[12], 0x90);
	assert_int_equal(verdict(7, SIDE, SIDE, l.wire.data + 12, l.wire.len - 12), OK);
	assert_int_equal(verdict(7, SIDE - 1, SIDE, l.wire.data + 12, l.wire.len - 12), ERR_PROTO);
	assert_int_equal(verdict(7, SIDE, SIDE + 1, l.wire.data + 12, l.wire.len - 12), ERR_PROTO);
	link_fini(&l);
	free(c.px);
}

static void mutate(uint8_t *data, size_t n, uint32_t *seed)
{
	for (uint32_t k = picture_random(seed) % 4 + 1; k > 0 && n > 0; k--) {
		uint32_t r = picture_random(seed);
		/* Mostly near the front, where lengths and kinds are. */
		size_t at = r & 1 ? r / 2 % n : r / 2 % (n < 24 ? n : 24);
		unsigned flipped = data[at] ^ 1u << (r >> 21 & 7);
		data[at] = (uint8_t)(r & 0x100000 ? flipped : r >> 24);
	}
}

/* Whatever it is fed, a decoder ends, in bounds, with one of its codes. */
static void garbage_is_survived(void **state)
{
	(void)state;
	const int some[] = { 0, 4, 10, 15 };
	uint32_t seed = 77;
	for (unsigned i = 0; encoder_at(i); i++) {
		for (int kind = 0; kind < PICTURES; kind++) {
			const struct pix_format *f = &formats[some[kind % 4]].format;
			struct link l;
			struct pix_canvas c = { malloc(SIDE * SIDE * 4), SIDE, SIDE, SIDE };
			assert_non_null(c.px);
			assert_int_equal(link_init(&l, encoder_at(i), f, SIDE, SIDE), OK);
			picture_paint((enum picture)kind, 3, &c);
			struct pix_view v = pix_canvas_view(&c);
			struct encoder_settings settings = { kind % 2 ? 5 : -1, -1 };
			assert_int_equal(link_encode(&l, &v, 0, 0, &settings), OK);
			for (int m = 0; m < MUTATIONS; m++) {
				struct target t;
				target_init(&t, encoder_at(i)->wire_id, f, SIDE, SIDE);
				size_t n = l.wire.len - 12;
				uint8_t *bad = malloc(n);
				assert_non_null(bad);
				memcpy(bad, l.wire.data + 12, n);
				mutate(bad, n, &seed);
				if (m % 4 == 3)
					n = picture_random(&seed) % n;
				int err = feed(&t, bad, n);
				assert_true(err <= OK && err >= ERR_PROTO);
				feed(&t, bad, n); /* and is usable after, or at least safe */
				free(bad);
				target_fini(&t);
			}
			link_fini(&l);
			free(c.px);
		}
	}
}

static void encoders_stop_at_the_ceiling(void **state)
{
	(void)state;
	struct pix_canvas c = { malloc(200 * 100 * 4), 200, 200, 100 };
	assert_non_null(c.px);
	for (unsigned i = 0; encoder_at(i); i++) {
		for (int kind = 0; kind < PICTURES; kind++) {
			picture_paint((enum picture)kind, 3, &c);
			struct pix_view v = pix_canvas_view(&c);
			struct link l;
			struct encoder_settings settings = { kind % 2 ? 5 : -1, -1 };
			assert_int_equal(
				link_init(&l, encoder_at(i), &formats[2].format, 200, 100), OK);
			assert_int_equal(link_encode(&l, &v, 0, 0, &settings), OK);
			size_t n = l.wire.len;
			for (size_t max = 0; max < n; max += 1 + max / 3) {
				encoder_destroy(l.encoder);
				l.encoder = encoder_at(i)->create();
				assert_non_null(l.encoder);
				buf_fini(&l.wire);
				buf_init(&l.wire, max);
				assert_int_equal(link_encode(&l, &v, 0, 0, &settings), ERR_LIMIT);
				assert_true(l.wire.cap <= max);
			}
			link_fini(&l);
		}
	}
	free(c.px);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rre_is_checked),
		cmocka_unit_test(rre_repaints_are_bounded),
		cmocka_unit_test(hextile_is_checked),
		cmocka_unit_test(zlib_lengths_are_checked),
		cmocka_unit_test(a_bomb_stays_small),
		cmocka_unit_test(zrle_is_checked),
		cmocka_unit_test(tight_is_checked),
		cmocka_unit_test(jpeg_must_have_the_size_announced),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(encoders_stop_at_the_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
