#pragma once
#include <stdint.h>

#include "pix/view.h"

/* A frame's number as black and white blocks, large enough to survive JPEG: a
 * row of bits, the lowest first, and below it the same bits inverted, so that a
 * marker that is only partly there does not read as a number. */
enum {
	MARKER_BITS = 16,
	MARKER_BLOCK = 8, /* pixels a side */
	MARKER_W = MARKER_BITS * MARKER_BLOCK,
	MARKER_H = 2 * MARKER_BLOCK,
};

/* Paints the number with its top left corner at `to`, rows `stride` pixels apart. */
void marker_paint(uint32_t *to, int stride, uint32_t number);
/* The number of the marker at x, y, or -1 when there is none. */
int marker_read(const struct pix_canvas *c, int x, int y);
