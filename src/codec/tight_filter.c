#include "codec/tight_filter.h"

#include <string.h>

void tight_filter_start(struct tight_filter_state *f, const struct wire_pixel *p,
	enum tight_filter filter, const uint8_t *palette, unsigned colours)
{
	f->pixel = p;
	f->filter = filter;
	f->colours = colours;
	if (filter == TIGHT_PALETTE)
		wire_pixel_get(p, palette, f->palette, colours);
	if (filter == TIGHT_GRADIENT)
		memset(f->above, 0, sizeof(f->above));
}

static int undo_palette(
	const struct tight_filter_state *f, const uint8_t *from, uint32_t *to, int w)
{
	if (f->colours == 2) {
		for (int x = 0; x < w; x++)
			to[x] = f->palette[from[x / 8] >> (7 - x % 8) & 1];
		return OK;
	}
	for (int x = 0; x < w; x++) {
		if (from[x] >= f->colours)
			return ERR_PROTO;
		to[x] = f->palette[from[x]];
	}
	return OK;
}

static int clamp(int v, int max)
{
	return v < 0 ? 0 : v > max ? max : v;
}

/* Each channel was sent as its difference from left + above - above left. */
static void undo_gradient(struct tight_filter_state *f, const uint8_t *from, uint32_t *to, int w)
{
	const struct wire_pixel *p = f->pixel;
	const struct pix_convert *c = p->convert;
	static const int rgb_shifts[3] = { 16, 8, 0 };
	const struct pix_channel *channels[3] = { &c->red, &c->green, &c->blue };
	uint16_t left[3] = { 0 }, above_left[3] = { 0 };

	wire_pixel_load(p, from, to, (size_t)w);
	for (int x = 0; x < w; x++) {
		uint32_t px = 0;
		for (int i = 0; i < 3; i++) {
			int shift = p->rgb ? rgb_shifts[i] : channels[i]->shift;
			int max = (1 << channels[i]->bits) - 1;
			uint16_t *above = &f->above[x + 1][i];
			int guess = clamp(left[i] + *above - above_left[i], max);
			int v = (guess + (int)(to[x] >> shift & (uint32_t)max)) & max;
			above_left[i] = *above;
			*above = left[i] = (uint16_t)v;
			px |= (uint32_t)v << shift;
		}
		to[x] = px;
	}
	if (!p->rgb)
		pix_convert_row_back(c, to, to, (size_t)w);
}

int tight_filter_undo(struct tight_filter_state *f, const uint8_t *from, uint32_t *to, int w)
{
	switch (f->filter) {
	case TIGHT_PALETTE: return undo_palette(f, from, to, w);
	case TIGHT_GRADIENT: undo_gradient(f, from, to, w); return OK;
	case TIGHT_COPY: break;
	}
	wire_pixel_get(f->pixel, from, to, (size_t)w);
	return OK;
}
