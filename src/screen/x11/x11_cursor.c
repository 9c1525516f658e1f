#include "screen/x11/x11_cursor.h"

#include <xcb/xfixes.h>

static void query(struct x11_cursor *k);

static bool invisible(const uint32_t *argb, int n)
{
	for (int i = 0; i < n; i++) {
		if (argb[i] >> 24)
			return false;
	}
	return true;
}

static void on_image(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_cursor *k = ctx;
	const xcb_xfixes_get_cursor_image_reply_t *r = reply;
	(void)error;
	k->busy = false;
	if (k->again) {
		query(k);
		return;
	}
	if (!r)
		return;
	/* Programs hide the cursor by giving it a shape with nothing in it. */
	const uint32_t *argb = xcb_xfixes_get_cursor_image_cursor_image(r);
	struct screen_cursor shape = { r->width, r->height, r->xhot, r->yhot, argb };
	if (invisible(argb, shape.w * shape.h))
		shape = (struct screen_cursor){ 0 };
	k->shape(k->ctx, &shape);
}

static void query(struct x11_cursor *k)
{
	k->again = k->busy;
	if (k->busy)
		return;
	k->busy = true;
	x11_conn_expect(k->conn, xcb_xfixes_get_cursor_image(k->conn->xcb).sequence, on_image, k);
}

void x11_cursor_init(struct x11_cursor *k, struct x11_conn *c, x11_cursor_shape *shape, void *ctx)
{
	*k = (struct x11_cursor){ .conn = c, .shape = shape, .ctx = ctx };
	xcb_xfixes_select_cursor_input(
		c->xcb, c->root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
	query(k);
}

bool x11_cursor_event(struct x11_cursor *k, const xcb_generic_event_t *ev)
{
	if ((ev->response_type & 0x7f) != k->conn->xfixes_event + XCB_XFIXES_CURSOR_NOTIFY)
		return false;
	query(k);
	return true;
}
