#include "x11_take.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/xcbext.h>

#include "base/utf8.h"
#include "rfb/ext_clipboard.h"
#include "x11_selection.h"

/* An answer of this size is read at once; a larger one would hold up the loop. */
enum { PIECE = 256 << 10 };

/* What is asked for, the best first. */
static const enum x11_atom forms[] = { X11_ATOM_UTF8_STRING, X11_ATOM_UTF8_MIME, X11_ATOM_STRING };

static xcb_window_t window_of(const struct x11_take *t)
{
	return t->windows[t->window];
}

static void next_window(struct x11_take *t)
{
	const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
	t->window = (t->window + 1) % X11_TAKE_WINDOWS;
	if (t->windows[t->window] != 0)
		xcb_destroy_window(t->c, t->windows[t->window]);
	t->windows[t->window] = xcb_generate_id(t->c);
	xcb_create_window(t->c, 0, t->windows[t->window], t->root, -1, -1, 1, 1, 0,
		XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, &mask);
}

/* Back to idle. `clean`: the owner has nothing more to say in this window. */
static void stop(struct x11_take *t, bool clean)
{
	loop_timer_stop(t->timer);
	if (t->reading)
		xcb_discard_reply(t->c, t->sequence);
	t->reading = t->more = false;
	t->state = X11_TAKE_IDLE;
	buf_fini(&t->data);
	if (!clean)
		next_window(t);
}

static void fail(struct x11_take *t, bool clean)
{
	stop(t, clean);
	t->on_text(t->ctx, "", 0);
}

static void expired(void *ctx)
{
	fail(ctx, false);
}

int x11_take_init(struct x11_take *t, xcb_connection_t *c, xcb_window_t root,
	const xcb_atom_t *atoms, struct loop *l, size_t max,
	void (*on_text)(void *ctx, const char *text, size_t len), void *ctx)
{
	*t = (struct x11_take){ .c = c, .root = root, .atoms = atoms, .max = max };
	t->on_text = on_text;
	t->ctx = ctx;
	t->timer = loop_timer_create(l, expired, t);
	if (!t->timer)
		return ERR_NOMEM;
	next_window(t);
	return OK;
}

void x11_take_fini(struct x11_take *t)
{
	if (t->reading)
		xcb_discard_reply(t->c, t->sequence);
	for (unsigned i = 0; i < X11_TAKE_WINDOWS; i++) {
		if (t->windows[i] != 0)
			xcb_destroy_window(t->c, t->windows[i]);
	}
	buf_fini(&t->data);
	loop_timer_destroy(t->timer);
	*t = (struct x11_take){ 0 };
}

static void ask_owner(struct x11_take *t)
{
	t->state = X11_TAKE_ASKED;
	xcb_convert_selection(t->c, window_of(t), t->selection, t->atoms[forms[t->form]],
		t->atoms[X11_ATOM_TRANSFER], XCB_CURRENT_TIME);
	loop_timer_start(t->timer, X11_SELECTION_TIMEOUT_MS);
}

void x11_take_start(struct x11_take *t, xcb_atom_t selection)
{
	if (t->state != X11_TAKE_IDLE)
		stop(t, false);
	buf_init(&t->data, t->max);
	t->selection = selection;
	t->form = 0;
	ask_owner(t);
}

void x11_take_owner_gone(struct x11_take *t, xcb_atom_t selection)
{
	if (t->state != X11_TAKE_IDLE && t->selection == selection)
		fail(t, false);
}

/* The server deletes the property with the last byte read, which tells the owner
 * to go on. */
static void read_property(struct x11_take *t)
{
	t->reading = true;
	t->sequence = xcb_get_property(t->c, 1, window_of(t), t->atoms[X11_ATOM_TRANSFER],
		XCB_GET_PROPERTY_TYPE_ANY, (uint32_t)(t->offset / 4), PIECE / 4)
			      .sequence;
	loop_timer_start(t->timer, X11_SELECTION_TIMEOUT_MS);
}

static void try_next_form(struct x11_take *t)
{
	if (++t->form < ARRAY_LEN(forms))
		ask_owner(t);
	else
		fail(t, true);
}

