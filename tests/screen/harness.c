#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

enum { LIMIT_MS = 20000 };

static struct pix_canvas new_canvas(int w, int h)
{
	struct pix_canvas c = { calloc((size_t)w * (size_t)h, 4), w, w, h };
	assert_non_null(c.px);
	return c;
}

/* What every event must keep to; false: the test destroyed the screen in it. */
static bool enter(struct harness *h, int event)
{
	loop_stop(h->loop);
	assert_false(h->inside);
	assert_non_null(h->screen);
	assert_int_equal(h->n_gone, 0);
	if (event != EVENT_LAYOUT)
		assert_true(h->n_layouts > 0);
	if (event != h->destroy_in)
		return true;
	screen_destroy(h->screen);
	h->screen = NULL;
	return false;
}

static void copy_view(const struct pix_canvas *to, const struct pix_view *v)
{
	for (int y = 0; y < v->h; y++) {
		for (int x = 0; x < v->w; x++)
			*pix_canvas_at(to, x, y) = *pix_view_at(v, x, y) & 0xffffff;
	}
}

static void on_frame(void *ctx, const struct screen_frame *f)
{
	struct harness *h = ctx;
	h->n_frames++;
	if (!enter(h, EVENT_FRAME))
		return;
	assert_false(h->lent);
	assert_int_equal(f->view.w, h->layout.w);
	assert_int_equal(f->view.h, h->layout.h);
	struct rect all = { 0, 0, f->view.w, f->view.h };
	if (h->all_damaged_next)
		assert_true(region_contains(f->damage, all));
	assert_true(region_empty(f->damage) || rect_contains(all, region_bounds(f->damage)));
	h->all_damaged_next = false;
	h->lent = true;
	h->view = f->view;
	h->frame_us = clock_now_us();
	region_copy(&h->damage, f->damage);
	free(h->before.px);
	h->before = h->last;
	h->last = new_canvas(f->view.w, f->view.h);
	copy_view(&h->last, &f->view);
	if (!h->keep)
		harness_release(h);
}

static void on_layout(void *ctx, const struct screen_layout *layout)
{
	struct harness *h = ctx;
	h->n_layouts++;
	if (!enter(h, EVENT_LAYOUT))
		return;
	h->layout = *layout;
	h->all_damaged_next = true;
	assert_in_range(layout->w, 1, 16384);
	assert_in_range(layout->h, 1, 16384);
	assert_in_range(layout->n, 1, SCREEN_OUTPUTS_MAX);
	for (int i = 0; i < layout->n; i++)
		assert_true(rect_contains(
			(struct rect){ 0, 0, layout->w, layout->h }, layout->outputs[i].area));
}

static void on_resized(void *ctx, enum screen_resized result)
{
	struct harness *h = ctx;
	h->n_resized++;
	if (enter(h, EVENT_RESIZED))
		h->resized = result;
}

static void on_cursor(void *ctx, const struct screen_cursor *c)
{
	struct harness *h = ctx;
	h->n_cursors++;
	if (!enter(h, EVENTS))
		return;
	h->cursor = *c;
	if (c->w * c->h > 0 && c->w * c->h <= 64 * 64)
		memcpy(h->argb, c->argb, (size_t)(c->w * c->h) * 4);
}

static void on_leds(void *ctx, unsigned leds)
{
	struct harness *h = ctx;
	h->n_leds++;
	h->leds = leds;
	enter(h, EVENTS);
}

static void on_bell(void *ctx)
{
	struct harness *h = ctx;
	h->n_bells++;
	enter(h, EVENTS);
}

static void on_clipboard_changed(void *ctx)
{
	struct harness *h = ctx;
	h->n_clipboard_changed++;
	enter(h, EVENTS);
}

static void on_clipboard(void *ctx, const char *text, size_t len)
{
	struct harness *h = ctx;
	h->n_clipboard++;
	enter(h, EVENTS);
	assert_true(len < sizeof(h->text));
	memcpy(h->text, text, len);
	h->text[len] = 0;
}

static void on_name(void *ctx, const char *name)
{
	struct harness *h = ctx;
	h->n_names++;
	assert_non_null(name);
	enter(h, EVENTS);
}

static void on_gone(void *ctx, const char *why)
{
	struct harness *h = ctx;
	enter(h, EVENTS);
	h->n_gone++;
	strncpy(h->gone, why, sizeof(h->gone) - 1);
}

