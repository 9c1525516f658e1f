#include "x11_selection.h"

#include <stdlib.h>
#include <xcb/xfixes.h>

#include "x11_atoms.h"
#include "x11_give.h"
#include "x11_take.h"

enum { N_SELECTIONS = 2 };

struct x11_selection {
	xcb_connection_t *c; /* borrowed */
	const struct x11_selection_events *events;
	void *ctx;
	uint8_t xfixes_event; /* the first one */
	xcb_window_t owner;   /* stands for us as an owner */
	xcb_atom_t atoms[X11_ATOMS];

	struct x11_text *text; /* owned; NULL: none */
	struct own {
		xcb_atom_t selection;
		bool owned;
		xcb_timestamp_t since;
	} own[N_SELECTIONS];
	bool claiming; /* the server has not confirmed our last claim yet */
	bool reclaim;  /* the text changed since */

	xcb_atom_t latest; /* the selection that changed hands last */
	bool stale;        /* it did so while we were fetching */
	struct x11_give give;
	struct x11_take take;
};

static void on_text(void *ctx, const char *text, size_t len)
{
	struct x11_selection *sel = ctx;
	sel->events->on_text(sel->ctx, text, len);
}

/* A window that is never shown. */
static void make_owner(struct x11_selection *sel, xcb_window_t root)
{
	const uint32_t mask = XCB_XFIXES_SELECTION_EVENT_MASK_SET_SELECTION_OWNER |
			      XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_WINDOW_DESTROY |
			      XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_CLIENT_CLOSE;
	sel->owner = xcb_generate_id(sel->c);
	xcb_create_window(sel->c, 0, sel->owner, root, -1, -1, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY,
		XCB_COPY_FROM_PARENT, 0, NULL);
	for (unsigned i = 0; i < N_SELECTIONS; i++)
		xcb_xfixes_select_selection_input(sel->c, sel->owner, sel->own[i].selection, mask);
}

struct x11_selection *x11_selection_create(xcb_connection_t *c, xcb_window_t root, struct loop *l,
	const struct log *log, const struct x11_selection_events *events, void *ctx)
{
	const xcb_query_extension_reply_t *xfixes = xcb_get_extension_data(c, &xcb_xfixes_id);
	struct x11_selection *sel = calloc(1, sizeof(*sel));
	if (!sel)
		return NULL;
	sel->c = c;
	sel->events = events;
	sel->ctx = ctx;
	if (!xfixes || !xfixes->present || x11_atoms_intern(c, sel->atoms) != OK) {
		log_warn(log, "x11: no clipboard, the server lacks XFIXES or failed");
		goto fail;
	}
	sel->xfixes_event = xfixes->first_event;
	sel->own[0].selection = sel->atoms[X11_ATOM_PRIMARY];
	sel->own[1].selection = sel->latest = sel->atoms[X11_ATOM_CLIPBOARD];
	x11_give_init(&sel->give, c, root, sel->atoms);
	if (x11_take_init(&sel->take, c, root, sel->atoms, l, X11_SELECTION_MAX, on_text, sel) !=
		OK)
		goto fail;
	make_owner(sel, root);
	return sel;
fail:
	x11_selection_destroy(sel);
	return NULL;
}

void x11_selection_destroy(struct x11_selection *sel)
{
	if (!sel)
		return;
	x11_give_fini(&sel->give);
	x11_take_fini(&sel->take);
	x11_text_unref(sel->text);
	if (sel->owner != 0)
		xcb_destroy_window(sel->c, sel->owner);
	free(sel);
}

static void claim(struct x11_selection *sel)
{
	sel->claiming = true;
	sel->reclaim = false;
	for (unsigned i = 0; i < N_SELECTIONS; i++)
		xcb_set_selection_owner(
			sel->c, sel->owner, sel->own[i].selection, XCB_CURRENT_TIME);
}

void x11_selection_set(struct x11_selection *sel, const char *text, size_t len)
{
	struct x11_text *copy = len <= X11_SELECTION_MAX ? x11_text_create(text, len) : NULL;
	if (!copy)
		return;
	x11_text_unref(sel->text);
	sel->text = copy;
	/* One claim at a time, so that a viewer cannot fill the connection while the
	 * server does not read it. */
	if (sel->claiming)
		sel->reclaim = true;
	else
		claim(sel);
}

void x11_selection_want(struct x11_selection *sel)
{
	if (sel->take.state != X11_TAKE_IDLE && !sel->stale)
		return; /* the answer on its way serves both */
	sel->stale = false;
	x11_take_start(&sel->take, sel->latest);
}

static struct own *own_of(struct x11_selection *sel, xcb_atom_t selection)
{
	for (unsigned i = 0; i < N_SELECTIONS; i++) {
		if (sel->own[i].selection == selection)
			return &sel->own[i];
	}
	return NULL;
}

static void drop_unused_text(struct x11_selection *sel)
{
	if (sel->own[0].owned || sel->own[1].owned || sel->claiming)
		return;
	x11_text_unref(sel->text);
	sel->text = NULL;
}

static void owned_by_us(
	struct x11_selection *sel, struct own *own, const xcb_xfixes_selection_notify_event_t *ev)
{
	own->owned = true;
	own->since = ev->selection_timestamp;
	if (own != &sel->own[N_SELECTIONS - 1])
		return; /* the last one claimed is to come */
	sel->claiming = false;
	if (sel->reclaim)
		claim(sel);
}

static void on_owner(struct x11_selection *sel, const xcb_xfixes_selection_notify_event_t *ev)
{
	struct own *own = own_of(sel, ev->selection);
	if (!own)
		return;
	if (ev->subtype != XCB_XFIXES_SELECTION_EVENT_SET_SELECTION_OWNER) {
		x11_take_owner_gone(&sel->take, ev->selection);
		return;
	}
	if (ev->owner != XCB_WINDOW_NONE) {
		sel->latest = ev->selection;
		sel->stale = true;
	}
	if (ev->owner == sel->owner) {
		owned_by_us(sel, own, ev);
		return;
	}
	own->owned = false;
	drop_unused_text(sel);
	if (ev->owner != XCB_WINDOW_NONE)
		sel->events->on_changed(sel->ctx);
}

static bool on_request(struct x11_selection *sel, const xcb_selection_request_event_t *ev)
{
	const struct own *own = own_of(sel, ev->selection);
	if (ev->owner != sel->owner)
		return false;
	x11_give_request(
		&sel->give, ev, own && own->owned ? sel->text : NULL, own ? own->since : 0);
	return true;
}

bool x11_selection_event(struct x11_selection *sel, const xcb_generic_event_t *ev)
{
	const void *any = ev;
	uint8_t type = ev->response_type & 0x7f;
	if (type == sel->xfixes_event + XCB_XFIXES_SELECTION_NOTIFY) {
		on_owner(sel, any);
		return true;
	}
	switch (type) {
	case XCB_SELECTION_REQUEST: return on_request(sel, any);
	case XCB_SELECTION_NOTIFY: return x11_take_notify(&sel->take, any);
	case XCB_SELECTION_CLEAR:
		return ((const xcb_selection_clear_event_t *)any)->owner == sel->owner;
	case XCB_PROPERTY_NOTIFY:
		return x11_give_property(&sel->give, any) || x11_take_property(&sel->take, any);
	case XCB_DESTROY_NOTIFY:
		x11_give_destroyed(&sel->give, ((const xcb_destroy_notify_event_t *)any)->window);
		return false;
	}
	return false;
}

void x11_selection_poll(struct x11_selection *sel)
{
	x11_give_poll(&sel->give);
	x11_take_poll(&sel->take);
}