bool x11_take_notify(struct x11_take *t, const xcb_selection_notify_event_t *ev)
{
	bool ours = false;
	for (unsigned i = 0; i < X11_TAKE_WINDOWS; i++)
		ours |= t->windows[i] == ev->requestor;
	if (t->state != X11_TAKE_ASKED || ev->requestor != window_of(t) ||
		ev->target != t->atoms[forms[t->form]])
		return ours;
	if (ev->property == XCB_ATOM_NONE) {
		try_next_form(t);
		return true;
	}
	t->state = X11_TAKE_READ;
	t->offset = 0;
	read_property(t);
	return true;
}

bool x11_take_property(struct x11_take *t, const xcb_property_notify_event_t *ev)
{
	bool ours = false;
	for (unsigned i = 0; i < X11_TAKE_WINDOWS; i++)
		ours |= t->windows[i] == ev->window;
	if (ev->window != window_of(t) || ev->state != XCB_PROPERTY_NEW_VALUE ||
		ev->atom != t->atoms[X11_ATOM_TRANSFER])
		return ours;
	if (t->reading)
		t->more = true;
	else if (t->state == X11_TAKE_PIECES)
		read_property(t);
	return true;
}

static void put_valid_utf8(struct buf *out, const uint8_t *p, size_t n)
{
	size_t start = 0;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = utf8_decode(p + i, n - i, &c);
		i += len;
		if (len > 0)
			continue;
		buf_put(out, p + start, i - start);
		buf_put(out, "\xef\xbf\xbd", 3);
		start = ++i;
	}
	buf_put(out, p + start, n - start);
}

static void finish(struct x11_take *t)
{
	struct buf text;
	/* An invalid byte becomes three. */
	buf_init(&text, t->max);
	if (t->type == t->atoms[X11_ATOM_STRING])
		ext_clipboard_utf8_from_latin1(&text, t->data.data, t->data.len);
	else
		put_valid_utf8(&text, t->data.data, t->data.len);
	stop(t, true);
	if (buf_ok(&text) != OK)
		buf_fini(&text);
	t->on_text(t->ctx, text.len > 0 ? (const char *)text.data : "", text.len);
	buf_fini(&text);
}

static bool is_text(const struct x11_take *t, const xcb_get_property_reply_t *r)
{
	return r->format == 8 && (r->type == t->atoms[X11_ATOM_UTF8_STRING] ||
					 r->type == t->atoms[X11_ATOM_UTF8_MIME] ||
					 r->type == t->atoms[X11_ATOM_STRING]);
}

static void next_piece(struct x11_take *t)
{
	if (t->more)
		read_property(t);
	t->more = false;
}

/* One value of the property has been read to its end. */
static void value_ended(struct x11_take *t)
{
	bool last = t->state == X11_TAKE_READ || t->offset == 0;
	t->offset = 0;
	if (last)
		finish(t);
	else
		next_piece(t);
}

static void take_value(struct x11_take *t, const xcb_get_property_reply_t *r)
{
	size_t n = (size_t)xcb_get_property_value_length(r);
	if (t->state == X11_TAKE_PIECES && r->type == XCB_ATOM_NONE)
		return; /* no value yet: there will be an event */
	if (t->state == X11_TAKE_READ && r->type == t->atoms[X11_ATOM_INCR]) {
		t->state = X11_TAKE_PIECES;
		next_piece(t);
		return;
	}
	if (!is_text(t, r)) {
		fail(t, false);
		return;
	}
	t->type = r->type;
	buf_put(&t->data, xcb_get_property_value(r), n);
	t->offset += n;
	if (buf_ok(&t->data) != OK)
		fail(t, false);
	else if (r->bytes_after > 0)
		read_property(t);
	else
		value_ended(t);
}

void x11_take_poll(struct x11_take *t)
{
	void *reply = NULL;
	xcb_generic_error_t *error = NULL;
	if (!t->reading || !xcb_poll_for_reply(t->c, t->sequence, &reply, &error))
		return;
	t->reading = false;
	if (reply)
		take_value(t, reply);
	else
		fail(t, false);
	free(reply);
	free(error);
}
