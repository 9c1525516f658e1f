#pragma once
#include <stdint.h>

#include "pix/region.h"
#include "pix/view.h"

/* The test picture as a pure function: equal values draw equal pixels on every
 * machine. It has flat areas, an area where text is typed, one like a video
 * (gradients and noise that move), text that scrolls, a box that shows key
 * presses, a square at the pointer and the frame number as a row of 32 squares. */
struct pattern_picture {
	int w, h;
	uint32_t seed;
	uint32_t frame;   /* what moves is a function of this */
	int x, y;         /* the pointer; its square is centred here */
	unsigned buttons; /* colour of that square */
	uint32_t keysym;  /* the last key pressed, and how many were: colour of the box */
	uint32_t keys;
};

/* Draws the part of the picture under `area`; `to` has the picture's size. */
void pattern_picture_draw(
	const struct pattern_picture *p, const struct pix_canvas *to, struct rect area);

/* Adds to `out` where the two may differ. */
void pattern_picture_changes(
	const struct pattern_picture *a, const struct pattern_picture *b, struct region *out);

/* The box whose colour changes with every key press; empty in a tiny picture. */
struct rect pattern_picture_key_box(const struct pattern_picture *p);

/* Reads the frame number out of the row of squares, also when the picture went
 * through a lossy encoding. False when the picture is too small to hold it. */
bool pattern_picture_read_frame(const struct pix_view *view, uint32_t *frame);
