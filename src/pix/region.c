#include "pix/region.h"

#include "base/err.h"

/* pixman takes regions it only reads as non-const pointers in some versions. */
static pixman_region32_t *raw(const struct region *r)
{
	return (pixman_region32_t *)&r->set;
}

static struct rect rect_of(const pixman_box32_t *b)
{
	return (struct rect){ b->x1, b->y1, b->x2 - b->x1, b->y2 - b->y1 };
}

void region_init(struct region *r)
{
	pixman_region32_init(&r->set);
}

void region_init_rect(struct region *r, struct rect rect)
{
	region_init(r);
	region_add_rect(r, rect);
}

void region_fini(struct region *r)
{
	pixman_region32_fini(&r->set);
	pixman_region32_init(&r->set);
}

void region_clear(struct region *r)
{
	pixman_region32_clear(&r->set);
}

void region_set_rects(struct region *r, const struct rect *rects, size_t n)
{
	/* Boxes are converted through a fixed piece of stack and united piece by piece. */
	pixman_box32_t boxes[256];
	region_clear(r);
	while (n > 0) {
		size_t part = n < ARRAY_LEN(boxes) ? n : ARRAY_LEN(boxes);
		for (size_t i = 0; i < part; i++)
			boxes[i] = (pixman_box32_t){ rects[i].x, rects[i].y,
				rects[i].x + rects[i].w, rects[i].y + rects[i].h };
		pixman_region32_t piece;
		pixman_region32_init_rects(&piece, boxes, (int)part);
		pixman_region32_union(&r->set, &r->set, &piece);
		pixman_region32_fini(&piece);
		rects += part;
		n -= part;
	}
}

void region_copy(struct region *to, const struct region *from)
{
	pixman_region32_copy(&to->set, raw(from));
}

bool region_empty(const struct region *r)
{
	return !pixman_region32_not_empty(raw(r));
}

bool region_broken(const struct region *r)
{
	return !pixman_region32_selfcheck(raw(r));
}

bool region_contains(const struct region *r, struct rect rect)
{
	if (rect_empty(rect))
		return true;
	pixman_box32_t box = { rect.x, rect.y, rect.x + rect.w, rect.y + rect.h };
	return pixman_region32_contains_rectangle(raw(r), &box) == PIXMAN_REGION_IN;
}

bool region_intersects(const struct region *r, struct rect rect)
{
	if (rect_empty(rect))
		return false;
	pixman_box32_t box = { rect.x, rect.y, rect.x + rect.w, rect.y + rect.h };
	return pixman_region32_contains_rectangle(raw(r), &box) != PIXMAN_REGION_OUT;
}

void region_add_rect(struct region *r, struct rect rect)
{
	if (!rect_empty(rect))
		pixman_region32_union_rect(
			&r->set, &r->set, rect.x, rect.y, (unsigned)rect.w, (unsigned)rect.h);
}

void region_add(struct region *r, const struct region *other)
{
	pixman_region32_union(&r->set, &r->set, raw(other));
}

void region_subtract(struct region *r, const struct region *other)
{
	pixman_region32_subtract(&r->set, &r->set, raw(other));
}

void region_subtract_rect(struct region *r, struct rect rect)
{
	struct region other;
	region_init_rect(&other, rect);
	region_subtract(r, &other);
	region_fini(&other);
}

void region_intersect(struct region *r, const struct region *other)
{
	pixman_region32_intersect(&r->set, &r->set, raw(other));
}

void region_intersect_rect(struct region *r, struct rect rect)
{
	struct region other;
	region_init_rect(&other, rect);
	region_intersect(r, &other);
	region_fini(&other);
}

void region_translate(struct region *r, int dx, int dy)
{
	pixman_region32_translate(&r->set, dx, dy);
}

struct rect region_bounds(const struct region *r)
{
	return rect_of(pixman_region32_extents(raw(r)));
}

void region_limit(struct region *r, size_t max)
{
	if (region_count(r) <= max)
		return;
	struct rect box = region_bounds(r);
	region_clear(r);
	region_add_rect(r, box);
}

size_t region_count(const struct region *r)
{
	return (size_t)pixman_region32_n_rects(raw(r));
}

struct rect region_at(const struct region *r, size_t i)
{
	int n;
	const pixman_box32_t *boxes = pixman_region32_rectangles(raw(r), &n);
	return rect_of(&boxes[i]);
}
