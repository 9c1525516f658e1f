#pragma once
#include <stdint.h>
#include <sys/types.h>
#include <xcb/xcb.h>

#include "pix/view.h"

/* An X server for a test, and a client of it that draws and looks. A missing
 * Xvfb fails the test. */
struct xvfb {
	pid_t pid;
	char display[16];
	xcb_connection_t *client;
	xcb_window_t root;
	xcb_gcontext_t gc;
};

/* `screen` is Xvfb's WxHxDEPTH; `auth` an Xauthority file, `without` an extension
 * that it shall not have; both may be NULL. The server takes a free display number
 * by itself. */
void xvfb_start(struct xvfb *x, const char *screen, const char *auth, const char *without);
void xvfb_connect(struct xvfb *x); /* the client; done by start without `auth` */
void xvfb_kill(struct xvfb *x);    /* the server, at once */
void xvfb_stop(struct xvfb *x);

void xvfb_fill(struct xvfb *x, struct rect r, uint32_t pixel); /* waits until done */
void xvfb_sync(struct xvfb *x);
/* Where the pointer is, and the buttons held as X gives them. */
void xvfb_pointer(struct xvfb *x, int *px, int *py, unsigned *mask);
/* The root window's pixels from (x0, y0) as the server has them; 4 bytes a pixel
 * in a depth of 24 or 30, 2 in a depth of 16 (then one to a uint32_t). */
void xvfb_look(struct xvfb *x, int x0, int y0, const struct pix_canvas *to);
