#pragma once
#include <stdint.h>

#include "pix/view.h"

/* Seeded pictures in internal format, for tests and benchmarks. */
enum picture {
	PICTURE_NOISE,
	PICTURE_FLAT,
	PICTURE_TEXT,      /* two colours, glyph-like */
	PICTURE_SOFT_TEXT, /* the same with grey edges */
	PICTURE_ICONS,     /* 16 colours in blocks and single pixels */
	PICTURE_GRADIENT,  /* smooth, both ways */
	PICTURE_PHOTO,     /* smooth shapes with grain */
	PICTURE_DESKTOP,   /* windows of text, flat areas and a photo */
	PICTURE_LCD_TEXT,  /* dense, with coloured edges, on a slowly changing background */
	PICTURES
};

extern const char *const picture_names[PICTURES];

uint32_t picture_random(uint32_t *seed);
/* Paints all of `to`. */
void picture_paint(enum picture kind, uint32_t seed, const struct pix_canvas *to);
