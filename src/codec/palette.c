#include "codec/palette.h"

#include <string.h>

static unsigned slot_of(const struct palette *p, uint32_t colour)
{
	unsigned s = colour * 2654435761u >> 23; /* the upper 9 bits: PALETTE_SLOTS */
	while (p->slot[s] && p->colour[p->slot[s] - 1] != colour)
		s = (s + 1) % PALETTE_SLOTS;
	return s;
}

/* Half of the slots stay free, so that a search always ends. */
_Static_assert(PALETTE_SLOTS == 512 && PALETTE_MAX * 2 <= PALETTE_SLOTS, "hash fits");

static bool count(struct palette *p, uint32_t colour, uint32_t pixels, unsigned max)
{
	unsigned s = slot_of(p, colour);
	if (!p->slot[s]) {
		if (p->n == max)
			return false;
		p->colour[p->n] = colour;
		p->pixels[p->n] = 0;
		p->slot[s] = (uint16_t)++p->n;
	}
	p->pixels[p->slot[s] - 1u] += pixels;
	return true;
}

bool palette_fill(struct palette *p, const struct pix_view *v, unsigned max)
{
	p->n = 0;
	memset(p->slot, 0, sizeof(p->slot));
	uint32_t last = v->px[0], run = 0;
	for (int y = 0; y < v->h; y++) {
		const uint32_t *px = pix_view_at(v, 0, y);
		for (int x = 0; x < v->w; x++, run++) {
			if (px[x] == last)
				continue;
			if (!count(p, last, run, max))
				return false;
			last = px[x];
			run = 0;
		}
	}
	return count(p, last, run, max);
}

unsigned palette_index(const struct palette *p, uint32_t colour)
{
	return p->slot[slot_of(p, colour)] - 1u;
}

unsigned palette_most(const struct palette *p, int except)
{
	unsigned best = except == 0 ? 1 : 0;
	for (unsigned i = best + 1; i < p->n; i++)
		if ((int)i != except && p->pixels[i] > p->pixels[best])
			best = i;
	return best;
}
