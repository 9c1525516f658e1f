#pragma once
#include "pix/region.h"
#include "pix/view.h"
#include "screen/x11/x11_conn.h"
#include "screen/x11/x11_format.h"
#include "screen/x11/x11_shm.h"

/* Brings parts of the root window into a frame: through shared memory, or in
 * replies when the server is far away. Many small rectangles are joined to few
 * requests; only pixels of the region asked for are written to the frame. */

/* err: OK, ERR_AGAIN when the server refused (the screen got smaller), ERR_IO. */
typedef void x11_grab_done(void *ctx, int err);

enum { X11_GRAB_RECTS = 32, X11_GRAB_PIECES = 32 };

/* One request under way: a rectangle of the frame. */
struct x11_piece {
	struct rect rect;
	size_t offset; /* of its pixels in the staging segment */
	bool in_place; /* they go straight into the frame's own segment */
};

struct x11_grab {
	struct x11_conn *conn;           /* borrowed */
	const struct x11_format *format; /* borrowed */
	bool shm;                        /* else replies; may be cleared when idle, see below */
	struct x11_shm frame_shm, stage;
	struct pix_canvas frame; /* in frame_shm when native and shm, else malloc'ed */
	int x, y;                /* where the frame lies in the root window */

	struct region area; /* what is being brought */
	struct rect todo[X11_GRAB_RECTS];
	int n_todo, next;
	struct x11_piece pieces[X11_GRAB_PIECES];
	int n_pieces, n_answers, err;
	x11_grab_done *done;
	void *ctx;
};

void x11_grab_init(struct x11_grab *g, struct x11_conn *c, const struct x11_format *f);
void x11_grab_fini(struct x11_grab *g);

/* Makes a new frame for this part of the root window; its pixels are 0. Only
 * while nothing is under way. OK, or ERR_NOMEM or ERR_IO with the old one kept. */
MUST_USE int x11_grab_set_area(struct x11_grab *g, struct rect area);
/* The same without shared memory, when the server turned out not to take it. */
MUST_USE int x11_grab_without_shm(struct x11_grab *g);

/* Starts to bring `what` (frame coordinates, inside the frame, not empty). */
void x11_grab_start(struct x11_grab *g, const struct region *what, x11_grab_done *done, void *ctx);
