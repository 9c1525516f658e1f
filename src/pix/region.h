#pragma once
#include <pixman.h>
#include <stdbool.h>
#include <stddef.h>

#include "pix/rect.h"

/* A set of pixels as non-overlapping rectangles in y-x bands: pixman's region
 * behind our names. When memory runs out a region becomes empty and `broken`
 * (region_broken); whoever owns damage then treats everything as damaged. */
struct region {
	pixman_region32_t set;
};

void region_init(struct region *r);
void region_init_rect(struct region *r, struct rect rect);
void region_fini(struct region *r);
void region_clear(struct region *r);
/* Makes the region the union of n rectangles, faster than adding them. */
void region_set_rects(struct region *r, const struct rect *rects, size_t n);
void region_copy(struct region *to, const struct region *from);
bool region_empty(const struct region *r);
bool region_broken(const struct region *r);
/* All of `rect` is in the region. */
bool region_contains(const struct region *r, struct rect rect);
bool region_intersects(const struct region *r, struct rect rect);
void region_add_rect(struct region *r, struct rect rect);
void region_add(struct region *r, const struct region *other);
void region_subtract(struct region *r, const struct region *other);
void region_subtract_rect(struct region *r, struct rect rect);
void region_intersect(struct region *r, const struct region *other);
void region_intersect_rect(struct region *r, struct rect rect);
void region_translate(struct region *r, int dx, int dy);
struct rect region_bounds(const struct region *r);
/* One of more than `max` rectangles becomes its bounding box. */
void region_limit(struct region *r, size_t max);
/* How many rectangles, and the i-th (0-based, in y-x order). */
size_t region_count(const struct region *r);
struct rect region_at(const struct region *r, size_t i);
