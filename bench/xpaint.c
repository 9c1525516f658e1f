#include "xpaint.h"

#include <stdlib.h>
#include <string.h>

#include "marker.h"

enum { DEPTH = 24, FONT_ASCENT = 11, INK = 0x1c1c1c, PAPER = 0xfcfcfc };

int xpaint_open(struct xpaint *p, const char *display)
{
	static const char font_name[] = "fixed";

	*p = (struct xpaint){ .conn = xcb_connect(display, NULL) };
	if (!p->conn || xcb_connection_has_error(p->conn))
		goto fail;
	p->screen = xcb_setup_roots_iterator(xcb_get_setup(p->conn)).data;
	if (p->screen->root_depth != DEPTH)
		goto fail;
	xcb_font_t font = xcb_generate_id(p->conn);
	p->gc = xcb_generate_id(p->conn);
	xcb_void_cookie_t opened =
		xcb_open_font_checked(p->conn, font, (uint16_t)strlen(font_name), font_name);
	xcb_generic_error_t *e = xcb_request_check(p->conn, opened);
	if (e) {
		free(e);
		goto fail;
	}
	uint32_t values[] = { INK, PAPER, font, 0 };
	xcb_create_gc(p->conn, p->gc, p->screen->root,
		XCB_GC_FOREGROUND | XCB_GC_BACKGROUND | XCB_GC_FONT | XCB_GC_GRAPHICS_EXPOSURES,
		values);
	return OK;
fail:
	xpaint_close(p);
	return ERR_IO;
}

void xpaint_close(struct xpaint *p)
{
	xcb_disconnect(p->conn);
	p->conn = NULL;
}

xcb_window_t xpaint_window(struct xpaint *p, struct rect r, uint32_t colour)
{
	xcb_window_t w = xcb_generate_id(p->conn);
	uint32_t values[] = { colour, 1, XCB_EVENT_MASK_KEY_PRESS };
	xcb_create_window(p->conn, XCB_COPY_FROM_PARENT, w, p->screen->root, (int16_t)r.x,
		(int16_t)r.y, (uint16_t)r.w, (uint16_t)r.h, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
		p->screen->root_visual,
		XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
	xcb_map_window(p->conn, w);
	return w;
}

void xpaint_fill(struct xpaint *p, xcb_drawable_t to, struct rect r, uint32_t colour)
{
	uint32_t ink = INK;
	xcb_rectangle_t x = { (int16_t)r.x, (int16_t)r.y, (uint16_t)r.w, (uint16_t)r.h };
	xcb_change_gc(p->conn, p->gc, XCB_GC_FOREGROUND, &colour);
	xcb_poly_fill_rectangle(p->conn, to, p->gc, 1, &x);
	xcb_change_gc(p->conn, p->gc, XCB_GC_FOREGROUND, &ink);
}

void xpaint_text(struct xpaint *p, xcb_drawable_t to, int x, int y, const char *text, int n)
{
	xcb_image_text_8(
		p->conn, (uint8_t)n, to, p->gc, (int16_t)x, (int16_t)(y + FONT_ASCENT), text);
}

void xpaint_marker(struct xpaint *p, xcb_drawable_t to, int x, int y, uint32_t number)
{
	uint32_t px[MARKER_W * MARKER_H];
	marker_paint(px, MARKER_W, number);
	xpaint_image(p, to, (struct rect){ x, y, MARKER_W, MARKER_H }, px);
}

void xpaint_image(struct xpaint *p, xcb_drawable_t to, struct rect r, const uint32_t *px)
{
	enum { REQUEST_MAX = 65536 }; /* bytes: every X server takes that much */
	int rows = REQUEST_MAX / (r.w * (int)sizeof(*px));

	for (int y = 0; y < r.h; y += rows) {
		int h = r.h - y < rows ? r.h - y : rows;
		xcb_put_image(p->conn, XCB_IMAGE_FORMAT_Z_PIXMAP, to, p->gc, (uint16_t)r.w,
			(uint16_t)h, (int16_t)r.x, (int16_t)(r.y + y), 0, DEPTH,
			(uint32_t)(h * r.w) * (uint32_t)sizeof(*px),
			(const uint8_t *)(px + y * r.w));
	}
}

int xpaint_sync(struct xpaint *p)
{
	xcb_get_input_focus_reply_t *r =
		xcb_get_input_focus_reply(p->conn, xcb_get_input_focus(p->conn), NULL);
	free(r);
	return r ? OK : ERR_IO;
}
