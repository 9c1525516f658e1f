#include <stdlib.h>
#include <string.h>

#include "desktop/desktop_private.h"

/* The screen's size: changes that it tells, and changes that viewers ask for. */

enum { SIZE_MAX_PIXELS = 16384 };

static int resize_shadow(struct desktop *d, int w, int h)
{
	uint32_t *px = calloc((size_t)w * (size_t)h, sizeof(*px));
	if (!px)
		return ERR_NOMEM;
	free(d->shadow.px);
	d->shadow = (struct pix_canvas){ px, w, w, h };
	return OK;
}

static bool waits_for_reply(const struct viewer *v)
{
	for (int i = 0; i < v->n_replies; i++)
		if (v->replies[i].result == REPLY_LATER)
			return true;
	return false;
}

static void tell_layout(struct desktop *d, struct viewer *v)
{
	/* Who asked learns it from the reply that on_resized brings. */
	if (!waits_for_reply(v))
		v->news |= NEWS_LAYOUT;
	v->layout_reason = d->n_resizing > 0 ? 2 : 0;
	viewer_damage_all(v);
}

void size_on_layout(void *ctx, const struct screen_layout *layout)
{
	struct desktop *d = ctx;
	if (layout->w != d->shadow.w || layout->h != d->shadow.h || !d->shadow.px) {
		if (resize_shadow(d, layout->w, layout->h)) {
			desktop_lose_screen(d, "no memory for a framebuffer of the new size");
			return;
		}
		log_debug(d->log, "screen: %dx%d", layout->w, layout->h);
	}
	d->layout = *layout;
	for (struct viewer *v = d->viewers; v; v = v->next)
		if (v->state == VIEWER_RUNNING)
			tell_layout(d, v);
	d->armed = d->armed_now = false; /* the region it was armed with is another size */
	frame_schedule(d);
}

/* Replies leave in the order of the requests, those of the screen too. */
static bool reply(struct viewer *v, int result, const struct screen_layout *layout)
{
	if (v->n_replies == VIEWER_REPLIES) {
		viewer_close(v, "more SetDesktopSize requests than answers it took");
		return false;
	}
	v->replies[v->n_replies++] = (struct viewer_reply){ result, *layout };
	return true;
}

static void fill_in_reply(struct viewer *v, int result)
{
	for (int i = 0; i < v->n_replies; i++) {
		if (v->replies[i].result == REPLY_LATER) {
			v->replies[i].result = result;
			return;
		}
	}
}

void size_on_resized(void *ctx, enum screen_resized result)
{
	struct desktop *d = ctx;
	if (d->n_resizing == 0)
		return;
	struct viewer *v = desktop_find(d, d->resizing[0]);
	memmove(d->resizing, d->resizing + 1, sizeof(d->resizing) - sizeof(*d->resizing));
	d->n_resizing--;
	if (v && v->state == VIEWER_RUNNING)
		fill_in_reply(v, (int)result);
	frame_schedule(d);
}

/* A layout that the protocol allows: 0, or the result code that says what is wrong. */
static int judge_layout(const struct rfb_client_msg *m)
{
	int w = m->desktop_size.w, h = m->desktop_size.h, n = m->desktop_size.n;
	if (w == 0 || h == 0 || n == 0 || n > SCREEN_OUTPUTS_MAX)
		return SCREEN_RESIZED_BAD_LAYOUT;
	if (w > SIZE_MAX_PIXELS || h > SIZE_MAX_PIXELS || (int64_t)w * h * 4 > FRAME_MAX_BYTES)
		return SCREEN_RESIZED_NO_RESOURCES;
	for (int i = 0; i < n; i++) {
		const struct rfb_screen *s = &m->desktop_size.screens[i];
		struct rect area = { s->x, s->y, s->w, s->h };
		if (rect_empty(area) || !rect_contains((struct rect){ 0, 0, w, h }, area))
			return SCREEN_RESIZED_BAD_LAYOUT;
		for (int k = 0; k < i; k++)
			if (m->desktop_size.screens[k].id == s->id)
				return SCREEN_RESIZED_BAD_LAYOUT;
	}
	return SCREEN_RESIZED_OK;
}

static struct screen_layout layout_of(const struct rfb_client_msg *m)
{
	struct screen_layout l = { .w = m->desktop_size.w, .h = m->desktop_size.h };
	l.n = m->desktop_size.n < SCREEN_OUTPUTS_MAX ? m->desktop_size.n : SCREEN_OUTPUTS_MAX;
	for (int i = 0; i < l.n; i++) {
		const struct rfb_screen *s = &m->desktop_size.screens[i];
		l.outputs[i] = (struct screen_output){
			.id = s->id, .area = { s->x, s->y, s->w, s->h }, .primary = i == 0
		};
	}
	return l;
}

void size_request(struct desktop *d, struct viewer *v, const struct rfb_client_msg *m)
{
	int result = judge_layout(m);
	if (result == SCREEN_RESIZED_OK &&
		(!v->control || !d->screen || !(d->screen->caps & SCREEN_CAP_RESIZE)))
		result = SCREEN_RESIZED_PROHIBITED;
	if (result == SCREEN_RESIZED_OK && d->n_resizing == VIEWER_REPLIES)
		result = SCREEN_RESIZED_NO_RESOURCES;
	struct screen_layout l = layout_of(m);
	bool same = l.w == d->layout.w && l.h == d->layout.h && l.n == 1 && d->layout.n == 1 &&
		    d->n_resizing == 0;
	bool ask = result == SCREEN_RESIZED_OK && !same;
	if (!reply(v, ask ? REPLY_LATER : result, &l) || !ask)
		return;
	d->resizing[d->n_resizing++] = v->id;
	d->screen->ops->resize(d->screen, &l);
}

void desktop_set_size(struct desktop *d, int w, int h)
{
	struct screen_layout l = { .w = w, .h = h, .n = 1 };
	l.outputs[0] = (struct screen_output){ .area = { 0, 0, w, h }, .primary = true };
	if (!d->screen || !(d->screen->caps & SCREEN_CAP_RESIZE) || d->n_resizing == VIEWER_REPLIES)
		return;
	d->resizing[d->n_resizing++] = 0; /* no viewer has this id */
	d->screen->ops->resize(d->screen, &l);
}
