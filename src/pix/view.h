#pragma once
#include <stddef.h>
#include <stdint.h>

#include "pix/rect.h"

/* Pixels that somebody else owns, one uint32_t each. Unless a comment says
 * otherwise the value is 0x00RRGGBB in the machine's byte order and the top
 * byte is 0: Porthole's one internal format. */
struct pix_view {
	const uint32_t *px;
	int stride; /* pixels from one row to the next */
	int w, h;
};

/* The same, to be written. */
struct pix_canvas {
	uint32_t *px;
	int stride;
	int w, h;
};

static inline const uint32_t *pix_view_at(const struct pix_view *v, int x, int y)
{
	return v->px + (ptrdiff_t)y * v->stride + x;
}

static inline uint32_t *pix_canvas_at(const struct pix_canvas *c, int x, int y)
{
	return c->px + (ptrdiff_t)y * c->stride + x;
}

/* The part of v under r, which must lie inside it. */
static inline struct pix_view pix_view_sub(const struct pix_view *v, struct rect r)
{
	return (struct pix_view){ pix_view_at(v, r.x, r.y), v->stride, r.w, r.h };
}

static inline struct pix_view pix_canvas_view(const struct pix_canvas *c)
{
	return (struct pix_view){ c->px, c->stride, c->w, c->h };
}
