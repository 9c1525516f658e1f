#include "x11_give.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/xcbext.h>

#include "base/buf.h"
#include "rfb/ext_clipboard.h"

/* Small enough never to fill a socket's buffer and so never to wait in xcb. */
enum { PIECE_MAX = 64 << 10 };

struct x11_text *x11_text_create(const void *data, size_t len)
{
	struct x11_text *text = malloc(sizeof(*text) + len);
	if (!text)
		return NULL;
	text->refs = 1;
	text->len = len;
	if (len > 0)
		memcpy(text->data, data, len);
	return text;
}

struct x11_text *x11_text_ref(struct x11_text *text)
{
	text->refs++;
	return text;
}

void x11_text_unref(struct x11_text *text)
{
	if (text && --text->refs == 0)
		free(text);
}

void x11_give_init(
	struct x11_give *g, xcb_connection_t *c, xcb_window_t root, const xcb_atom_t *atoms)
{
	const size_t request_max = (size_t)xcb_get_maximum_request_length(c) * 4;
	*g = (struct x11_give){ .c = c, .root = root, .atoms = atoms, .piece = PIECE_MAX };
	if (request_max < g->piece + sizeof(xcb_change_property_request_t))
		g->piece = request_max / 2;
}

/* What we want to hear of a window of another client. One of our own hears what
 * it needs already. */
static void watch(struct x11_give *g, xcb_window_t window, bool on)
{
	const xcb_setup_t *setup = xcb_get_setup(g->c);
	if ((window & ~setup->resource_id_mask) == setup->resource_id_base)
		return;
	const uint32_t mask =
		on ? XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_STRUCTURE_NOTIFY : 0;
	xcb_change_window_attributes(g->c, window, XCB_CW_EVENT_MASK, &mask);
}

static void end_transfer(struct x11_give *g, struct x11_give_transfer *t)
{
	xcb_window_t window = t->requestor;
	x11_text_unref(t->text);
	*t = (struct x11_give_transfer){ 0 };
	for (unsigned i = 0; i < X11_GIVE_TRANSFERS; i++) {
		if (g->transfers[i].requestor == window)
			return;
	}
	watch(g, window, false);
}

void x11_give_fini(struct x11_give *g)
{
	for (unsigned i = 0; i < X11_GIVE_TRANSFERS; i++)
		x11_text_unref(g->transfers[i].text);
	for (unsigned i = 0; i < X11_GIVE_MULTIPLES; i++) {
		if (g->multiples[i].used)
			xcb_discard_reply(g->c, g->multiples[i].sequence);
		x11_text_unref(g->multiples[i].text);
	}
	memset(g->transfers, 0, sizeof(g->transfers));
	memset(g->multiples, 0, sizeof(g->multiples));
}

static void put(struct x11_give *g, const struct x11_give_transfer *t, size_t n)
{
	xcb_change_property(g->c, XCB_PROP_MODE_REPLACE, t->requestor, t->property, t->type, 8,
		(uint32_t)n, t->text->data + t->at);
}

static void put_u32(struct x11_give *g, const struct x11_give_transfer *t, xcb_atom_t type,
	const uint32_t *values, uint32_t n)
{
	xcb_change_property(
		g->c, XCB_PROP_MODE_REPLACE, t->requestor, t->property, type, 32, n, values);
}

/* Begins to send in pieces (ICCCM 2.7.2). */
static bool start_transfer(struct x11_give *g, const struct x11_give_transfer *t)
{
	uint32_t size = (uint32_t)t->text->len;
	struct x11_give_transfer *slot = &g->transfers[g->next_transfer++ % X11_GIVE_TRANSFERS];
	if (t->requestor == g->root)
		return false;
	if (slot->requestor != 0)
		end_transfer(g, slot);
	*slot = *t;
	x11_text_ref(slot->text);
	watch(g, t->requestor, true);
	put_u32(g, t, g->atoms[X11_ATOM_INCR], &size, 1);
	return true;
}

static bool give_text(struct x11_give *g, const struct x11_give_transfer *t)
{
	if (t->text->len > g->piece)
		return start_transfer(g, t);
	put(g, t, t->text->len);
	return true;
}

static bool give_latin1(struct x11_give *g, struct x11_give_transfer *t)
{
	struct buf latin1;
	buf_init(&latin1, t->text->len);
	ext_clipboard_latin1_from_utf8(&latin1, t->text->data, t->text->len);
	t->text = buf_ok(&latin1) == OK ? x11_text_create(latin1.data, latin1.len) : NULL;
	bool given = t->text && give_text(g, t);
	x11_text_unref(t->text);
	buf_fini(&latin1);
	return given;
}

static bool give_targets(struct x11_give *g, const struct x11_give_transfer *t)
{
	const uint32_t targets[] = {
		g->atoms[X11_ATOM_TARGETS],
		g->atoms[X11_ATOM_TIMESTAMP],
		g->atoms[X11_ATOM_MULTIPLE],
		g->atoms[X11_ATOM_UTF8_STRING],
		g->atoms[X11_ATOM_UTF8_MIME],
		g->atoms[X11_ATOM_STRING],
		g->atoms[X11_ATOM_TEXT],
	};
	put_u32(g, t, XCB_ATOM_ATOM, targets, ARRAY_LEN(targets));
	return true;
}

