#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <xcb/xcb.h>

#include "base/log.h"
#include "net/loop.h"

/* UTF-8 text through the selections CLIPBOARD and PRIMARY, both ways (ICCCM 2,
 * freedesktop.org clipboards specification).
 *
 * Like x11_keyboard: only create() waits for the server, nothing flushes; the
 * caller calls x11_selection_poll() after draining events and before sleeping,
 * and xcb_flush() after any call. Windows of other clients may vanish at any
 * time, so BadWindow and BadAtom errors among the caller's events are normal,
 * and so are events of windows that the caller does not know.
 * Loop thread only. */
struct x11_selection;

enum {
	X11_SELECTION_MAX = 16 << 20,    /* bytes of text, in either direction */
	X11_SELECTION_TIMEOUT_MS = 3000, /* an owner that makes no progress is given up */
};

/* All mandatory. Sent from x11_selection_event(), _poll() and the time-out,
 * never from inside set() and want(). The selection may be destroyed in them. */
struct x11_selection_events {
	/* Another client took a selection. Our own set() does not count. */
	void (*on_changed)(void *ctx);
	/* Answers want(): valid UTF-8 without a final NUL, line ends as the owner has
	 * them; borrowed. len 0: no owner, no text, too much of it, or no answer in
	 * time. One answer for all want() since the last one. */
	void (*on_text)(void *ctx, const char *text, size_t len);
};

/* Borrows all, `log` may be NULL. `root` is where the caller may have selected
 * events of its own. Needs XFIXES 1 or later, which the caller has initialised
 * (xcb_xfixes_query_version). NULL: no memory or a connection that failed. */
struct x11_selection *x11_selection_create(xcb_connection_t *c, xcb_window_t root, struct loop *l,
	const struct log *log, const struct x11_selection_events *events, void *ctx);
void x11_selection_destroy(struct x11_selection *sel); /* NULL is fine */

/* Takes both selections and serves a copy of `text` (UTF-8) until another
 * client takes them. More than X11_SELECTION_MAX or no memory: nothing changes. */
void x11_selection_set(struct x11_selection *sel, const char *text, size_t len);

/* Asks for the text of the selection that changed hands last. A timer runs
 * while an answer is outstanding, never else. A call meanwhile starts anew. */
void x11_selection_want(struct x11_selection *sel);

/* True when `ev` was for the selections. */
bool x11_selection_event(struct x11_selection *sel, const xcb_generic_event_t *ev);
void x11_selection_poll(struct x11_selection *sel); /* looks for answers, never waits */
