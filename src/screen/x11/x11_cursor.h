#pragma once
#include "screen/screen.h"
#include "screen/x11/x11_conn.h"

/* The shape of the cursor, through XFIXES. */

typedef void x11_cursor_shape(void *ctx, const struct screen_cursor *cursor);

struct x11_cursor {
	struct x11_conn *conn; /* borrowed */
	bool busy, again;
	x11_cursor_shape *shape;
	void *ctx;
};

/* Asks for the shape at once and calls `shape` with it and after every change. */
void x11_cursor_init(struct x11_cursor *k, struct x11_conn *c, x11_cursor_shape *shape, void *ctx);
bool x11_cursor_event(struct x11_cursor *k, const xcb_generic_event_t *ev);
