#pragma once
#include "screen/screen.h"
#include "screen/x11/x11_conn.h"

/* Asks the server for the size of the root window and its monitors: RANDR 1.5
 * monitors, or CRTCs with an older server, or one that is all of it. */

typedef void x11_layout_done(void *ctx);

struct x11_layout {
	struct x11_conn *conn; /* borrowed */
	bool busy, again;
	/* The last answer, in root coordinates; the primary monitor is the first.
	 * w and h are 0 until the first answer, or when the server gave none. */
	struct screen_layout found;
	struct screen_layout next; /* being put together */
	int n_named;
	uint32_t primary_output;
	x11_layout_done *done;
	void *ctx;
};

/* `done` is called after every complete answer. Selects RANDR's events. */
void x11_layout_init(struct x11_layout *l, struct x11_conn *c, x11_layout_done *done, void *ctx);
/* Starts a query, or another one after that under way. Sends requests only. */
void x11_layout_query(struct x11_layout *l);
/* True for an event that says that something changed; the caller queries. */
bool x11_layout_event(struct x11_layout *l, const xcb_generic_event_t *ev);

/* The part of the root window that monitor `index` (from 1; 0: all) shows, never
 * empty, and how it looks from there. When there is no such monitor (any more)
 * the first one stands in for it. `root` is a found layout. */
struct rect x11_layout_select(
	const struct screen_layout *root, int index, struct screen_layout *selected);
bool x11_layout_equal(const struct screen_layout *a, const struct screen_layout *b);
