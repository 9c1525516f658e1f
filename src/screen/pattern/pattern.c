#include "screen/pattern/pattern.h"

#include <stdlib.h>

#include "base/clock.h"
#include "screen/pattern/pattern_picture.h"

enum { SIZE_MAX_PX = 16384, FPS_MAX = 1000, CURSOR_W = 9, CURSOR_H = 14 };

/* What has still to be told, in this order. */
enum { TELL_LAYOUT = 1 << 0, TELL_RESIZED = 1 << 1, TELL_CURSOR = 1 << 2 };

struct pattern {
	struct screen base;
	struct loop *loop; /* borrowed, like the two below */
	const struct screen_events *events;
	void *ctx;
	struct loop_task task; /* all events leave from here, one a run */
	struct loop_timer *timer;
	uint64_t period_us; /* 0: still */
	uint64_t tick_us;   /* when the frame number last moved on */

	struct pattern_picture now, drawn;
	struct pix_canvas canvas;
	struct screen_layout layout;
	struct region damage; /* where `now` differs from `drawn` */
	struct region given;  /* damage of the lent frame */
	struct region wanted;
	bool armed, at_once, lent;

	unsigned tell;
	struct screen_layout asked; /* the last resize() of n_asked */
	int n_asked, n_answers;
	enum screen_resized answer;
};

static struct pattern *of(struct screen *s)
{
	return (struct pattern *)s;
}

static void send_cursor(struct pattern *p)
{
	static const uint16_t ink[CURSOR_H] = { 0x100, 0x180, 0x1c0, 0x1e0, 0x1f0, 0x1f8, 0x1fc,
		0x1fe, 0x1ff, 0x1f0, 0x1b8, 0x138, 0x01c, 0x01c };
	uint32_t argb[CURSOR_W * CURSOR_H];
	for (int i = 0; i < CURSOR_W * CURSOR_H; i++) {
		bool set = ink[i / CURSOR_W] >> (CURSOR_W - 1 - i % CURSOR_W) & 1;
		argb[i] = set ? 0xff000000 | (p->now.seed & 0x3f3f3f) : 0;
	}
	const struct screen_cursor c = { CURSOR_W, CURSOR_H, 0, 0, argb };
	p->events->on_cursor(p->ctx, &c);
}

/* Sends one of the waiting events; nothing of p may be used afterwards, because
 * the receiver may have destroyed it. */
static void tell_one(struct pattern *p)
{
	unsigned what = p->tell & -p->tell;
	if (what != TELL_RESIZED || --p->n_answers == 0)
		p->tell &= ~what;
	loop_task_queue(p->loop, &p->task);
	if (what == TELL_RESIZED)
		p->events->on_resized(p->ctx, p->answer);
	else if (what == TELL_LAYOUT)
		p->events->on_layout(p->ctx, &p->layout);
	else
		send_cursor(p);
}

static bool size_ok(int w, int h)
{
	return w >= 1 && h >= 1 && w <= SIZE_MAX_PX && h <= SIZE_MAX_PX;
}

static bool layout_ok(const struct screen_layout *l)
{
	bool ok = size_ok(l->w, l->h) && l->n >= 1 && l->n <= SCREEN_OUTPUTS_MAX;
	for (int i = 0; ok && i < l->n; i++)
		ok = !rect_empty(l->outputs[i].area) &&
		     rect_contains((struct rect){ 0, 0, l->w, l->h }, l->outputs[i].area);
	return ok;
}

static enum screen_resized take_layout(struct pattern *p, const struct screen_layout *l)
{
	if (!layout_ok(l))
		return SCREEN_RESIZED_BAD_LAYOUT;
	uint32_t *px = calloc((size_t)l->w * (size_t)l->h, sizeof(*px));
	if (!px)
		return SCREEN_RESIZED_NO_RESOURCES;
	free(p->canvas.px);
	p->canvas = (struct pix_canvas){ px, l->w, l->w, l->h };
	p->layout = *l;
	p->now.w = l->w;
	p->now.h = l->h;
	p->drawn = (struct pattern_picture){ 0 };
	region_clear(&p->damage);
	p->tell |= TELL_LAYOUT;
	return SCREEN_RESIZED_OK;
}

static void answer_resize(struct pattern *p)
{
	p->answer = take_layout(p, &p->asked);
	p->n_answers += p->n_asked;
	p->n_asked = 0;
	p->tell |= TELL_RESIZED;
}

/* Moves the frame number on when its time has come. */
static void tick(struct pattern *p)
{
	uint64_t now = clock_now_us();
	if (!p->period_us || now < p->tick_us + p->period_us)
		return;
	/* Keep the rhythm when this is only a little late. */
	bool late = now >= p->tick_us + 2 * p->period_us;
	p->tick_us = late ? now : p->tick_us + p->period_us;
	p->now.frame++;
}

static void wait_for_tick(struct pattern *p)
{
	if (!p->period_us)
		return;
	uint64_t now = clock_now_us(), due = p->tick_us + p->period_us;
	loop_timer_start(p->timer, now < due ? (due - now + 999) / 1000 : 0);
}

