#include "desktop/damage.h"

#include "base/err.h"

/* Blocks that differ, side by side ones joined, before they become a region. */
struct found {
	struct rect rects[512];
	size_t n;
	struct region *changed;
};

static void flush(struct found *f)
{
	struct region piece;
	region_init(&piece);
	region_set_rects(&piece, f->rects, f->n);
	region_add(f->changed, &piece);
	region_fini(&piece);
	f->n = 0;
}

static void add(struct found *f, struct rect r)
{
	struct rect *before = f->n > 0 ? &f->rects[f->n - 1] : NULL;
	if (before && before->y == r.y && before->h == r.h && before->x + before->w == r.x) {
		before->w += r.w;
		return;
	}
	if (f->n == ARRAY_LEN(f->rects))
		flush(f);
	f->rects[f->n++] = r;
}

static bool differs(const struct pix_dsp *dsp, const struct pix_view *now,
	const struct pix_canvas *last, struct rect r)
{
	for (int y = r.y; y < r.y + r.h; y++)
		if (dsp->row_differs(
			    pix_view_at(now, r.x, y), pix_canvas_at(last, r.x, y), (size_t)r.w))
			return true;
	return false;
}

/* A screen's top byte is whatever its clients drew there; ours is 0. */
static void copy(const struct pix_view *now, const struct pix_canvas *last, struct rect r)
{
	for (int y = r.y; y < r.y + r.h; y++) {
		const uint32_t *from = pix_view_at(now, r.x, y);
		uint32_t *to = pix_canvas_at(last, r.x, y);
		for (int x = 0; x < r.w; x++)
			to[x] = from[x] & 0xffffffu;
	}
}

/* The end of the grid cell that `at` is in, or `end` when that comes first. */
static int cell_end(int at, int cell, int end)
{
	int next = at - at % cell + cell;
	return next < end ? next : end;
}

static void compare_rect(const struct pix_dsp *dsp, const struct pix_view *now,
	const struct pix_canvas *last, struct rect hint, struct found *f)
{
	int right = hint.x + hint.w, bottom = hint.y + hint.h;
	for (int y = hint.y, y_end; y < bottom; y = y_end) {
		y_end = cell_end(y, DAMAGE_BLOCK_H, bottom);
		for (int x = hint.x, x_end; x < right; x = x_end) {
			x_end = cell_end(x, DAMAGE_BLOCK_W, right);
			struct rect block = { x, y, x_end - x, y_end - y };
			if (!differs(dsp, now, last, block))
				continue;
			copy(now, last, block);
			add(f, block);
		}
	}
}

void damage_compare(const struct pix_dsp *dsp, const struct pix_view *now,
	const struct pix_canvas *last, const struct region *hint, struct region *changed)
{
	struct found f;
	f.n = 0;
	f.changed = changed;
	region_clear(changed);
	for (size_t i = 0; i < region_count(hint); i++)
		compare_rect(dsp, now, last, region_at(hint, i), &f);
	flush(&f);
}
