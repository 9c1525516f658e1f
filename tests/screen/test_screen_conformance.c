#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kinds.h"

/* One set of checks for every screen: what screen.h promises. */

enum { REST_MS = 150, DRAWS = 120 };

static int setup(void **state)
{
	const struct kind *kind = *state;
	struct harness *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	harness_start(h, kind);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_stop(*state);
	free(*state);
	return 0;
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* The first frame has been delivered and nothing is left to be. */
static void settle(struct harness *h)
{
	harness_check_frame(h, false);
	harness_check_frame(h, true);
}

static void layout_comes_first(void **state)
{
	struct harness *h = *state;
	harness_until(h, &h->n_layouts, 1);
	assert_int_equal(h->layout.w, 640);
	assert_int_equal(h->layout.h, 480);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_layouts, 1);
	assert_int_equal(h->n_frames, 0);
	assert_true(!!(h->screen->caps & SCREEN_CAP_CURSOR) == (h->n_cursors > 0));
}

static void first_frame_is_everything(void **state)
{
	struct harness *h = *state;
	harness_check_frame(h, false);
	assert_true(region_contains(&h->damage, (struct rect){ 0, 0, h->layout.w, h->layout.h }));
}

static void damage_covers_every_change(void **state)
{
	struct harness *h = *state;
	uint32_t seed = 1;
	settle(h);
	for (int i = 0; i < DRAWS; i++) {
		for (uint32_t n = next(&seed) % 5 + 1; n > 0; n--)
			h->kind->draw(
				h, (int)(next(&seed) % 640), (int)(next(&seed) % 480), next(&seed));
		/* Now and then it is drawn while a frame is on its way. */
		if (i % 3 == 0)
			harness_want(h, false);
		if (i % 6 == 0)
			h->kind->draw(
				h, (int)(next(&seed) % 640), (int)(next(&seed) % 480), next(&seed));
		harness_check_frame(h, true);
	}
}

static void nothing_comes_unasked(void **state)
{
	struct harness *h = *state;
	settle(h);
	int n = h->n_frames;
	h->kind->draw(h, 100, 100, 4711);
	harness_rest(h, REST_MS);
	h->kind->draw(h, 200, 200, 4712);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_frames, n);
	harness_check_frame(h, false);
	assert_true(region_intersects(&h->damage, (struct rect){ 200, 200, 1, 1 }));
}

static void no_frame_without_damage(void **state)
{
	struct harness *h = *state;
	settle(h);
	int n = h->n_frames;
	harness_want(h, false);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_frames, n);
	h->kind->draw(h, 50, 50, 4713);
	harness_until(h, &h->n_frames, n + 1);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_frames, n + 1);
}

static void now_answers_without_damage(void **state)
{
	struct harness *h = *state;
	settle(h);
	harness_check_frame(h, true);
	assert_true(region_empty(&h->damage));
}

static void cancel_cancels(void **state)
{
	struct harness *h = *state;
	settle(h);
	int n = h->n_frames;
	harness_want(h, true);
	harness_cancel(h);
	h->kind->draw(h, 100, 100, 4714);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_frames, n);
	harness_check_frame(h, false);
}

static void only_the_wanted_region_counts(void **state)
{
	struct harness *h = *state;
	h->kind->draw(h, 100, 100, 4715);
	settle(h);
	int n = h->n_frames;
	harness_want_rect(h, (struct rect){ 400, 300, 100, 100 });
	h->kind->draw(h, 110, 100, 4716);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_frames, n);
	h->kind->draw(h, 450, 350, 4717);
	harness_until(h, &h->n_frames, n + 1);
	assert_true(region_intersects(&h->damage, (struct rect){ 450, 350, 1, 1 }));
	assert_true(region_intersects(&h->damage, (struct rect){ 100, 95, 20, 10 }));
}

static void lent_view_is_not_written(void **state)
{
	struct harness *h = *state;
	settle(h);
	int n = h->n_frames;
	h->keep = true;
	h->kind->draw(h, 100, 100, 4718);
	harness_want(h, false);
	harness_until(h, &h->n_frames, n + 1);
	h->kind->draw(h, 300, 300, 4719);
	harness_want(h, true);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_frames, n + 1);
	for (int y = 0; y < h->last.h; y++) {
		for (int x = 0; x < h->last.w; x++)
			assert_int_equal(*pix_view_at(&h->view, x, y) & 0xffffff,
				*pix_canvas_at(&h->last, x, y));
	}
	h->keep = false;
	harness_release(h);
	harness_until(h, &h->n_frames, n + 2);
	assert_true(region_intersects(&h->damage, (struct rect){ 300, 300, 1, 1 }));
}

