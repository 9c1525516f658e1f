#pragma once
#include <stdint.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "base/err.h"
#include "pix/rect.h"

/* An X client that draws: what the workloads need of xcb. Requests are only
 * queued; nothing is sent before the queue is full or xpaint_sync(). */
struct xpaint {
	xcb_connection_t *conn; /* NULL: closed */
	xcb_screen_t *screen;
	xcb_gcontext_t gc;
};

enum { XPAINT_CELL_W = 6, XPAINT_CELL_H = 13 }; /* of the font */

/* ERR_IO: no such display, or it is not 24 bits deep, or has no font "fixed". */
MUST_USE int xpaint_open(struct xpaint *p, const char *display);
void xpaint_close(struct xpaint *p);

/* A window that no window manager touches, mapped and filled with `colour`. */
xcb_window_t xpaint_window(struct xpaint *p, struct rect r, uint32_t colour);
void xpaint_fill(struct xpaint *p, xcb_drawable_t to, struct rect r, uint32_t colour);
/* n (at most 255) characters of the font, in cells with their top left corner at x, y. */
void xpaint_text(struct xpaint *p, xcb_drawable_t to, int x, int y, const char *text, int n);
/* A frame's number (marker.h), with one request. */
void xpaint_marker(struct xpaint *p, xcb_drawable_t to, int x, int y, uint32_t number);
/* Pixels without gaps between rows, any size. */
void xpaint_image(struct xpaint *p, xcb_drawable_t to, struct rect r, const uint32_t *px);
/* Waits until all is drawn. ERR_IO: the X server is gone. */
MUST_USE int xpaint_sync(struct xpaint *p);
