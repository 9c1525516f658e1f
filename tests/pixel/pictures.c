#include "pictures.h"

#include <stdlib.h>

const char *const picture_names[PICTURES] = { "noise", "flat", "text", "soft text", "icons",
	"gradient", "photo", "desktop", "lcd text" };

uint32_t picture_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static uint32_t hash(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t h = a * 2654435761u ^ b * 2246822519u ^ c * 3266489917u;
	h ^= h >> 15;
	h *= 2654435761u;
	return h ^ h >> 13;
}

/* Is the pixel ink? Glyphs of 8 x 16 with 6 x 10 of strokes, words and lines. */
static uint32_t ink(int x, int y, uint32_t seed)
{
	if (x < 0 || y < 0)
		return 0;
	uint32_t cx = (uint32_t)x / 8, cy = (uint32_t)y / 16, gx = (uint32_t)x % 8,
		 gy = (uint32_t)y % 16;
	uint32_t letter = hash(cx, cy, seed) % 40;
	if (letter > 33 || gx > 5 || gy < 3 || gy > 12 || cx > 10 + hash(cy, seed, 7) % 200)
		return 0;
	uint32_t strokes = hash(letter, 1, 2);
	return (gx % 5 == 0 && strokes >> (gx / 5) & 1) ||
	       (gy % 4 == 3 && strokes >> (2 + gy / 4) & 1 && gx < 5);
}

static uint32_t soft_text(int x, int y, uint32_t seed)
{
	uint32_t v = ink(x, y, seed) * 6 + ink(x - 1, y, seed) * 2 + ink(x, y - 1, seed);
	uint32_t grey = 255 - (v > 8 ? 8 : v) * 27;
	uint32_t other = 255 - (ink(x + 1, y, seed) * 3 + v > 8 ? 8 : v) * 26;
	return grey << 16 | other << 8 | grey;
}

/* Serifs fill what ink() leaves free, edges differ in red and blue. */
static uint32_t dense_ink(int x, int y, uint32_t seed)
{
	return x >= 0 && y >= 0 && y % 14 > 2 && y % 14 < 12 &&
	       (x % 7 == 2 ||
		       hash((uint32_t)x / 7, (uint32_t)y / 14, seed) >> (x % 7 * 3 + y % 3) & 1) &&
	       x % 7 < 5;
}

static uint32_t lcd_text(int x, int y, uint32_t seed)
{
	uint32_t left = dense_ink(x - 1, y, seed), here = dense_ink(x, y, seed),
		 right = dense_ink(x + 1, y, seed), light = 150 + (uint32_t)y / 3 % 100,
		 soft = 60 + hash((uint32_t)x % 7, (uint32_t)y, seed) % 8 * 5;
	uint32_t r = 240 - left * soft - here * 120, g = 240 - here * 160 - (left + right) * 20,
		 b = 240 - right * soft - here * 120;
	return r * light / 255 << 16 | g * light / 255 << 8 | b * light / 255;
}

static uint32_t byte_of(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint32_t)v;
}

static uint32_t photo(int x, int y, uint32_t seed)
{
	int big = abs((x + (int)(seed % 97)) % 340 - 170), tall = abs(y % 260 - 130);
	int disc = big * big + tall * tall < 8000 ? 60 : 0;
	int grain = (int)(hash((uint32_t)x, (uint32_t)y, seed) % 13);
	int r = 40 + big + disc + grain, g = 60 + tall + grain / 2 + disc / 2,
	    b = 200 - (big + tall) / 2 + grain;
	return byte_of(r) << 16 | byte_of(g) << 8 | byte_of(b);
}

static uint32_t icons(int x, int y, uint32_t seed)
{
	static const uint32_t colours[16] = { 0x000000, 0xffffff, 0xff0000, 0x00ff00, 0x0000ff,
		0xc0c0c0, 0x808080, 0x336699, 0xffff00, 0x00ffff, 0xff00ff, 0x123456, 0xfedcba,
		0x804020, 0x208040, 0x402080 };
	uint32_t block = hash((uint32_t)x / 12, (uint32_t)y / 12, seed);
	if (block % 3 == 0)
		return colours[hash((uint32_t)x, (uint32_t)y, seed) % 16];
	return colours[block % 16];
}

static uint32_t desktop(int x, int y, uint32_t seed)
{
	if (y < 24)
		return 0xdfdfdf;
	if (x > 400 && x < 740 && y > 100 && y < 340)
		return photo(x, y, seed);
	if (x % 500 < 420 && y % 300 < 260)
		return y % 300 < 20 ? 0x2b4f81 : soft_text(x, y, seed);
	return 0x3a6ea5;
}

static uint32_t pixel(enum picture kind, int x, int y, uint32_t seed)
{
	switch (kind) {
	case PICTURE_NOISE: return hash((uint32_t)x, (uint32_t)y, seed) & 0xffffff;
	case PICTURE_FLAT: return hash(seed, 5, 5) & 0xffffff;
	case PICTURE_TEXT: return ink(x, y, seed) ? 0x101010 : 0xfdf6e3;
	case PICTURE_SOFT_TEXT: return soft_text(x, y, seed);
	case PICTURE_ICONS: return icons(x, y, seed);
	case PICTURE_GRADIENT:
		return (uint32_t)(x / 2 & 255) << 16 | (uint32_t)(y & 255) << 8 |
		       ((uint32_t)(x + y) / 4 & 255);
	case PICTURE_PHOTO: return photo(x, y, seed);
	case PICTURE_DESKTOP: return desktop(x, y, seed);
	case PICTURE_LCD_TEXT: return lcd_text(x, y, seed);
	case PICTURES: break;
	}
	return 0;
}

void picture_paint(enum picture kind, uint32_t seed, const struct pix_canvas *to)
{
	for (int y = 0; y < to->h; y++)
		for (int x = 0; x < to->w; x++)
			*pix_canvas_at(to, x, y) = pixel(kind, x, y, seed);
}
