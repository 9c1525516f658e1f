#include "desktop/desktop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop/desktop_private.h"
#include "desktop/soft_cursor.h"
#include "rfb/server_msg.h"

enum { CURSOR_MAX = 256 };

struct viewer *desktop_find(struct desktop *d, uint32_t id)
{
	for (struct viewer *v = d->viewers; v; v = v->next)
		if (v->id == id)
			return v;
	return NULL;
}

int desktop_viewers(const struct desktop *d)
{
	int n = 0;
	for (const struct viewer *v = d->viewers; v; v = v->next)
		n += v->state == VIEWER_RUNNING;
	return n;
}

void desktop_send_away_others(struct desktop *d, const struct viewer *keep)
{
	for (struct viewer *v = d->viewers, *next; v; v = next) {
		next = v->next;
		if (v != keep && v->state == VIEWER_RUNNING)
			viewer_close(v, "another viewer asked to be the only one");
	}
}

void desktop_lose_screen(struct desktop *d, const char *why)
{
	struct screen *s = d->screen;
	loop_timer_stop(d->tick);
	d->screen = NULL;
	d->armed = d->armed_now = false;
	screen_destroy(s);
	d->events->on_gone(d->ctx, why);
}

static void on_cursor(void *ctx, const struct screen_cursor *c)
{
	struct desktop *d = ctx;
	bool show = c->w > 0 && c->h > 0 && c->w <= CURSOR_MAX && c->h <= CURSOR_MAX;
	size_t size = show ? (size_t)c->w * (size_t)c->h * sizeof(uint32_t) : 0;
	uint32_t *argb = show ? malloc(size) : NULL;
	if (show && !argb)
		return; /* the old shape stays; the next change brings a new chance */
	if (show)
		memcpy(argb, c->argb, size);
	if (d->cursor.placed)
		soft_cursor_moved(d, d->cursor.x, d->cursor.y);
	free(d->cursor.argb);
	d->cursor.argb = argb;
	d->cursor.known = true;
	d->cursor.w = show ? c->w : 0;
	d->cursor.h = show ? c->h : 0;
	d->cursor.hot_x = c->hot_x;
	d->cursor.hot_y = c->hot_y;
	if (d->cursor.placed)
		soft_cursor_moved(d, d->cursor.x, d->cursor.y);
	for (struct viewer *v = d->viewers; v; v = v->next)
		if (v->features & FEATURE_ANY_CURSOR)
			v->news |= NEWS_CURSOR;
	frame_schedule(d);
}

static void on_leds(void *ctx, unsigned leds)
{
	struct desktop *d = ctx;
	d->leds = leds;
	d->leds_known = true;
	for (struct viewer *v = d->viewers; v; v = v->next)
		if (v->features & (FEATURE_QEMU_LED | FEATURE_VMWARE_LED))
			v->news |= NEWS_LEDS;
	frame_schedule(d);
}

static void on_bell(void *ctx)
{
	struct desktop *d = ctx;
	for (struct viewer *v = d->viewers, *next; v; v = next) {
		next = v->next;
		if (v->state != VIEWER_RUNNING || stream_queued(v->stream) > 0)
			continue; /* a bell that comes late is noise */
		rfb_put_bell(&v->out);
		viewer_flush(v);
	}
}

static void on_clipboard_changed(void *ctx)
{
	clipboard_screen_changed(ctx);
}

static void on_clipboard(void *ctx, const char *text, size_t len)
{
	clipboard_screen_text(ctx, text, len);
}

static void on_name(void *ctx, const char *name)
{
	struct desktop *d = ctx;
	snprintf(d->name, sizeof(d->name), "%s", name);
	for (struct viewer *v = d->viewers; v; v = v->next)
		if (v->features & FEATURE_DESKTOP_NAME)
			v->news |= NEWS_NAME;
	frame_schedule(d);
}

static void on_gone(void *ctx, const char *why)
{
	desktop_lose_screen(ctx, why);
}

const struct screen_events desktop_screen_events = {
	.on_frame = frame_take,
	.on_layout = size_on_layout,
	.on_resized = size_on_resized,
	.on_cursor = on_cursor,
	.on_leds = on_leds,
	.on_bell = on_bell,
	.on_clipboard_changed = on_clipboard_changed,
	.on_clipboard = on_clipboard,
	.on_name = on_name,
	.on_gone = on_gone,
};

static void on_rest(void *ctx)
{
	struct desktop *d = ctx;
	if (d->screen && d->screen->ops->rest && desktop_viewers(d) == 0)
		d->screen->ops->rest(d->screen);
}

struct desktop *desktop_create(struct loop *l, const struct desktop_config *config,
	const struct desktop_events *events, void *ctx)
{
	struct desktop *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->loop = l;
	d->log = config->log;
	d->events = events;
	d->ctx = ctx;
	snprintf(d->name, sizeof(d->name), "%s", config->name);
	d->framerate = config->framerate;
	d->max_viewers = config->max_viewers;
	d->exclusive = config->exclusive;
	d->view_only = config->view_only;
	d->next_id = 1;
	pix_dsp_init(&d->dsp, (unsigned)PIX_CPU_ALL);
	region_init(&d->changed);
	buf_init(&d->scratch, FRAME_MAX_BYTES);
	buf_init(&d->blended, FRAME_MAX_BYTES);
	buf_init(&d->clip, CLIPBOARD_MAX);
	d->tick = loop_timer_create(l, frame_tick, d);
	d->rest = loop_timer_create(l, on_rest, d);
	if (!d->tick || !d->rest)
		goto fail;
	return d;
fail:
	desktop_destroy(d);
	return NULL;
}

void desktop_set_screen(struct desktop *d, struct screen *s)
{
	d->screen = s;
	frame_schedule(d);
}

void desktop_size(const struct desktop *d, int *w, int *h)
{
	*w = d->layout.w;
	*h = d->layout.h;
}

void desktop_destroy(struct desktop *d)
{
	if (!d)
		return;
	for (struct viewer *v = d->viewers, *next; v; v = next) {
		next = v->next;
		viewer_close(v, "the server ends");
		viewer_bury(v);
	}
	screen_destroy(d->screen);
	loop_timer_destroy(d->tick);
	loop_timer_destroy(d->rest);
	free(d->shadow.px);
	free(d->cursor.argb);
	region_fini(&d->changed);
	buf_fini(&d->scratch);
	buf_fini(&d->blended);
	buf_fini(&d->clip);
	free(d);
}
