#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats.h"
#include "link.h"
#include "pictures.h"

/* decode(encode(x)) equals x, for every encoder at every pixel format. */

static const int levels[] = { -1, 0, 1, 2, 6, 9 };

static const struct {
	int w, h;
} sizes[] = { { 1, 1 }, { 1, 37 }, { 41, 1 }, { 16, 16 }, { 65, 63 }, { 131, 67 } };

struct picture_data {
	uint32_t *px; /* owned */
	struct pix_view view;
};

static struct picture_data paint(enum picture kind, uint32_t seed, int w, int h)
{
	/* A wider stride than needed, so that mixing up the two shows. */
	int stride = w + 3;
	struct picture_data p = { malloc((size_t)stride * (size_t)h * 4), { 0 } };
	assert_non_null(p.px);
	struct pix_canvas c = { p.px, stride, w, h };
	picture_paint(kind, seed, &c);
	p.view = pix_canvas_view(&c);
	return p;
}

static void expect_screen(const struct link *l, const struct pix_view *v, int x0, int y0)
{
	for (int y = 0; y < v->h; y++) {
		for (int x = 0; x < v->w; x++) {
			uint32_t want = pix_convert_back(
				&l->convert, pix_convert_one(&l->convert, *pix_view_at(v, x, y)));
			uint32_t got = *pix_canvas_at(&l->screen, x0 + x, y0 + y);
			if (got != want)
				fail_msg("%s, %dx%d: pixel %d,%d is %06x, not %06x",
					l->encoder->ops->name, v->w, v->h, x, y, got, want);
		}
	}
}

static void send(struct link *l, const struct pix_view *v, int x, int y, int level)
{
	struct encoder_settings settings = { -1, level };
	assert_int_equal(link_encode(l, v, x, y, &settings), OK);
	assert_true(l->rects >= 1);
	assert_int_equal(link_decode(l), OK);
	expect_screen(l, v, x, y);
}

/* Every level of every picture through one pair of instances: streams go on
 * over rectangles and over changes of the level. */
static void all_pictures(const struct encoder_ops *ops, const struct pix_format *format)
{
	struct link l;
	assert_int_equal(link_init(&l, ops, format, 200, 100), OK);
	uint32_t seed = 1;
	for (int kind = 0; kind < PICTURES; kind++) {
		for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
			for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
				struct picture_data p =
					paint((enum picture)kind, seed, sizes[s].w, sizes[s].h);
				send(&l, &p.view, (int)(seed % 60), (int)(seed % 30), levels[i]);
				free(p.px);
				seed++;
			}
		}
	}
	link_fini(&l);
}

static void every_format(void **state)
{
	(void)state;
	for (unsigned i = 0; encoder_at(i); i++)
		for (int f = 0; f < FORMATS; f++)
			all_pictures(encoder_at(i), &formats[f].format);
}

static void large_pictures(void **state)
{
	(void)state;
	const struct {
		int w, h;
	} large[] = { { 2049, 40 }, { 1000, 130 }, { 70, 1500 }, { 4100, 3 } };
	const int some[] = { 0, 5, 11, 13 };
	for (unsigned i = 0; encoder_at(i); i++) {
		for (size_t f = 0; f < ARRAY_LEN(some); f++) {
			struct link l;
			assert_int_equal(
				link_init(&l, encoder_at(i), &formats[some[f]].format, 4200, 1600),
				OK);
			for (size_t s = 0; s < ARRAY_LEN(large); s++) {
				enum picture kind = s % 2 ? PICTURE_DESKTOP : PICTURE_PHOTO;
				struct picture_data p = paint(kind, 7, large[s].w, large[s].h);
				send(&l, &p.view, 1, 2, -1);
				free(p.px);
			}
			link_fini(&l);
		}
	}
}

static void wire_limits_hold(void **state)
{
	(void)state;
	struct picture_data p = paint(PICTURE_DESKTOP, 3, 2500, 300);
	for (unsigned i = 0; encoder_at(i); i++) {
		struct link l;
		assert_int_equal(link_init(&l, encoder_at(i), &pix_format_native, 2500, 300), OK);
		struct encoder_settings settings = { -1, -1 };
		uint8_t *times = calloc(2500 * 300, 1);
		assert_non_null(times);
		assert_int_equal(link_encode(&l, &p.view, 0, 0, &settings), OK);
		struct rd in = rd_of(l.wire.data, l.wire.len);
		for (int n = 0; n < l.rects; n++) {
			struct rect at;
			struct decoder *d = link_header(&l, &in, &at);
			assert_non_null(d);
			if (d->ops->wire_id == 4)
				assert_true(at.w <= 255 && at.h <= 255);
			if (d->ops->wire_id == 7)
				assert_true(at.w <= 2048);
			for (int y = at.y; y < at.y + at.h; y++)
				for (int x = at.x; x < at.x + at.w; x++)
					times[y * 2500 + x]++;
			assert_int_equal(decoder_decode(d, &in, at, &l.convert, &l.screen), OK);
		}
		assert_int_equal(in.left, 0);
		for (int k = 0; k < 2500 * 300; k++)
			assert_int_equal(times[k], 1);
		free(times);
		link_fini(&l);
	}
	free(p.px);
}

