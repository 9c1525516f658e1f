#include "marker.h"

#include <stdbool.h>

enum { BLACK = 0x000000, WHITE = 0xffffff };

static bool bit_of(uint32_t number, int row, int bit)
{
	return (number >> bit & 1) ^ (uint32_t)row;
}

void marker_paint(uint32_t *to, int stride, uint32_t number)
{
	for (int y = 0; y < MARKER_H; y++)
		for (int x = 0; x < MARKER_W; x++)
			to[y * stride + x] =
				bit_of(number, y / MARKER_BLOCK, x / MARKER_BLOCK) ? WHITE : BLACK;
}

/* The middle of a block: 1 white, 0 black, -1 neither. */
static int block_at(const struct pix_canvas *c, int x, int y)
{
	enum { DARK = 64, LIGHT = 192, GREEN = 8 };

	uint32_t px = *pix_canvas_at(c, x + MARKER_BLOCK / 2, y + MARKER_BLOCK / 2);
	uint32_t green = px >> GREEN & 0xff;
	if (green > DARK && green < LIGHT)
		return -1;
	return green >= LIGHT;
}

int marker_read(const struct pix_canvas *c, int x, int y)
{
	uint32_t number = 0;
	if (x + MARKER_W > c->w || y + MARKER_H > c->h)
		return -1;
	for (int i = 0; i < MARKER_BITS; i++) {
		int bit = block_at(c, x + i * MARKER_BLOCK, y);
		int inverted = block_at(c, x + i * MARKER_BLOCK, y + MARKER_BLOCK);
		if (bit < 0 || inverted < 0 || bit == inverted)
			return -1;
		number |= (uint32_t)bit << i;
	}
	return (int)number;
}
