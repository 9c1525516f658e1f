#include "screen/x11/x11.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xkb.h>

#include "screen/x11/x11_private.h"

/* Events and replies taken before other work of the loop gets its turn. */
enum { BUDGET = 512 };

static struct x11 *of(struct screen *s)
{
	return (struct x11 *)s;
}

void x11_lost(struct x11 *x, const char *why)
{
	if (x->gone || x->dying)
		return;
	x->gone = true;
	loop_io_want(x->io, 0);
	x->events->on_gone(x->ctx, why);
}

static void tell_clipboard(struct x11 *x)
{
	char *text = x->text;
	x->text = NULL;
	x->events->on_clipboard(x->ctx, text ? text : "", text ? x->text_len : 0);
	free(text);
}

static void tell_one(struct x11 *x, unsigned what)
{
	switch (what) {
	case X11_TELL_RESIZED: x->events->on_resized(x->ctx, x->answer); break;
	case X11_TELL_LAYOUT: x->events->on_layout(x->ctx, &x->shown); break;
	case X11_TELL_NAME: x->events->on_name(x->ctx, x->name); break;
	case X11_TELL_LEDS: x->events->on_leds(x->ctx, x->leds); break;
	case X11_TELL_BELL: x->events->on_bell(x->ctx); break;
	case X11_TELL_CLIPBOARD_CHANGED: x->events->on_clipboard_changed(x->ctx); break;
	default: tell_clipboard(x);
	}
}

static void tell_all(struct x11 *x)
{
	while (x->tell && !x->dying && !x->gone) {
		unsigned what = x->tell & -x->tell;
		if (what != X11_TELL_RESIZED || --x->n_answers <= 0)
			x->tell &= ~what;
		tell_one(x, what);
	}
}

static void on_frame(void *ctx, const struct screen_frame *frame)
{
	struct x11 *x = ctx;
	x->refusals = 0;
	if (!x->dying)
		x->events->on_frame(x->ctx, frame);
}

static void on_refused(void *ctx)
{
	x11_change_refused(ctx);
}

static void on_shape(void *ctx, const struct screen_cursor *cursor)
{
	struct x11 *x = ctx;
	if (!x->dying)
		x->events->on_cursor(x->ctx, cursor);
}

static void on_leds(void *ctx, unsigned leds)
{
	struct x11 *x = ctx;
	x->leds = leds;
	x->tell |= X11_TELL_LEDS;
}

/* These two may come from a timer of the selections, in which the screen must
 * not be destroyed; so they are told from the task. */
static void on_selection_changed(void *ctx)
{
	struct x11 *x = ctx;
	x->tell |= X11_TELL_CLIPBOARD_CHANGED;
	loop_task_queue(x->loop, &x->task);
}

static void on_selection_text(void *ctx, const char *text, size_t len)
{
	struct x11 *x = ctx;
	free(x->text);
	x->text = malloc(len + 1);
	x->text_len = len;
	if (x->text)
		memcpy(x->text, text, len);
	x->tell |= X11_TELL_CLIPBOARD;
	loop_task_queue(x->loop, &x->task);
}

static bool is_bell(const struct x11 *x, const xcb_generic_event_t *ev)
{
	/* All XKB events have one code; pad0 is where they keep their kind. */
	return x->conn.has_xkb && (ev->response_type & 0x7f) == x->conn.xkb_event &&
	       ev->pad0 == XCB_XKB_BELL_NOTIFY;
}

static void dispatch(struct x11 *x, const xcb_generic_event_t *ev)
{
	if (ev->response_type == 0)
		return; /* errors of requests whose effect shows elsewhere */
	if (x11_capture_event(&x->capture, ev) || x11_cursor_event(&x->cursor, ev))
		return;
	if (x11_layout_event(&x->layout, ev)) {
		x->dirty = true;
		x11_capture_hold(&x->capture);
	} else if (is_bell(x, ev)) {
		x->tell |= X11_TELL_BELL;
	} else if (!(x->keyboard && x11_keyboard_event(x->keyboard, ev)) && x->selection) {
		x11_selection_event(x->selection, ev);
	}
}

