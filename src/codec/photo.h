#pragma once
#include <stdbool.h>

#include "codec/palette.h"
#include "pix/rect.h"
#include "pix/view.h"

/* 65536 pixels, however narrow, make fewer cells. */
enum { PHOTO_CELLS = 128 };

/* Tells photos from text, drawings and flat areas, cell by cell. */
struct photo {
	int w, h, columns, rows; /* the area and its cells */
	int next_row, next_column;
	bool uniform; /* all cells are of one kind */
	bool lossy[PHOTO_CELLS];
};

/* How many in 100 pixels differ from their left neighbour, by a sample. In
 * text, however dense, most do not; in a photo most do. */
unsigned photo_restless(const struct pix_view *v);
/* Judges `v` (internal pixels, at most 65536 of them), using `scratch`. */
void photo_start(struct photo *p, const struct pix_view *v, struct palette *scratch);
/* The next part of the area, all of one kind; false when all were given. */
bool photo_next(struct photo *p, struct rect *part, bool *lossy);
