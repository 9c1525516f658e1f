#include "codec/subrects.h"

#include <stddef.h>

static const uint32_t *row_at(const struct subrects *s, int y)
{
	return s->px + (ptrdiff_t)y * s->w;
}

static bool find(struct subrects *s)
{
	for (; s->y < s->h; s->y++, s->x = 0)
		for (; s->x < s->w; s->x++)
			if (row_at(s, s->y)[s->x] != s->background)
				return true;
	return false;
}

static int run_right(const struct subrects *s, int x, int y, int end)
{
	const uint32_t *row = row_at(s, y);
	uint32_t colour = row_at(s, s->y)[s->x];
	while (x < end && row[x] == colour)
		x++;
	return x - s->x;
}

/* As wide as the first row allows, then as far down as all of that goes. */
static struct rect widest(const struct subrects *s)
{
	struct rect r = { s->x, s->y, run_right(s, s->x, s->y, s->w), 1 };
	while (r.y + r.h < s->h && run_right(s, s->x, r.y + r.h, r.x + r.w) == r.w)
		r.h++;
	return r;
}

/* As far down as the first column allows, then as wide as all of that goes. */
static struct rect tallest(const struct subrects *s, int width)
{
	struct rect r = { s->x, s->y, width, 1 };
	for (; r.y + r.h < s->h; r.h++) {
		int n = run_right(s, s->x, r.y + r.h, r.x + r.w);
		if (n == 0)
			break;
		if (n < r.w)
			r.w = n;
	}
	return r;
}

bool subrects_next(struct subrects *s, struct rect *r, uint32_t *colour)
{
	if (!find(s))
		return false;
	struct rect wide = widest(s), tall = tallest(s, wide.w);
	*r = wide.w * wide.h >= tall.w * tall.h ? wide : tall;
	*colour = row_at(s, s->y)[s->x];
	for (int y = r->y; y < r->y + r->h; y++)
		for (int x = r->x; x < r->x + r->w; x++)
			s->px[(ptrdiff_t)y * s->w + x] = s->background;
	return true;
}
