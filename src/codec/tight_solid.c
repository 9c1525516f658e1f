#include "codec/tight_solid.h"

enum {
	BLOCK = 16,
	WORTH = 2048, /* pixels: below that, splitting costs more than it saves */
};

struct search {
	const struct pix_dsp *dsp;
	const struct pix_view *v;
	struct rect all;
	uint32_t colour;
};

static bool is_solid(const struct search *s, struct rect r)
{
	for (int y = r.y; y < r.y + r.h; y++) {
		const uint32_t *px = pix_view_at(s->v, r.x, y);
		if (*px != s->colour || s->dsp->run_length(px, (size_t)r.w) != (size_t)r.w)
			return false;
	}
	return true;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

/* The best area that starts at (x, y), whole blocks: each row of blocks narrows
 * it, and the largest so far is kept. */
static struct rect grow_blocks(const struct search *s, int x, int y)
{
	int right = s->all.x + s->all.w, bottom = s->all.y + s->all.h;
	struct rect best = { x, y, 0, 0 };
	for (int row = y, width = right - x; row < bottom && width > 0; row += BLOCK) {
		int h = min(BLOCK, bottom - row), w = 0;
		while (w < width) {
			struct rect block = { x + w, row, min(BLOCK, width - w), h };
			if (!is_solid(s, block))
				break;
			w += block.w;
		}
		width = w;
		if (w * (row + h - y) > best.w * best.h)
			best = (struct rect){ x, y, w, row + h - y };
	}
	return best;
}

/* Adds single rows and columns on all sides. Rows above were searched before
 * in blocks, but may still have the colour. */
static struct rect grow_edges(const struct search *s, struct rect r)
{
	int right = s->all.x + s->all.w, bottom = s->all.y + s->all.h;
	while (r.y > s->all.y && is_solid(s, (struct rect){ r.x, r.y - 1, r.w, 1 })) {
		r.y--;
		r.h++;
	}
	while (r.y + r.h < bottom && is_solid(s, (struct rect){ r.x, r.y + r.h, r.w, 1 }))
		r.h++;
	while (r.x > s->all.x && is_solid(s, (struct rect){ r.x - 1, r.y, 1, r.h })) {
		r.x--;
		r.w++;
	}
	while (r.x + r.w < right && is_solid(s, (struct rect){ r.x + r.w, r.y, 1, r.h }))
		r.w++;
	return r;
}

bool tight_solid_find(
	const struct pix_dsp *dsp, const struct pix_view *v, struct rect r, struct rect *solid)
{
	struct search s = { dsp, v, r, 0 };
	for (int y = r.y; y < r.y + r.h; y += BLOCK) {
		for (int x = r.x; x < r.x + r.w; x += BLOCK) {
			struct rect block = rect_intersect((struct rect){ x, y, BLOCK, BLOCK }, r);
			s.colour = *pix_view_at(v, x, y);
			if (!is_solid(&s, block))
				continue;
			struct rect best = grow_blocks(&s, x, y);
			if (!rect_equal(best, r) && best.w * best.h < WORTH)
				continue;
			*solid = grow_edges(&s, best);
			return true;
		}
	}
	return false;
}
