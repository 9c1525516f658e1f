#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <xcb/xcb.h>

#include "base/buf.h"
#include "net/loop.h"
#include "x11_atoms.h"

/* The side of a selection that wants the text: asks the owner for one form
 * after the other and reads the answer, in pieces when it is large (ICCCM 2.4,
 * 2.7.2). One at a time. Never waits. */
enum x11_take_state {
	X11_TAKE_IDLE,
	X11_TAKE_ASKED,  /* for a conversion */
	X11_TAKE_READ,   /* the whole text is in the property */
	X11_TAKE_PIECES, /* pieces follow, each one a new value of the property */
};

/* An owner given up may still answer; it writes into a window that we no longer
 * look at and that stays for a while, because not every owner survives BadWindow. */
enum { X11_TAKE_WINDOWS = 4 };

struct x11_take {
	xcb_connection_t *c; /* borrowed */
	xcb_window_t root;
	const xcb_atom_t *atoms;  /* borrowed */
	struct loop_timer *timer; /* owned */
	size_t max;               /* bytes */
	/* UTF-8, borrowed; len 0: no text. Always the last thing that happens, so
	 * that it may end all this. */
	void (*on_text)(void *ctx, const char *text, size_t len);
	void *ctx;

	xcb_window_t windows[X11_TAKE_WINDOWS];
	unsigned window; /* index */

	enum x11_take_state state;
	xcb_atom_t selection;
	unsigned form; /* index of the target asked for */
	xcb_atom_t type;
	struct buf data;
	bool reading; /* an answer to GetProperty is due */
	bool more;    /* a piece came meanwhile */
	unsigned sequence;
	size_t offset; /* bytes read of the property's present value */
};

MUST_USE int x11_take_init(struct x11_take *t, xcb_connection_t *c, xcb_window_t root,
	const xcb_atom_t *atoms, struct loop *l, size_t max,
	void (*on_text)(void *ctx, const char *text, size_t len), void *ctx);
void x11_take_fini(struct x11_take *t); /* a zeroed one is fine */

/* Asks for the text of `selection`; what is under way is given up unanswered. */
void x11_take_start(struct x11_take *t, xcb_atom_t selection);
/* Its owner died: nothing more will come. */
void x11_take_owner_gone(struct x11_take *t, xcb_atom_t selection);
bool x11_take_notify(struct x11_take *t, const xcb_selection_notify_event_t *ev);
bool x11_take_property(struct x11_take *t, const xcb_property_notify_event_t *ev);
void x11_take_poll(struct x11_take *t);
