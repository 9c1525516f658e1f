#include "screen/x11/x11_private.h"

/* A grab that the server refuses although the screen has the size we know:
 * after so many, shared memory is suspected, then the server is given up. */
enum { REFUSALS_MAX = 3 };

static void on_layout(void *ctx)
{
	struct x11 *x = ctx;
	x->answered = true;
}

static void on_resized(void *ctx, enum screen_resized result)
{
	struct x11 *x = ctx;
	x->answer = result;
	x->resized = true;
	x->dirty = true;
	x11_capture_hold(&x->capture);
}

void x11_change_init(struct x11 *x)
{
	x11_layout_init(&x->layout, &x->conn, on_layout, x);
	x11_resize_init(&x->resize, &x->conn, on_resized, x);
}

void x11_change_refused(struct x11 *x)
{
	x->refusals++;
	x->dirty = true;
}

/* The layout is as it was: what else may the server have against us? */
static void look_at_refusals(struct x11 *x)
{
	if (x->refusals <= REFUSALS_MAX)
		return;
	if (!x->grab.shm) {
		x11_lost(x, "the X server does not let its screen be read");
		return;
	}
	log_warn(x->log, "x11: the server refuses shared memory, going on without");
	x->refusals = 0;
	if (x11_grab_without_shm(&x->grab) != OK)
		x11_lost(x, "out of memory");
}

static void apply(struct x11 *x)
{
	struct screen_layout new;
	const struct screen_layout *root = &x->layout.found;
	x->answered = false;
	if (root->w == 0) /* no answer: the connection is breaking */
		return;
	struct rect area = x11_layout_select(root, x->monitor, &new);
	bool moved = !rect_equal(area, x->area);
	bool differs = moved || !x11_layout_equal(&new, &x->shown);
	if (moved && x11_grab_set_area(&x->grab, area) != OK) {
		x11_lost(x, "out of memory for a screen of this size");
		return;
	}
	if (!differs)
		look_at_refusals(x);
	x->area = x->input.area = area;
	x->shown = new;
	if (differs)
		x->tell |= X11_TELL_LAYOUT;
	if (x->resized)
		x->tell |= X11_TELL_RESIZED;
	x->resized = false;
	x11_capture_resume(&x->capture, differs);
}

static void begin_resize(struct x11 *x)
{
	x->n_answers += x->n_resize;
	x->n_resize = 0;
	if (x->allow_resize && x->conn.randr >= 102) {
		x11_resize_start(&x->resize, x->w, x->h);
	} else {
		x->answer = SCREEN_RESIZED_PROHIBITED;
		x->tell |= X11_TELL_RESIZED;
	}
}

void x11_change_step(struct x11 *x)
{
	if (x->n_resize && !x->resize.busy && !x->resized && !(x->tell & X11_TELL_RESIZED))
		begin_resize(x);
	/* Half way through a resize the layout is nobody's concern. */
	if (x->dirty && !x->resize.busy) {
		x->dirty = false;
		x->answered = false;
		x11_capture_hold(&x->capture);
		x11_layout_query(&x->layout);
	}
	if (x->answered && x11_capture_at_rest(&x->capture))
		apply(x);
}
