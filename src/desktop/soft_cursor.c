#include "desktop/soft_cursor.h"

#include "desktop/desktop_private.h"

static struct rect place(const struct desktop *d)
{
	const struct cursor *c = &d->cursor;
	struct rect r = { c->x - c->hot_x, c->y - c->hot_y, c->w, c->h };
	return rect_clip(r, d->shadow.w, d->shadow.h);
}

static bool draws_none(const struct viewer *v)
{
	return v->state == VIEWER_RUNNING && !(v->features & FEATURE_ANY_CURSOR);
}

static void damage(struct desktop *d)
{
	if (!d->cursor.placed)
		return;
	for (struct viewer *v = d->viewers; v; v = v->next)
		if (draws_none(v))
			region_add_rect(&v->dirty, place(d));
}

void soft_cursor_moved(struct desktop *d, int x, int y)
{
	damage(d);
	d->cursor.x = x;
	d->cursor.y = y;
	d->cursor.placed = true;
	damage(d);
}

void soft_cursor_changed(struct viewer *v)
{
	if (v->desktop->cursor.placed)
		region_add_rect(&v->dirty, place(v->desktop));
}

bool soft_cursor_over(const struct viewer *v, struct rect r)
{
	const struct desktop *d = v->desktop;
	return d->cursor.placed && draws_none(v) && !rect_empty(rect_intersect(place(d), r));
}

/* One premultiplied pixel over another, each channel rounded. */
static uint32_t over(uint32_t top, uint32_t below)
{
	uint32_t rest = 255 - (top >> 24), out = 0;
	for (int shift = 0; shift < 24; shift += 8) {
		uint32_t c = (top >> shift & 255) + ((below >> shift & 255) * rest + 127) / 255;
		out |= (c > 255 ? 255 : c) << shift;
	}
	return out;
}

void soft_cursor_blend(const struct desktop *d, struct rect r, const struct pix_canvas *to)
{
	const struct cursor *c = &d->cursor;
	struct rect part = rect_intersect(place(d), r);
	for (int y = part.y; y < part.y + part.h; y++) {
		for (int x = part.x; x < part.x + part.w; x++) {
			int cx = x - (c->x - c->hot_x), cy = y - (c->y - c->hot_y);
			uint32_t *px = pix_canvas_at(to, x - r.x, y - r.y);
			*px = over(c->argb[cy * c->w + cx], *px);
		}
	}
}
