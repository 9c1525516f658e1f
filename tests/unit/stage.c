#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static struct stage *of(struct screen *s)
{
	return (struct stage *)s;
}

static void tell(struct stage *s, enum stage_event e)
{
	switch (e) {
	case STAGE_LAYOUT: s->events->on_layout(s->ctx, &s->layout); break;
	case STAGE_RESIZED: s->events->on_resized(s->ctx, s->answer); break;
	case STAGE_CLIPBOARD: s->events->on_clipboard(s->ctx, s->text, strlen(s->text)); break;
	case STAGE_GONE: s->events->on_gone(s->ctx, "the stage is gone"); break;
	}
}

static bool due(struct stage *s)
{
	struct region common;
	region_init(&common);
	region_copy(&common, &s->damage);
	region_intersect(&common, &s->wanted);
	bool hit = s->at_once || !region_empty(&common);
	region_fini(&common);
	return s->armed && !s->lent && hit;
}

static void deliver(struct stage *s)
{
	region_copy(&s->given, &s->damage);
	region_clear(&s->damage);
	s->armed = false;
	s->lent = true;
	s->n_frames++;
	const struct screen_frame f = { pix_canvas_view(&s->picture), &s->given, clock_now_us() };
	s->events->on_frame(s->ctx, &f);
}

static void run(void *ctx)
{
	struct stage *s = ctx;
	if (s->n_queue > 0) {
		enum stage_event e = s->queue[0];
		memmove(s->queue, s->queue + 1, sizeof(s->queue) - sizeof(s->queue[0]));
		s->n_queue--;
		loop_task_queue(s->loop, &s->task);
		tell(s, e);
	} else if (due(s)) {
		deliver(s);
	}
}

void stage_say(struct stage *s, enum stage_event e)
{
	assert_true(s->n_queue < STAGE_EVENTS_MAX);
	s->queue[s->n_queue++] = e;
	loop_task_queue(s->loop, &s->task);
}

static void destroy(struct screen *base)
{
	struct stage *s = of(base);
	s->alive = false;
	loop_task_cancel(s->loop, &s->task);
	region_fini(&s->damage);
	region_fini(&s->given);
	region_fini(&s->wanted);
}

static void want_frame(struct screen *base, const struct region *region, bool now)
{
	struct stage *s = of(base);
	s->armed = region != NULL;
	s->at_once = now;
	s->n_armed += region != NULL;
	if (region)
		region_copy(&s->wanted, region);
	loop_task_queue(s->loop, &s->task);
}

static void release(struct screen *base)
{
	struct stage *s = of(base);
	s->lent = false;
	loop_task_queue(s->loop, &s->task);
}

static void key(struct screen *base, uint32_t keysym, uint32_t code, bool down)
{
	struct stage *s = of(base);
	if (s->n_keys < STAGE_KEYS_MAX)
		s->keys[s->n_keys++] = (struct stage_key){ keysym, code, down };
}

static void pointer(struct screen *base, int x, int y, unsigned buttons)
{
	struct stage *s = of(base);
	s->x = x;
	s->y = y;
	s->buttons = buttons;
}

static void set_size(struct stage *s, int w, int h)
{
	assert_true(w <= STAGE_W_MAX && h <= STAGE_H_MAX);
	s->layout = (struct screen_layout){ .w = w, .h = h, .n = 1 };
	s->layout.outputs[0].area = (struct rect){ 0, 0, w, h };
	s->picture = (struct pix_canvas){ s->px, w, w, h };
	region_clear(&s->damage);
	region_add_rect(&s->damage, s->layout.outputs[0].area);
}

static void resize(struct screen *base, const struct screen_layout *layout)
{
	struct stage *s = of(base);
	s->asked = *layout;
	s->n_resizes++;
	if (s->quiet)
		return;
	if (s->answer == SCREEN_RESIZED_OK)
		stage_resize(s, layout->w, layout->h, (uint32_t)s->n_resizes);
	stage_say(s, STAGE_RESIZED);
}

