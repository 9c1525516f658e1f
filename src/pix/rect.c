#include "pix/rect.h"

static int min(int a, int b)
{
	return a < b ? a : b;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

bool rect_empty(struct rect r)
{
	return r.w <= 0 || r.h <= 0;
}

bool rect_equal(struct rect a, struct rect b)
{
	return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h;
}

struct rect rect_intersect(struct rect a, struct rect b)
{
	int x = max(a.x, b.x), y = max(a.y, b.y);
	int right = min(a.x + a.w, b.x + b.w), bottom = min(a.y + a.h, b.y + b.h);
	if (right <= x || bottom <= y)
		return (struct rect){ x, y, 0, 0 };
	return (struct rect){ x, y, right - x, bottom - y };
}

struct rect rect_clip(struct rect r, int w, int h)
{
	return rect_intersect(r, (struct rect){ 0, 0, w, h });
}

bool rect_contains(struct rect outer, struct rect inner)
{
	return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.w <= outer.x + outer.w &&
	       inner.y + inner.h <= outer.y + outer.h;
}

struct rect rect_union(struct rect a, struct rect b)
{
	if (rect_empty(a))
		return b;
	if (rect_empty(b))
		return a;
	int x = min(a.x, b.x), y = min(a.y, b.y);
	return (struct rect){ x, y, max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y };
}
