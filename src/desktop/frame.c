#include "base/clock.h"
#include "desktop/damage.h"
#include "desktop/desktop_private.h"
#include "desktop/soft_cursor.h"

/* When the screen is asked for a frame, and what a frame does to the viewers. */

static void arm(struct desktop *d, bool now)
{
	struct region all;
	region_init_rect(&all, (struct rect){ 0, 0, d->layout.w, d->layout.h });
	d->armed = true;
	d->armed_now = now;
	screen_want_frame(d->screen, &all, now);
	region_fini(&all);
}

static void disarm(struct desktop *d)
{
	loop_timer_stop(d->tick);
	if (d->armed)
		screen_want_frame(d->screen, NULL, false);
	d->armed = d->armed_now = false;
}

/* Milliseconds until the frame rate's ceiling allows another frame. */
static uint64_t too_early_ms(const struct desktop *d)
{
	uint64_t interval_us = 1000000u / (unsigned)d->framerate;
	uint64_t since_us = clock_now_us() - d->last_frame_us;
	if (d->hurry || since_us >= interval_us)
		return 0;
	return (interval_us - since_us) / 1000;
}

void frame_schedule(struct desktop *d)
{
	bool due = false, now = false;
	for (const struct viewer *v = d->viewers; v; v = v->next) {
		if (!viewer_ready(v))
			continue;
		due = true;
		now |= viewer_pending(v);
	}
	if (!d->screen || !d->shadow.px)
		return;
	if (!due) {
		disarm(d);
		return;
	}
	if (d->armed && (d->armed_now || !now))
		return;
	uint64_t wait_ms = too_early_ms(d);
	if (wait_ms == 0) {
		loop_timer_stop(d->tick);
		arm(d, now);
	} else if (!loop_timer_active(d->tick)) {
		loop_timer_start(d->tick, wait_ms);
	}
}

void frame_tick(void *ctx)
{
	struct desktop *d = ctx;
	d->last_frame_us = 0; /* the wait is over, whatever the clock's grain says */
	frame_schedule(d);
}

/* What moved is sent as a CopyRect where the viewer takes those now; a copy
 * takes along what the viewer lacks at its source. For others it is damage. */
static void move_in_viewer(struct viewer *v, const struct move *m)
{
	struct rect from = m->to;
	from.y -= m->dy;
	if (v->copies) { /* one that is not sent yet: let it be pixels */
		v->copies = false;
		region_add_rect(&v->dirty, v->copy.to);
	}
	bool can = v->features & FEATURE_COPY_RECT &&
		   !soft_cursor_over(v, rect_union(from, m->to)) && viewer_ready(v) &&
		   v->w == v->desktop->shadow.w && v->h == v->desktop->shadow.h &&
		   update_covers(v, m->to);
	if (!can) {
		region_add_rect(&v->dirty, m->to);
		return;
	}
	struct region along;
	region_init(&along);
	region_copy(&along, &v->dirty);
	region_intersect_rect(&along, from);
	region_translate(&along, 0, m->dy);
	region_subtract_rect(&v->dirty, m->to);
	region_add(&v->dirty, &along);
	region_fini(&along);
	v->copies = true;
	v->copy = *m;
}

static void damage_viewers(struct desktop *d)
{
	if (region_broken(&d->changed)) {
		region_fini(&d->changed);
		for (struct viewer *v = d->viewers; v; v = v->next)
			viewer_damage_all(v);
		return;
	}
	if (region_empty(&d->changed))
		return;
	for (struct viewer *v = d->viewers; v; v = v->next)
		region_add(&v->dirty, &d->changed);
	for (struct viewer *v = d->viewers; v; v = v->next)
		if (region_broken(&v->dirty))
			viewer_damage_all(v);
}

/* A scroll is looked for where a change is large, and after eight vain looks
 * (a video plays) only at every eighth chance. */
static bool find_move(
	struct desktop *d, const struct pix_view *now, const struct region *hint, struct move *m)
{
	enum { VAIN = 8 };
	struct rect box = region_bounds(hint);
	if (d->vain_looks >= VAIN && d->vain_looks++ % VAIN)
		return false;
	struct pix_view before = pix_canvas_view(&d->shadow);
	if (!move_find(&before, now, box, m)) {
		d->vain_looks++;
		return false;
	}
	d->vain_looks = 0;
	return true;
}

/* Brings the shadow up to date and tells every viewer what it lacks. */
static void compare(struct desktop *d, const struct screen_frame *f)
{
	struct region hint;
	struct move move;
	region_init(&hint);
	region_copy(&hint, f->damage);
	region_intersect_rect(&hint,
		rect_clip((struct rect){ 0, 0, f->view.w, f->view.h }, d->shadow.w, d->shadow.h));
	if (find_move(d, &f->view, &hint, &move)) {
		move_apply(&move, &d->shadow);
		for (struct viewer *v = d->viewers; v; v = v->next)
			move_in_viewer(v, &move);
		region_add_rect(&hint, move.to);
	}
	damage_compare(&d->dsp, &f->view, &d->shadow, &hint, &d->changed);
	region_fini(&hint);
	damage_viewers(d);
}

void frame_take(void *ctx, const struct screen_frame *f)
{
	struct desktop *d = ctx;
	d->armed = d->armed_now = d->hurry = false;
	d->last_frame_us = clock_now_us();
	compare(d, f);
	screen_release(d->screen);
	for (struct viewer *v = d->viewers, *next; v; v = next) {
		next = v->next;
		if (viewer_ready(v) && viewer_pending(v))
			update_send(v);
	}
	frame_schedule(d);
}