static void destroyed_in_an_event(void **state)
{
	struct harness *h = *state;
	for (int event = 0; event < EVENTS; event++) {
		if (event == EVENT_RESIZED && !(h->screen->caps & SCREEN_CAP_RESIZE))
			continue;
		struct harness other;
		harness_start(&other, h->kind);
		other.destroy_in = event;
		harness_want(&other, true);
		struct screen_layout l = { .w = 320, .h = 200, .n = 1 };
		l.outputs[0].area = (struct rect){ 0, 0, 320, 200 };
		if (event == EVENT_RESIZED)
			other.screen->ops->resize(other.screen, &l);
		while (other.screen)
			harness_rest(&other, 20);
		harness_rest(&other, 20);
		harness_stop(&other);
	}
}

static void destroyed_in_every_state(void **state)
{
	struct harness *h = *state;
	for (int turns = 0; turns < 12; turns++) {
		struct harness other;
		harness_start(&other, h->kind);
		harness_want(&other, true);
		loop_timer_start(other.timer, 1000);
		for (int i = 0; i < turns; i++) {
			other.kind->draw(&other, 50 * i, 50, (uint32_t)i);
			harness_want(&other, true);
			loop_turn(other.loop);
		}
		harness_stop(&other);
	}
}

static void ask_size(struct harness *h, int w, int height)
{
	struct screen_layout l = { .w = w, .h = height, .n = 1 };
	l.outputs[0].area = (struct rect){ 0, 0, w, height };
	h->inside = true;
	h->screen->ops->resize(h->screen, &l);
	h->inside = false;
}

static void resizes(void **state)
{
	static const int sizes[][2] = { { 320, 240 }, { 640, 480 }, { 333, 477 }, { 639, 1 },
		{ 400, 300 } };
	struct harness *h = *state;
	if (!(h->screen->caps & SCREEN_CAP_RESIZE))
		return;
	settle(h);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		int layouts = h->n_layouts, answers = h->n_resized;
		harness_want(h, false);
		ask_size(h, sizes[i][0], sizes[i][1]);
		harness_until(h, &h->n_resized, answers + 1);
		assert_int_equal(h->resized, SCREEN_RESIZED_OK);
		assert_int_equal(h->n_layouts, layouts + 1);
		assert_int_equal(h->layout.w, sizes[i][0]);
		assert_int_equal(h->layout.h, sizes[i][1]);
		harness_check_frame(h, true);
		h->kind->draw(h, 100, 0, 4720 + (uint32_t)i);
		harness_check_frame(h, false);
	}
}

static void every_resize_is_answered(void **state)
{
	struct harness *h = *state;
	if (!(h->screen->caps & SCREEN_CAP_RESIZE))
		return;
	settle(h);
	for (int i = 0; i < 7; i++) {
		ask_size(h, 300 + i, 200 + i);
		if (i % 2)
			loop_turn(h->loop);
	}
	harness_until(h, &h->n_resized, 7);
	harness_rest(h, REST_MS);
	assert_int_equal(h->n_resized, 7);
	assert_int_equal(h->layout.w, 306);
	harness_check_frame(h, true);
}

static void resize_while_lent(void **state)
{
	struct harness *h = *state;
	if (!(h->screen->caps & SCREEN_CAP_RESIZE))
		return;
	h->keep = true;
	harness_want(h, true);
	harness_until(h, &h->n_frames, 1);
	ask_size(h, 200, 100);
	harness_rest(h, REST_MS);
	for (int i = 0; i < 640 * 480; i++)
		assert_int_equal(*pix_view_at(&h->view, i % 640, i / 640) & 0xffffff,
			*pix_canvas_at(&h->last, i % 640, i / 640));
	h->keep = false;
	harness_release(h);
	harness_until(h, &h->n_layouts, 2);
	harness_check_frame(h, true);
	assert_int_equal(h->last.w, 200);
}

#define CHECK(f)                                                                                   \
	{                                                                                          \
#f, f                                                                              \
	}

/* One argument: run only what matches, as "x11: *". */
int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} checks[] = {
		CHECK(layout_comes_first),
		CHECK(first_frame_is_everything),
		CHECK(damage_covers_every_change),
		CHECK(nothing_comes_unasked),
		CHECK(no_frame_without_damage),
		CHECK(now_answers_without_damage),
		CHECK(cancel_cancels),
		CHECK(only_the_wanted_region_counts),
		CHECK(lent_view_is_not_written),
		CHECK(destroyed_in_an_event),
		CHECK(destroyed_in_every_state),
		CHECK(resizes),
		CHECK(every_resize_is_answered),
		CHECK(resize_while_lent),
	};
	const struct kind *kinds[] = { &kind_pattern, &kind_fake, &kind_x11, &kind_x11_without_shm,
		&kind_x11_without_randr };
	struct CMUnitTest tests[ARRAY_LEN(kinds) * ARRAY_LEN(checks)];
	char names[ARRAY_LEN(tests)][64];
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		const struct kind *kind = kinds[i / ARRAY_LEN(checks)];
		size_t c = i % ARRAY_LEN(checks);
		snprintf(names[i], sizeof(names[i]), "%s: %s", kind->name, checks[c].name);
		tests[i] = (struct CMUnitTest){ names[i], checks[c].run, setup, teardown,
			(void *)(uintptr_t)kind };
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