/* Takes what the server sent, at most *budget pieces of it. False: nothing. */
static bool drain(struct x11 *x, bool from_socket, int *budget)
{
	int before = *budget;
	while (*budget > 0 && !x->dying) {
		xcb_generic_event_t *ev = from_socket ? xcb_poll_for_event(x->conn.xcb)
						      : xcb_poll_for_queued_event(x->conn.xcb);
		if (!ev)
			break;
		dispatch(x, ev);
		free(ev);
		--*budget;
	}
	while (*budget > 0 && !x->dying && x11_conn_poll_reply(&x->conn))
		--*budget;
	return *budget < before;
}

/* At once, or when the server reads again. */
static void send_out(struct x11 *x)
{
	if (x->gone)
		return;
	bool waits = x11_input_send(&x->input);
	if (waits != x->waits)
		loop_io_want(x->io, waits ? LOOP_READ | LOOP_WRITE : LOOP_READ);
	x->waits = waits;
}

static void step(struct x11 *x)
{
	x11_change_step(x);
	x11_capture_step(&x->capture);
	if (x->keyboard)
		x11_keyboard_poll(x->keyboard);
	if (x->selection)
		x11_selection_poll(x->selection);
	send_out(x);
}

static void free_all(struct x11 *x)
{
	bool sends = x->conn.xcb && !x->gone && x11_conn_flush(&x->conn);
	if (sends)
		x11_pointer_release_all(&x->input.pointer);
	loop_task_cancel(x->loop, &x->task);
	loop_hook_destroy(x->hook);
	loop_io_destroy(x->io);
	x11_keyboard_destroy(x->keyboard);
	x11_selection_destroy(x->selection);
	x11_input_fini(&x->input);
	x11_capture_fini(&x->capture);
	x11_grab_fini(&x->grab);
	if (sends && !x11_conn_finish(&x->conn))
		log_warn(x->log, "x11: the server did not take the last releases of keys");
	x11_conn_close(&x->conn);
	free(x->text);
	free(x->name);
	free(x);
}

/* All events of the screen leave from here, so destroying it inside one of them
 * takes effect when this returns. */
static void pump(struct x11 *x, bool from_socket)
{
	int budget = BUDGET;
	bool more = true;
	x->depth++;
	while (more && !x->dying && !x->gone) {
		tell_all(x);
		more = budget > 0 && drain(x, from_socket, &budget);
		if (xcb_connection_has_error(x->conn.xcb))
			x11_lost(x, "the X server closed the connection");
		if (x->dying || x->gone)
			break;
		/* Its flushes may read what nobody would look at before the sleep. */
		uint64_t had = xcb_total_read(x->conn.xcb);
		step(x);
		more = more || x->tell || xcb_total_read(x->conn.xcb) != had;
	}
	if (budget <= 0 && !x->dying && !x->gone)
		loop_task_queue(x->loop, &x->task);
	x->depth--;
	if (x->dying)
		free_all(x);
}

static void on_ready(void *ctx, int events)
{
	(void)events;
	pump(ctx, true);
}

/* A flush may have read, so events and replies may lie in xcb's queue while the
 * descriptor has nothing to say. */
static void on_before_sleep(void *ctx)
{
	struct x11 *x = ctx;
	if (!x->gone)
		pump(x, false);
}

static void on_task(void *ctx)
{
	struct x11 *x = ctx;
	if (!x->gone)
		pump(x, false);
}

static void destroy(struct screen *s)
{
	struct x11 *x = of(s);
	x->dying = true;
	if (x->depth == 0)
		free_all(x);
}

static void want_frame(struct screen *s, const struct region *region, bool now)
{
	struct x11 *x = of(s);
	x11_capture_want(&x->capture, region, now);
	x11_capture_step(&x->capture);
	send_out(x);
}

static void release(struct screen *s)
{
	struct x11 *x = of(s);
	x11_capture_release(&x->capture);
	x11_capture_step(&x->capture);
	send_out(x);
	if (x->answered) /* a new layout waited for this */
		loop_task_queue(x->loop, &x->task);
}

static void key(struct screen *s, uint32_t keysym, uint32_t code, bool down)
{
	x11_input_key(&of(s)->input, keysym, code, down);
	send_out(of(s));
}

static void pointer(struct screen *s, int px, int py, unsigned buttons)
{
	x11_input_pointer(&of(s)->input, px, py, buttons);
	send_out(of(s));
}

