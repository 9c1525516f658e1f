#pragma once
#include "workload.h"

/* Things to see that several workloads share. */

enum {
	SCENERY_BAR = 24,   /* height of a window's title bar, and */
	SCENERY_MARKER = 4, /* where a marker stands in it, from both sides */
	SCENERY_INK = 0x1c1c1c,
	SCENERY_PAPER = 0xfcfcfc,
	SCENERY_TITLE = 0x3b4a5a,
};

/* Fills s->desktop: one colour, a panel, icons and two windows with text. */
void scenery_desktop(struct stage *s);
/* A photograph's worth of colours at r of s->desktop. */
void scenery_photo(struct stage *s, struct rect r);
/* A window with a title bar and, below it, lines of text. */
xcb_window_t scenery_text_window(struct stage *s, struct rect r);
/* n characters that look like prose. */
void scenery_words(struct stage *s, char *to, int n);
