#pragma once
#include "pix/dsp.h"
#include "pix/region.h"
#include "pix/view.h"

/* Exact damage: the hint says where to look, a comparison with the last frame
 * says what really changed, to the block of DAMAGE_BLOCK_W x DAMAGE_BLOCK_H
 * (a grid that starts at 0,0). Blocks that differ are copied to `last`. */
enum { DAMAGE_BLOCK_W = 32, DAMAGE_BLOCK_H = 16 };

/* `now` and `last` have the same size, `hint` lies inside it. `changed` is an
 * initialised region and is replaced. Only the low 24 bits of a pixel count. */
void damage_compare(const struct pix_dsp *dsp, const struct pix_view *now,
	const struct pix_canvas *last, const struct region *hint, struct region *changed);
