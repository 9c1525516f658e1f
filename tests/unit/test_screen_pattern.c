#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "screen/pattern/pattern.h"
#include "screen/pattern/pattern_picture.h"

enum { W = 400, H = 300 };

static void draw(const struct pattern_picture *p, uint32_t *px)
{
	const struct pix_canvas c = { px, p->w, p->w, p->h };
	pattern_picture_draw(p, &c, (struct rect){ 0, 0, p->w, p->h });
}

static struct pattern_picture any(uint32_t seed)
{
	return (struct pattern_picture){ .w = W,
		.h = H,
		.seed = 3,
		.frame = seed * seed % 3000,
		.x = (int)(seed * 37 % W),
		.y = (int)(seed * 91 % H),
		.buttons = seed % 5,
		.keys = seed / 3 };
}

static void changes_cover_every_difference(void **state)
{
	(void)state;
	static uint32_t a[W * H], b[W * H];
	for (uint32_t i = 0; i < 60; i++) {
		struct pattern_picture p = any(i), q = any(i + 1);
		if (i % 2)
			q.frame = p.frame + i / 10; /* few letters typed, or none */
		struct region changes;
		region_init(&changes);
		pattern_picture_changes(&p, &q, &changes);
		draw(&p, a);
		draw(&q, b);
		for (int n = 0; n < W * H; n++) {
			if (a[n] != b[n])
				assert_true(region_contains(
					&changes, (struct rect){ n % W, n / W, 1, 1 }));
		}
		/* Drawing the changes over the old picture makes the new one. */
		const struct pix_canvas c = { a, W, W, H };
		for (size_t n = 0; n < region_count(&changes); n++)
			pattern_picture_draw(&q, &c, region_at(&changes, n));
		assert_memory_equal(a, b, sizeof(a));
		region_fini(&changes);
	}
}

static void same_values_same_picture(void **state)
{
	(void)state;
	static uint32_t a[W * H], b[W * H];
	struct pattern_picture p = any(5), q = any(5);
	draw(&p, a);
	draw(&q, b);
	assert_memory_equal(a, b, sizeof(a));
	q.seed++;
	draw(&q, b);
	assert_true(memcmp(a, b, sizeof(a)) != 0);
	for (int n = 0; n < W * H; n++)
		assert_int_equal(a[n] >> 24, 0);
}

static void every_size_can_be_drawn(void **state)
{
	(void)state;
	for (int size = 1; size < 120; size++) {
		struct pattern_picture p = { .w = size, .h = 121 - size, .frame = 77 };
		uint32_t *px = calloc((size_t)(p.w * p.h), sizeof(*px));
		assert_non_null(px);
		draw(&p, px);
		free(px);
	}
}

static void frame_number_can_be_read(void **state)
{
	(void)state;
	static uint32_t px[W * H];
	static const uint32_t numbers[] = { 0, 1, 0x80000000, 0xffffffff, 0x12345678 };
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct pattern_picture p = { .w = W, .h = H, .frame = numbers[i] };
		uint32_t read;
		draw(&p, px);
		assert_true(pattern_picture_read_frame(&(struct pix_view){ px, W, W, H }, &read));
		assert_int_equal(read, numbers[i]);
		assert_false(
			pattern_picture_read_frame(&(struct pix_view){ px, W, 255, H }, &read));
	}
}

struct watch {
	struct loop *loop;
	struct screen *screen;
	uint32_t last, n;
};

static void ignore_layout(void *ctx, const struct screen_layout *l)
{
	(void)ctx, (void)l;
}

static void ignore_cursor(void *ctx, const struct screen_cursor *c)
{
	(void)ctx, (void)c;
}

static void ignore_name(void *ctx, const char *name)
{
	(void)ctx, (void)name;
}

static void want_all(struct watch *w)
{
	struct region all;
	region_init_rect(&all, (struct rect){ 0, 0, W, H });
	screen_want_frame(w->screen, &all, false);
	region_fini(&all);
}

static void on_frame(void *ctx, const struct screen_frame *f)
{
	struct watch *w = ctx;
	uint32_t frame;
	assert_true(pattern_picture_read_frame(&f->view, &frame));
	if (w->n++ > 0)
		assert_int_equal(frame, w->last + 1);
	w->last = frame;
	screen_release(w->screen);
	if (w->n == 30)
		loop_stop(w->loop);
	else
		want_all(w);
}

static void moves_on_by_one_each_time(void **state)
{
	(void)state;
	static const struct screen_events events = { .on_frame = on_frame,
		.on_layout = ignore_layout,
		.on_cursor = ignore_cursor,
		.on_name = ignore_name };
	static const struct pattern_config config = { W, H, 1, 200 };
	struct watch w = { .loop = loop_create() };
	w.screen = pattern_create(w.loop, &config, &events, &w);
	assert_non_null(w.screen);
	want_all(&w);
	assert_int_equal(loop_run(w.loop), OK);
	assert_int_equal(w.n, 30);
	screen_destroy(w.screen);
	loop_destroy(w.loop);
}

static void bad_sizes_are_refused(void **state)
{
	(void)state;
	static const struct pattern_config bad[] = { { 0, 1, 0, 0 }, { 1, 0, 0, 0 },
		{ 16385, 1, 0, 0 }, { 1, -1, 0, 0 }, { 1, 1, 0, -1 }, { 1, 1, 0, 1001 } };
	static const struct screen_events events = { 0 };
	struct loop *l = loop_create();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(pattern_create(l, &bad[i], &events, NULL));
	loop_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_cover_every_difference),
		cmocka_unit_test(same_values_same_picture),
		cmocka_unit_test(every_size_can_be_drawn),
		cmocka_unit_test(frame_number_can_be_read),
		cmocka_unit_test(moves_on_by_one_each_time),
		cmocka_unit_test(bad_sizes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
