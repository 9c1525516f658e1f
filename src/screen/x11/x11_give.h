#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "x11_atoms.h"

/* The side of a selection that has the text: answers requests of other clients
 * (ICCCM 2.1 to 2.7), large texts in pieces as they are read. Never waits. */

/* Text that is shared by the selection and the transfers under way. */
struct x11_text {
	unsigned refs;
	size_t len;
	char data[];
};

struct x11_text *x11_text_create(const void *data, size_t len); /* NULL: no memory */
struct x11_text *x11_text_ref(struct x11_text *text);
void x11_text_unref(struct x11_text *text); /* NULL is fine */

enum { X11_GIVE_TRANSFERS = 16, X11_GIVE_MULTIPLES = 4, X11_GIVE_PAIRS = 32 };

struct x11_give {
	xcb_connection_t *c;     /* borrowed */
	xcb_window_t root;       /* never asked for events: they are the caller's */
	const xcb_atom_t *atoms; /* borrowed */
	size_t piece;            /* bytes that go into one request */
	/* Under way in pieces; the oldest makes room for one too many. */
	struct x11_give_transfer {
		xcb_window_t requestor; /* 0: free */
		xcb_atom_t property, type;
		struct x11_text *text; /* owned reference */
		size_t at;
	} transfers[X11_GIVE_TRANSFERS];
	unsigned next_transfer;
	/* Requests for several targets whose list is still on its way to us. */
	struct x11_give_multiple {
		bool used;
		unsigned sequence;
		xcb_selection_request_event_t request;
		struct x11_text *text; /* owned reference */
		xcb_timestamp_t since;
	} multiples[X11_GIVE_MULTIPLES];
	unsigned next_multiple;
};

/* May wait for the server (the largest request it takes). */
void x11_give_init(
	struct x11_give *g, xcb_connection_t *c, xcb_window_t root, const xcb_atom_t *atoms);
void x11_give_fini(struct x11_give *g); /* a zeroed one is fine */

/* `text` is UTF-8, owned since `since`; NULL refuses. */
void x11_give_request(struct x11_give *g, const xcb_selection_request_event_t *request,
	struct x11_text *text, xcb_timestamp_t since);
/* True: somebody has read a piece. */
bool x11_give_property(struct x11_give *g, const xcb_property_notify_event_t *ev);
void x11_give_destroyed(struct x11_give *g, xcb_window_t window);
void x11_give_poll(struct x11_give *g);
