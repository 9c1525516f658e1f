#pragma once
#include <stdbool.h>

/* A rectangle in pixels, origin at the top left. Empty when w or h is <= 0.
 * Coordinates come from the wire as 16 bits, so sums cannot overflow an int. */
struct rect {
	int x, y, w, h;
};

bool rect_empty(struct rect r);
bool rect_equal(struct rect a, struct rect b);
/* The common part; w = h = 0 when there is none. */
struct rect rect_intersect(struct rect a, struct rect b);
/* The part of r inside a framebuffer of w x h. This is the one clip that every
 * rectangle from a peer passes, once, before it reaches anything else. */
struct rect rect_clip(struct rect r, int w, int h);
/* True if `inner` lies wholly inside `outer`. */
bool rect_contains(struct rect outer, struct rect inner);
/* Smallest rectangle around both; an empty one does not count. */
struct rect rect_union(struct rect a, struct rect b);