static bool wanted_is_damaged(const struct pattern *p)
{
	struct region common;
	region_init(&common);
	region_copy(&common, &p->damage);
	region_intersect(&common, &p->wanted);
	bool hit = !region_empty(&common) || region_broken(&common);
	region_fini(&common);
	return hit;
}

static void draw(struct pattern *p)
{
	struct rect all = { 0, 0, p->now.w, p->now.h };
	if (region_broken(&p->damage)) {
		region_fini(&p->damage);
		region_add_rect(&p->damage, all);
	}
	for (size_t i = 0; i < region_count(&p->damage); i++)
		pattern_picture_draw(&p->now, &p->canvas, region_at(&p->damage, i));
	p->drawn = p->now;
}

/* Like tell_one(), the last thing its caller does. */
static void deliver(struct pattern *p)
{
	tick(p);
	region_clear(&p->damage);
	pattern_picture_changes(&p->drawn, &p->now, &p->damage);
	if (!p->at_once && !wanted_is_damaged(p)) {
		wait_for_tick(p);
		return;
	}
	draw(p);
	struct region swap = p->given;
	p->given = p->damage;
	p->damage = swap;
	region_clear(&p->damage);
	p->armed = false;
	p->lent = true;
	const struct screen_frame f = { pix_canvas_view(&p->canvas), &p->given, clock_now_us() };
	p->events->on_frame(p->ctx, &f);
}

static void run(void *ctx)
{
	struct pattern *p = ctx;
	if (p->n_asked && !p->lent && !p->tell)
		answer_resize(p);
	if (p->tell)
		tell_one(p);
	else if (p->armed && !p->lent)
		deliver(p);
}

static void wake(struct pattern *p)
{
	loop_task_queue(p->loop, &p->task);
}

static void fire(void *ctx)
{
	wake(ctx);
}

static void destroy(struct screen *s)
{
	struct pattern *p = of(s);
	loop_task_cancel(p->loop, &p->task);
	loop_timer_destroy(p->timer);
	region_fini(&p->damage);
	region_fini(&p->given);
	region_fini(&p->wanted);
	free(p->canvas.px);
	free(p);
}

static void want_frame(struct screen *s, const struct region *region, bool now)
{
	struct pattern *p = of(s);
	p->armed = region != NULL;
	p->at_once = now;
	if (region) {
		region_copy(&p->wanted, region);
		wake(p);
	} else {
		region_clear(&p->wanted);
		loop_timer_stop(p->timer);
	}
}

static void release(struct screen *s)
{
	struct pattern *p = of(s);
	p->lent = false;
	wake(p);
}

static void key(struct screen *s, uint32_t keysym, uint32_t code, bool down)
{
	struct pattern *p = of(s);
	if (!down)
		return;
	p->now.keysym = keysym ? keysym : code;
	p->now.keys++;
	wake(p);
}

static void pointer(struct screen *s, int x, int y, unsigned buttons)
{
	struct pattern *p = of(s);
	p->now.x = x < 0 ? 0 : x >= p->now.w ? p->now.w - 1 : x;
	p->now.y = y < 0 ? 0 : y >= p->now.h ? p->now.h - 1 : y;
	p->now.buttons = buttons;
	wake(p);
}

static void resize(struct screen *s, const struct screen_layout *layout)
{
	struct pattern *p = of(s);
	p->asked = *layout;
	p->n_asked++;
	wake(p);
}

static const struct screen_ops ops = {
	.name = "pattern",
	.destroy = destroy,
	.want_frame = want_frame,
	.release = release,
	.key = key,
	.pointer = pointer,
	.resize = resize,
};

struct screen *pattern_create(struct loop *l, const struct pattern_config *config,
	const struct screen_events *e, void *ctx)
{
	if (!size_ok(config->w, config->h) || config->fps < 0 || config->fps > FPS_MAX)
		return NULL;
	struct pattern *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->base.ops = &ops;
	p->base.caps = SCREEN_CAP_INPUT | SCREEN_CAP_RESIZE | SCREEN_CAP_CURSOR;
	p->loop = l;
	p->events = e;
	p->ctx = ctx;
	p->task = (struct loop_task){ .run = run, .ctx = p };
	p->period_us = config->fps ? 1000000u / (uint64_t)config->fps : 0;
	p->now = (struct pattern_picture){ .seed = config->seed };
	region_init(&p->damage);
	region_init(&p->given);
	region_init(&p->wanted);

	struct screen_layout layout = { .w = config->w, .h = config->h, .n = 1 };
	layout.outputs[0].area = (struct rect){ 0, 0, config->w, config->h };
	layout.outputs[0].primary = true;
	p->timer = loop_timer_create(l, fire, p);
	if (!p->timer || take_layout(p, &layout) != SCREEN_RESIZED_OK)
		goto fail;
	p->now.x = config->w / 2;
	p->now.y = config->h / 2;
	p->tick_us = clock_now_us();
	p->tell |= TELL_CURSOR;
	wake(p);
	return &p->base;

fail:
	destroy(&p->base);
	return NULL;
}
