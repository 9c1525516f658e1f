#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pix/view.h"

enum { PALETTE_MAX = 256, PALETTE_SLOTS = 512 };

/* The colours of an area, in order of appearance, with a hash to find them. */
struct palette {
	unsigned n;
	uint32_t colour[PALETTE_MAX];
	uint32_t pixels[PALETTE_MAX]; /* how many pixels have it */
	uint16_t slot[PALETTE_SLOTS]; /* index + 1; 0: free */
};

/* Collects the colours of `v` (not empty). False as soon as there are more than
 * `max` (1 to PALETTE_MAX); the palette is then of no use. */
bool palette_fill(struct palette *p, const struct pix_view *v, unsigned max);
/* The index of a colour that is in the palette. */
unsigned palette_index(const struct palette *p, uint32_t colour);
/* The index of the colour most pixels have, but for `except` (-1: none);
 * n must be large enough that there is one. */
unsigned palette_most(const struct palette *p, int except);
