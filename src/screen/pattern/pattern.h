#pragma once
#include "net/loop.h"
#include "screen/screen.h"

/* A seeded moving test picture that needs no display. One frame number passes
 * for each period in which a frame is wanted, so a run is repeatable: the n-th
 * picture is pattern_picture_draw() of frame n. Moves a square to the pointer,
 * shows key presses, has a cursor and can be resized. */
struct pattern_config {
	int w, h;      /* 1 to 16384 */
	uint32_t seed; /* other seeds, other pictures */
	int fps;       /* 0: a still picture that only input changes; at most 1000 */
};

/* `e` and `ctx` are borrowed for the screen's life. NULL: no memory, or a bad size. */
struct screen *pattern_create(struct loop *l, const struct pattern_config *config,
	const struct screen_events *e, void *ctx);