const struct screen_events harness_events = {
	.on_frame = on_frame,
	.on_layout = on_layout,
	.on_resized = on_resized,
	.on_cursor = on_cursor,
	.on_leds = on_leds,
	.on_bell = on_bell,
	.on_clipboard_changed = on_clipboard_changed,
	.on_clipboard = on_clipboard,
	.on_name = on_name,
	.on_gone = on_gone,
};

static void on_timer(void *ctx)
{
	struct harness *h = ctx;
	h->timed_out = true;
	loop_stop(h->loop);
}

void harness_init(struct harness *h, const struct kind *kind)
{
	*h = (struct harness){ .kind = kind, .destroy_in = -1 };
	region_init(&h->damage);
	h->loop = loop_create();
	assert_non_null(h->loop);
	h->timer = loop_timer_create(h->loop, on_timer, h);
	assert_non_null(h->timer);
}

void harness_start(struct harness *h, const struct kind *kind)
{
	harness_init(h, kind);
	kind->start(h);
	assert_non_null(h->screen);
	assert_int_equal(h->n_layouts, 0);
}

void harness_destroy_screen(struct harness *h)
{
	screen_destroy(h->screen);
	h->screen = NULL;
}

void harness_stop(struct harness *h)
{
	harness_destroy_screen(h);
	h->kind->stop(h);
	loop_timer_destroy(h->timer);
	loop_destroy(h->loop);
	region_fini(&h->damage);
	free(h->last.px);
	free(h->before.px);
}

void harness_until(struct harness *h, const int *count, int n)
{
	h->timed_out = false;
	loop_timer_start(h->timer, LIMIT_MS);
	while (*count < n && !h->timed_out)
		assert_int_equal(loop_run(h->loop), OK); /* every event stops it */
	loop_timer_stop(h->timer);
	assert_false(h->timed_out);
	assert_int_equal(*count, n);
}

static void count_sleep(void *ctx)
{
	++*(int *)ctx;
}

int harness_rest(struct harness *h, uint64_t ms)
{
	int sleeps = 0;
	struct loop_hook *hook = loop_hook_create(h->loop, count_sleep, &sleeps);
	h->timed_out = false;
	loop_timer_start(h->timer, ms);
	while (!h->timed_out)
		assert_int_equal(loop_run(h->loop), OK);
	loop_hook_destroy(hook);
	return sleeps;
}

static void want(struct harness *h, const struct region *region, bool now)
{
	h->inside = true;
	h->asked_us = clock_now_us();
	screen_want_frame(h->screen, region, now);
	h->inside = false;
}

void harness_want_rect(struct harness *h, struct rect r)
{
	struct region region;
	region_init_rect(&region, r);
	want(h, &region, false);
	region_fini(&region);
}

void harness_want(struct harness *h, bool now)
{
	struct region all;
	region_init_rect(&all, (struct rect){ 0, 0, 16384, 16384 });
	want(h, &all, now);
	region_fini(&all);
}

void harness_cancel(struct harness *h)
{
	want(h, NULL, false);
}

void harness_release(struct harness *h)
{
	bool inside = h->inside;
	h->inside = true;
	h->lent = false;
	screen_release(h->screen);
	h->inside = inside;
}

static void check_unchanged_outside(const struct harness *h)
{
	if (!h->before.px || h->before.w != h->last.w || h->before.h != h->last.h)
		return;
	for (int y = 0; y < h->last.h; y++) {
		const uint32_t *a = pix_canvas_at(&h->before, 0, y);
		const uint32_t *b = pix_canvas_at(&h->last, 0, y);
		if (memcmp(a, b, (size_t)h->last.w * 4) == 0)
			continue;
		for (int x = 0; x < h->last.w; x++) {
			if (a[x] != b[x] &&
				!region_contains(&h->damage, (struct rect){ x, y, 1, 1 }))
				fail_msg("pixel %d,%d changed outside the damage", x, y);
		}
	}
}

static void check_truth(struct harness *h)
{
	struct pix_canvas truth = new_canvas(h->last.w, h->last.h);
	h->kind->truth(h, &truth);
	for (int y = 0; y < truth.h; y++) {
		for (int x = 0; x < truth.w; x++) {
			uint32_t is = *pix_canvas_at(&h->last, x, y);
			uint32_t should = *pix_canvas_at(&truth, x, y) & 0xffffff;
			if (is != should)
				fail_msg(
					"pixel %d,%d is %06x and should be %06x", x, y, is, should);
		}
	}
	free(truth.px);
}

void harness_check_frame(struct harness *h, bool now)
{
	int n = h->n_frames;
	harness_want(h, now);
	harness_until(h, &h->n_frames, n + 1);
	check_unchanged_outside(h);
	check_truth(h);
}
