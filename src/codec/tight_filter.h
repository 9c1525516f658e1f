#pragma once
#include <stdint.h>

#include "base/err.h"
#include "codec/tight.h"
#include "codec/wire.h"

/* The receiving side of Tight's filters: rows of data back into pixels. */
struct tight_filter_state {
	const struct wire_pixel *pixel; /* borrowed from start to the last undo */
	enum tight_filter filter;
	unsigned colours;
	uint32_t palette[256];
	/* Gradient: red, green and blue of the row above, behind one of zeros. */
	uint16_t above[TIGHT_WIDTH_MAX + 1][3];
};

/* Before a rectangle's first row; `palette` holds `colours` pixels. */
void tight_filter_start(struct tight_filter_state *f, const struct wire_pixel *p,
	enum tight_filter filter, const uint8_t *palette, unsigned colours);
/* One row of w (at most TIGHT_WIDTH_MAX) pixels. ERR_PROTO on an index outside
 * the palette. */
MUST_USE int tight_filter_undo(
	struct tight_filter_state *f, const uint8_t *from, uint32_t *to, int w);