static void set_clipboard(struct screen *base, const char *text, size_t len)
{
	struct stage *s = of(base);
	snprintf(s->put, sizeof(s->put), "%.*s", (int)len, text);
	s->n_puts++;
}

static void want_clipboard(struct screen *base)
{
	struct stage *s = of(base);
	s->n_fetches++;
	if (!s->quiet)
		stage_say(s, STAGE_CLIPBOARD);
}

static const struct screen_ops ops = {
	.name = "stage",
	.destroy = destroy,
	.want_frame = want_frame,
	.release = release,
	.key = key,
	.pointer = pointer,
	.resize = resize,
	.set_clipboard = set_clipboard,
	.want_clipboard = want_clipboard,
};

void stage_init(
	struct stage *s, struct loop *l, int w, int h, const struct screen_events *e, void *ctx)
{
	s->base.ops = &ops;
	s->base.caps = SCREEN_CAP_INPUT | SCREEN_CAP_RESIZE | SCREEN_CAP_CLIPBOARD |
		       SCREEN_CAP_CURSOR | SCREEN_CAP_LEDS;
	s->loop = l;
	s->events = e;
	s->ctx = ctx;
	s->alive = true;
	s->task = (struct loop_task){ .run = run, .ctx = s };
	region_init(&s->damage);
	region_init(&s->given);
	region_init(&s->wanted);
	stage_resize(s, w, h, 1);
}

void stage_damage(struct stage *s, struct rect r)
{
	if (!s->alive)
		return;
	region_add_rect(&s->damage, r);
	loop_task_queue(s->loop, &s->task);
}

void stage_fill(struct stage *s, struct rect r, uint32_t rgb)
{
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			*pix_canvas_at(&s->picture, x, y) = rgb;
	stage_damage(s, r);
}

void stage_noise(struct stage *s, struct rect r, uint32_t seed)
{
	uint32_t state = seed * 2654435761u + 12345;
	for (int y = r.y; y < r.y + r.h; y++) {
		for (int x = r.x; x < r.x + r.w; x++) {
			state = state * 1664525u + 1013904223u;
			*pix_canvas_at(&s->picture, x, y) = state >> 8;
		}
	}
	stage_damage(s, r);
}

void stage_scroll(struct stage *s, struct rect r, int dy, uint32_t seed)
{
	int n = dy < 0 ? -dy : dy;
	for (int i = 0; i < r.h - n; i++) {
		int y = dy < 0 ? r.y + i : r.y + r.h - 1 - i;
		memmove(pix_canvas_at(&s->picture, r.x, y), pix_canvas_at(&s->picture, r.x, y - dy),
			(size_t)r.w * 4);
	}
	stage_noise(s, (struct rect){ r.x, dy < 0 ? r.y + r.h - n : r.y, r.w, n }, seed);
	stage_damage(s, r);
}

/* Flat areas, few colours, many colours: something for each way to encode. */
static void paint(struct stage *s, uint32_t seed)
{
	int w = s->picture.w, h = s->picture.h;
	stage_fill(s, (struct rect){ 0, 0, w, h }, 0x204060 + seed * 0x010305);
	for (int y = 0; y < h / 2; y++)
		for (int x = 0; x < w / 2; x++)
			*pix_canvas_at(&s->picture, x, y) =
				(x / 5 + y / 7) % 3 ? 0xf0f0f0 : 0x101010;
	stage_noise(s, (struct rect){ w / 2, 0, w / 4, h / 3 }, seed);
	for (int y = h / 2; y < h; y++)
		for (int x = 0; x < w / 3; x++)
			*pix_canvas_at(&s->picture, x, y) =
				(uint32_t)(x * 255 / w) << 16 | (uint32_t)(y * 255 / h) << 8 | 0x7f;
}

void stage_resize(struct stage *s, int w, int h, uint32_t seed)
{
	set_size(s, w, h);
	paint(s, seed);
	stage_say(s, STAGE_LAYOUT);
}
