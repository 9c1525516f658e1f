#pragma once
#include <stdbool.h>

#include "pix/dsp.h"
#include "pix/rect.h"
#include "pix/view.h"

/* The first area of one colour in the part r of v (in rows of blocks from the
 * top) that is worth a rectangle of its own, as large as it can be made. False
 * when there is none. */
bool tight_solid_find(
	const struct pix_dsp *dsp, const struct pix_view *v, struct rect r, struct rect *solid);