/* Puts the text in the form `target` into the requestor's property. */
static bool give_target(struct x11_give *g, xcb_window_t requestor, xcb_atom_t property,
	xcb_atom_t target, struct x11_text *text, xcb_timestamp_t since)
{
	struct x11_give_transfer t = { requestor, property, target, text, 0 };
	if (property == XCB_ATOM_NONE)
		return false;
	if (target == g->atoms[X11_ATOM_TARGETS])
		return give_targets(g, &t);
	if (target == g->atoms[X11_ATOM_TIMESTAMP]) {
		put_u32(g, &t, XCB_ATOM_INTEGER, &since, 1);
		return true;
	}
	if (target == g->atoms[X11_ATOM_STRING])
		return give_latin1(g, &t);
	if (target == g->atoms[X11_ATOM_TEXT])
		t.type = g->atoms[X11_ATOM_UTF8_STRING];
	else if (target != g->atoms[X11_ATOM_UTF8_STRING] && target != g->atoms[X11_ATOM_UTF8_MIME])
		return false;
	return give_text(g, &t);
}

static void answer(struct x11_give *g, const xcb_selection_request_event_t *request, bool given)
{
	/* xcb sends 32 bytes whatever the event. */
	union {
		xcb_selection_notify_event_t notify;
		char bytes[32];
	} ev = { .bytes = { 0 } };
	ev.notify.response_type = XCB_SELECTION_NOTIFY;
	ev.notify.time = request->time;
	ev.notify.requestor = request->requestor;
	ev.notify.selection = request->selection;
	ev.notify.target = request->target;
	ev.notify.property = given ? request->property : XCB_ATOM_NONE;
	xcb_send_event(g->c, 0, request->requestor, XCB_EVENT_MASK_NO_EVENT, ev.bytes);
}

static void end_multiple(struct x11_give_multiple *m)
{
	x11_text_unref(m->text);
	*m = (struct x11_give_multiple){ 0 };
}

/* The pairs of target and property are in the property that the request names. */
static void start_multiple(struct x11_give *g, const xcb_selection_request_event_t *request,
	struct x11_text *text, xcb_timestamp_t since)
{
	struct x11_give_multiple *m = &g->multiples[g->next_multiple++ % X11_GIVE_MULTIPLES];
	if (m->used) {
		xcb_discard_reply(g->c, m->sequence);
		answer(g, &m->request, false);
		end_multiple(m);
	}
	m->used = true;
	m->request = *request;
	m->text = x11_text_ref(text);
	m->since = since;
	m->sequence = xcb_get_property(g->c, 0, request->requestor, request->property,
		XCB_GET_PROPERTY_TYPE_ANY, 0, X11_GIVE_PAIRS * 2)
			      .sequence;
}

static void finish_multiple(
	struct x11_give *g, const struct x11_give_multiple *m, const xcb_get_property_reply_t *list)
{
	uint32_t pairs[X11_GIVE_PAIRS * 2];
	uint32_t n = 0;
	if (list && list->format == 32)
		n = list->value_len < ARRAY_LEN(pairs) ? list->value_len & ~1u : ARRAY_LEN(pairs);
	if (n > 0)
		memcpy(pairs, xcb_get_property_value(list), n * sizeof(*pairs));
	for (uint32_t i = 0; i < n; i += 2) {
		if (pairs[i] == g->atoms[X11_ATOM_MULTIPLE] ||
			!give_target(
				g, m->request.requestor, pairs[i + 1], pairs[i], m->text, m->since))
			pairs[i + 1] = XCB_ATOM_NONE;
	}
	if (n > 0)
		xcb_change_property(g->c, XCB_PROP_MODE_REPLACE, m->request.requestor,
			m->request.property, g->atoms[X11_ATOM_ATOM_PAIR], 32, n, pairs);
	answer(g, &m->request, n > 0);
}

void x11_give_request(struct x11_give *g, const xcb_selection_request_event_t *request,
	struct x11_text *text, xcb_timestamp_t since)
{
	xcb_selection_request_event_t r = *request;
	bool multiple = r.target == g->atoms[X11_ATOM_MULTIPLE];
	/* Clients from before the ICCCM name no property. */
	if (r.property == XCB_ATOM_NONE && !multiple)
		r.property = r.target;
	if (text && multiple && r.property != XCB_ATOM_NONE) {
		start_multiple(g, &r, text, since);
		return;
	}
	answer(g, &r, text && give_target(g, r.requestor, r.property, r.target, text, since));
}

bool x11_give_property(struct x11_give *g, const xcb_property_notify_event_t *ev)
{
	for (unsigned i = 0; i < X11_GIVE_TRANSFERS; i++) {
		struct x11_give_transfer *t = &g->transfers[i];
		if (t->requestor == 0 || t->requestor != ev->window || t->property != ev->atom)
			continue;
		if (ev->state != XCB_PROPERTY_DELETE)
			return false;
		size_t left = t->text->len - t->at;
		size_t n = left < g->piece ? left : g->piece;
		put(g, t, n); /* the last one is empty and says so */
		t->at += n;
		if (n == 0)
			end_transfer(g, t);
		return true;
	}
	return false;
}

void x11_give_destroyed(struct x11_give *g, xcb_window_t window)
{
	for (unsigned i = 0; i < X11_GIVE_TRANSFERS; i++) {
		if (g->transfers[i].requestor == window && window != 0)
			end_transfer(g, &g->transfers[i]);
	}
}

void x11_give_poll(struct x11_give *g)
{
	for (unsigned i = 0; i < X11_GIVE_MULTIPLES; i++) {
		struct x11_give_multiple *m = &g->multiples[i];
		void *reply = NULL;
		xcb_generic_error_t *error = NULL;
		if (!m->used || !xcb_poll_for_reply(g->c, m->sequence, &reply, &error))
			continue;
		finish_multiple(g, m, reply);
		end_multiple(m);
		free(reply);
		free(error);
	}
}
