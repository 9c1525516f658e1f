#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "pix/rect.h"

/* Cuts a tile into rectangles of one colour on a background, for the RRE
 * family. `px` holds w * h pixels without gaps; what was found becomes
 * background in it. Start with x = y = 0. */
struct subrects {
	uint32_t *px; /* borrowed */
	int w, h;
	uint32_t background;
	int x, y; /* where to look next */
};

/* The next rectangle, in tile coordinates; false when only background is left. */
bool subrects_next(struct subrects *s, struct rect *r, uint32_t *colour);