/* Lengths to cut a payload of n bytes at: all of a short one, else many. */
static size_t next_cut(size_t i, size_t n)
{
	return i < 64 || i + 24 > n ? i + 1 : i + 1 + n / 40;
}

/* `scout` has the same history as l and tells where the payload ends. */
static void expect_again(struct link *l, struct link *scout, struct rd *in)
{
	struct rect at;
	struct decoder *d = link_header(l, in, &at);
	struct rd ahead = *in, back = { in->p - 12, in->left + 12, 0 };
	struct decoder *s = link_header(scout, &back, &at);
	assert_true(d && s);
	assert_int_equal(decoder_decode(s, &ahead, at, &l->convert, &scout->screen), OK);
	size_t n = in->left - ahead.left;
	for (size_t i = 0; i < n; i = next_cut(i, n)) {
		uint8_t *exact = malloc(i ? i : 1);
		assert_non_null(exact);
		memcpy(exact, in->p, i);
		struct rd part = rd_of(exact, i);
		assert_int_equal(decoder_decode(d, &part, at, &l->convert, &l->screen), ERR_AGAIN);
		assert_int_equal(part.left, i);
		assert_ptr_equal(part.p, exact);
		free(exact);
	}
	assert_int_equal(decoder_decode(d, in, at, &l->convert, &l->screen), OK);
	assert_int_equal(in->left, ahead.left);
}

static void every_prefix_asks_for_more(void **state)
{
	(void)state;
	const int some[] = { 0, 2, 11, 15 };
	for (unsigned i = 0; encoder_at(i); i++) {
		for (size_t f = 0; f < ARRAY_LEN(some); f++) {
			struct link l, scout;
			const struct pix_format *format = &formats[some[f]].format;
			assert_int_equal(link_init(&l, encoder_at(i), format, 90, 70), OK);
			assert_int_equal(link_init(&scout, encoder_at(i), format, 90, 70), OK);
			for (int kind = 0; kind < PICTURES; kind++) {
				struct picture_data p = paint((enum picture)kind, 9, 70, 50);
				struct encoder_settings settings = { kind == PICTURE_PHOTO ? 5 : -1,
					-1 };
				assert_int_equal(link_encode(&l, &p.view, 4, 5, &settings), OK);
				struct rd in = rd_of(l.wire.data, l.wire.len);
				for (int n = 0; n < l.rects; n++)
					expect_again(&l, &scout, &in);
				assert_int_equal(in.left, 0);
				if (settings.quality < 0)
					expect_screen(&l, &p.view, 4, 5);
				free(p.px);
			}
			link_fini(&l);
			link_fini(&scout);
		}
	}
}

static void copy_rect_moves(void **state)
{
	(void)state;
	uint32_t px[8 * 8];
	struct pix_canvas screen = { px, 8, 8, 8 };
	struct pix_convert convert;
	pix_convert_init(&convert, &pix_format_native);
	struct decoder *d = decoder_find(1)->create();
	assert_non_null(d);
	for (int fy = 0; fy <= 4; fy++) {
		for (int fx = 0; fx <= 5; fx++) {
			for (uint32_t i = 0; i < 64; i++)
				px[i] = i;
			const uint8_t from[] = { 0, (uint8_t)fx, 0, (uint8_t)fy };
			struct rect at = { 2, 3, 3, 4 };
			struct rd in = rd_of(from, sizeof(from));
			assert_int_equal(decoder_decode(d, &in, at, &convert, &screen), OK);
			for (int y = 0; y < 4; y++)
				for (int x = 0; x < 3; x++)
					assert_int_equal(
						px[(3 + y) * 8 + 2 + x], (fy + y) * 8 + fx + x);
		}
	}
	struct rd in = rd_of("\0\6\0\0", 4);
	assert_int_equal(
		decoder_decode(d, &in, (struct rect){ 0, 0, 3, 4 }, &convert, &screen), ERR_PROTO);
	in = rd_of("\0\0\0", 3);
	assert_int_equal(
		decoder_decode(d, &in, (struct rect){ 0, 0, 3, 4 }, &convert, &screen), ERR_AGAIN);
	decoder_destroy(d);
}

static void tables_agree(void **state)
{
	(void)state;
	for (unsigned i = 0; encoder_at(i); i++) {
		const struct encoder_ops *ops = encoder_at(i);
		assert_ptr_equal(encoder_find(ops->wire_id), ops);
		assert_string_equal(decoder_find(ops->wire_id)->name, ops->name);
	}
	assert_null(encoder_find(12345));
	assert_null(decoder_find(-1));
	encoder_destroy(NULL);
	decoder_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_agree),
		cmocka_unit_test(every_format),
		cmocka_unit_test(large_pictures),
		cmocka_unit_test(wire_limits_hold),
		cmocka_unit_test(every_prefix_asks_for_more),
		cmocka_unit_test(copy_rect_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
