#include "fake.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct fake {
	struct screen base;
	struct loop *loop;
	const struct screen_events *events;
	void *ctx;
	struct loop_wake *wake;
	struct loop_task task;
	bool announced, armed, at_once, lent;
	struct region wanted, given;
	struct pix_canvas frame;

	pthread_t thread;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t turn;
	bool quit, busy;
	struct rect rect;
	uint32_t rgb;
	struct pix_canvas picture;
	struct region damage;
};

static void *paint(void *arg)
{
	struct fake *f = arg;
	pthread_mutex_lock(&f->lock);
	while (!f->quit) {
		if (!f->busy) {
			pthread_cond_wait(&f->turn, &f->lock);
			continue;
		}
		for (int y = f->rect.y; y < f->rect.y + f->rect.h; y++) {
			for (int x = f->rect.x; x < f->rect.x + f->rect.w; x++)
				*pix_canvas_at(&f->picture, x, y) = f->rgb;
		}
		region_add_rect(&f->damage, f->rect);
		f->busy = false;
		loop_wake_send(f->wake);
		pthread_cond_broadcast(&f->turn);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static bool take(struct fake *f)
{
	pthread_mutex_lock(&f->lock);
	region_copy(&f->given, &f->damage);
	region_intersect(&f->given, &f->wanted);
	bool hit = f->at_once || !region_empty(&f->given);
	region_copy(&f->given, &f->damage);
	if (hit) {
		region_clear(&f->damage);
		memcpy(f->frame.px, f->picture.px, (size_t)f->frame.w * (size_t)f->frame.h * 4);
	}
	pthread_mutex_unlock(&f->lock);
	return hit;
}

static void look(void *ctx)
{
	struct fake *f = ctx;
	if (!f->announced) {
		f->announced = true;
		loop_task_queue(f->loop, &f->task);
		struct screen_layout l = { .w = f->frame.w, .h = f->frame.h, .n = 1 };
		l.outputs[0].area = (struct rect){ 0, 0, l.w, l.h };
		f->events->on_layout(f->ctx, &l);
		return;
	}
	if (!f->armed || f->lent || !take(f))
		return;
	f->armed = false;
	f->lent = true;
	const struct screen_frame frame = { pix_canvas_view(&f->frame), &f->given, clock_now_us() };
	f->events->on_frame(f->ctx, &frame);
}

static void destroy(struct screen *s)
{
	struct fake *f = (struct fake *)s;
	pthread_mutex_lock(&f->lock);
	f->quit = true;
	pthread_cond_broadcast(&f->turn);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	loop_wake_destroy(f->wake);
	loop_task_cancel(f->loop, &f->task);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->turn);
	region_fini(&f->wanted);
	region_fini(&f->given);
	region_fini(&f->damage);
	free(f->frame.px);
	free(f->picture.px);
	free(f);
}

static void want_frame(struct screen *s, const struct region *region, bool now)
{
	struct fake *f = (struct fake *)s;
	f->armed = region != NULL;
	f->at_once = now;
	if (region)
		region_copy(&f->wanted, region);
	loop_task_queue(f->loop, &f->task);
}

static void release(struct screen *s)
{
	struct fake *f = (struct fake *)s;
	f->lent = false;
	loop_task_queue(f->loop, &f->task);
}

static const struct screen_ops ops = {
	.name = "fake",
	.destroy = destroy,
	.want_frame = want_frame,
	.release = release,
};

struct screen *fake_create(struct loop *l, int w, int h, const struct screen_events *e, void *ctx)
{
	struct fake *f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	size_t n = (size_t)w * (size_t)h;
	f->base.ops = &ops;
	f->loop = l;
	f->events = e;
	f->ctx = ctx;
	f->task = (struct loop_task){ .run = look, .ctx = f };
	f->frame = (struct pix_canvas){ calloc(n, 4), w, w, h };
	f->picture = (struct pix_canvas){ calloc(n, 4), w, w, h };
	region_init(&f->wanted);
	region_init(&f->given);
	region_init_rect(&f->damage, (struct rect){ 0, 0, w, h });
	f->wake = loop_wake_create(l, look, f);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->turn, NULL);
	if (!f->wake || !f->frame.px || !f->picture.px ||
		pthread_create(&f->thread, NULL, paint, f))
		abort();
	loop_task_queue(l, &f->task);
	return &f->base;
}

void fake_fill(struct screen *s, struct rect r, uint32_t rgb)
{
	struct fake *f = (struct fake *)s;
	pthread_mutex_lock(&f->lock);
	f->rect = r;
	f->rgb = rgb;
	f->busy = true;
	pthread_cond_broadcast(&f->turn);
	while (f->busy)
		pthread_cond_wait(&f->turn, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

void fake_look(struct screen *s, const struct pix_canvas *to)
{
	struct fake *f = (struct fake *)s;
	pthread_mutex_lock(&f->lock);
	memcpy(to->px, f->picture.px, (size_t)to->w * (size_t)to->h * 4);
	pthread_mutex_unlock(&f->lock);
}
