#include "screen/x11/x11_manager.h"

#include <stdlib.h>
#include <string.h>

#include "screen/x11/x11_conn.h"

struct x11_manager {
	struct loop *loop;
	struct x11_conn conn;
	struct loop_io *io;
	struct loop_task look; /* what xcb has queued while we waited */
	xcb_atom_t check;
	void (*on_there)(void *ctx);
	void *ctx;
};

static xcb_atom_t intern(xcb_connection_t *c)
{
	static const char name[] = "_NET_SUPPORTING_WM_CHECK";
	xcb_intern_atom_reply_t *reply =
		xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, sizeof(name) - 1, name), NULL);
	xcb_atom_t atom = reply ? reply->atom : XCB_ATOM_NONE;
	free(reply);
	return atom;
}

static bool is_managed(struct x11_manager *m)
{
	xcb_connection_t *c = m->conn.xcb;
	xcb_get_property_reply_t *reply = xcb_get_property_reply(
		c, xcb_get_property(c, 0, m->conn.root, m->check, XCB_ATOM_WINDOW, 0, 1), NULL);
	bool there = reply && reply->type == XCB_ATOM_WINDOW;
	free(reply);
	return there;
}

static bool saw_change(struct x11_manager *m)
{
	bool seen = false;
	xcb_generic_event_t *event;
	while ((event = xcb_poll_for_event(m->conn.xcb)) != NULL) {
		const xcb_property_notify_event_t *p = (const void *)event;
		seen |= (event->response_type & 127) == XCB_PROPERTY_NOTIFY && p->atom == m->check;
		free(event);
	}
	return seen || xcb_connection_has_error(m->conn.xcb);
}

static void look(void *ctx)
{
	struct x11_manager *m = ctx;
	if (saw_change(m))
		m->on_there(m->ctx);
}

static void on_readable(void *ctx, int events)
{
	(void)events;
	look(ctx);
}

static void there_already(void *ctx)
{
	struct x11_manager *m = ctx;
	m->on_there(m->ctx);
}

struct x11_manager *x11_manager_create(
	struct loop *l, const struct x11_config *config, void (*on_there)(void *ctx), void *ctx)
{
	char error[X11_ERROR_MAX];
	const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
	struct x11_manager *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->loop = l;
	m->on_there = on_there;
	m->ctx = ctx;
	if (x11_conn_open(&m->conn, config->display, config->cookie, config->cookie_len, error,
		    sizeof(error)))
		goto fail;
	m->check = intern(m->conn.xcb);
	xcb_change_window_attributes(m->conn.xcb, m->conn.root, XCB_CW_EVENT_MASK, &mask);
	m->look = (struct loop_task){ .run = is_managed(m) ? there_already : look, .ctx = m };
	m->io = loop_io_create(l, xcb_get_file_descriptor(m->conn.xcb), on_readable, m);
	if (!m->io)
		goto fail;
	loop_io_want(m->io, LOOP_READ);
	loop_task_queue(l, &m->look);
	return m;
fail:
	x11_manager_destroy(m);
	return NULL;
}

void x11_manager_destroy(struct x11_manager *m)
{
	if (!m)
		return;
	loop_task_cancel(m->loop, &m->look);
	loop_io_destroy(m->io);
	x11_conn_close(&m->conn);
	free(m);
}