static void rest(struct screen *s)
{
	if (of(s)->keyboard)
		x11_keyboard_release_all(of(s)->keyboard);
	send_out(of(s));
}

static void resize(struct screen *s, const struct screen_layout *layout)
{
	struct x11 *x = of(s);
	x->n_resize++;
	x->w = layout->w;
	x->h = layout->h;
	loop_task_queue(x->loop, &x->task);
}

static void set_clipboard(struct screen *s, const char *text, size_t len)
{
	x11_input_set_clipboard(&of(s)->input, text, len);
	send_out(of(s));
}

static void want_clipboard(struct screen *s)
{
	x11_input_want_clipboard(&of(s)->input);
	send_out(of(s));
}

static const struct screen_ops ops = {
	.name = "x11",
	.destroy = destroy,
	.want_frame = want_frame,
	.release = release,
	.key = key,
	.pointer = pointer,
	.rest = rest,
	.resize = resize,
	.set_clipboard = set_clipboard,
	.want_clipboard = want_clipboard,
};

static void set_name(struct x11 *x, const struct x11_config *config)
{
	const char *name = config->name ? config->name : config->display ? config->display : "X11";
	x->name = strdup(name);
}

static void start_input(struct x11 *x)
{
	static const struct x11_selection_events selection_events = { on_selection_changed,
		on_selection_text };
	struct x11_conn *c = &x->conn;
	if (c->has_xtest && c->has_xkb)
		x->keyboard = x11_keyboard_create(c->xcb, x->loop, x->log, on_leds, x);
	if (!x->keyboard)
		log_warn(x->log, "x11: no input: the server lacks XTEST or XKB");
	x->selection = x11_selection_create(c->xcb, c->root, x->loop, x->log, &selection_events, x);
	x->input.conn = x->input.pointer.conn = c;
	x->input.keyboard = x->keyboard;
	x->input.selection = x->selection;
	if (c->has_xkb)
		xcb_xkb_select_events(c->xcb, XCB_XKB_ID_USE_CORE_KBD,
			XCB_XKB_EVENT_TYPE_BELL_NOTIFY, 0, XCB_XKB_EVENT_TYPE_BELL_NOTIFY, 0, 0,
			NULL);
}

static void start(struct x11 *x)
{
	static const struct x11_capture_events capture_events = { on_frame, on_refused };
	x11_capture_init(&x->capture, &x->conn, &x->grab, &capture_events, x);
	x11_capture_resume(&x->capture, true);
	x11_cursor_init(&x->cursor, &x->conn, on_shape, x);
	start_input(x);
	x->base.caps = SCREEN_CAP_CURSOR;
	if (x->keyboard) {
		x->base.caps |= SCREEN_CAP_INPUT | SCREEN_CAP_LEDS;
		x->leds = x11_keyboard_leds(x->keyboard);
		x->tell |= X11_TELL_LEDS;
	}
	if (x->selection)
		x->base.caps |= SCREEN_CAP_CLIPBOARD;
	if (x->allow_resize && x->conn.randr >= 102)
		x->base.caps |= SCREEN_CAP_RESIZE;
	x->tell |= X11_TELL_LAYOUT | X11_TELL_NAME;
}

struct screen *x11_create(struct loop *l, const struct x11_config *config,
	const struct screen_events *e, void *ctx, char error[X11_ERROR_MAX])
{
	struct x11 *x = calloc(1, sizeof(*x));
	snprintf(error, X11_ERROR_MAX, "out of memory");
	if (!x)
		return NULL;
	x->base.ops = &ops;
	x->loop = l;
	x->events = e;
	x->ctx = ctx;
	x->log = config->log;
	x->task = (struct loop_task){ .run = on_task, .ctx = x };
	x->monitor = config->monitor;
	x->allow_resize = config->allow_resize;
	set_name(x, config);
	if (!x->name || x11_open(x, config, error) != OK)
		goto fail;
	start(x);
	x->io = loop_io_create(l, xcb_get_file_descriptor(x->conn.xcb), on_ready, x);
	x->hook = loop_hook_create(l, on_before_sleep, x);
	if (!x->io || !x->hook)
		goto fail;
	loop_io_want(x->io, LOOP_READ);
	loop_task_queue(l, &x->task);
	return &x->base;

fail:
	free_all(x);
	return NULL;
}
