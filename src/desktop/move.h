#pragma once
#include <stdbool.h>

#include "pix/rect.h"
#include "pix/view.h"

/* A part of the picture that went up or down: what CopyRect is for. */
struct move {
	struct rect to; /* where it is now */
	int dy;         /* by how many pixels it moved; never 0 */
};

/* Looks for a vertical scroll inside `box` (inside both pictures) from samples
 * of each row, so that it costs a small part of a comparison. What it says is a
 * good guess and no more: carry it out on a copy of the old picture and compare. */
bool move_find(const struct pix_view *before, const struct pix_view *now, struct rect box,
	struct move *out);
/* Does to `picture` what the move did. */
void move_apply(const struct move *m, const struct pix_canvas *picture);
