#include "pix/convert.h"

#include <string.h>

/* What a colour map viewer's map is filled with: BGR233. */
static const struct pix_format map_format = {
	.bpp = 8,
	.depth = 8,
	.true_colour = true,
	.red_max = 7,
	.green_max = 7,
	.blue_max = 3,
	.red_shift = 0,
	.green_shift = 3,
	.blue_shift = 6,
};

static void init_channel(struct pix_channel *c, uint32_t max, uint8_t shift)
{
	c->shift = shift;
	c->bits = (uint8_t)__builtin_popcount(max);
	for (uint32_t i = 0; i < 256; i++)
		c->value[i] = (i * max + 127) / 255 << shift;
	/* Of a wider channel the upper eight bits are the byte again. */
	uint32_t top = max < 255 ? max : 255;
	for (uint32_t i = 0; i < 256; i++)
		c->back[i] = (uint8_t)(i < top ? (i * 255 + top / 2) / top : 255);
}

void pix_convert_init(struct pix_convert *c, const struct pix_format *format)
{
	const struct pix_format *f = format->true_colour ? format : &map_format;
	c->format = *format;
	pix_dsp_init(&c->dsp, (unsigned)PIX_CPU_ALL);
	init_channel(&c->red, f->red_max, f->red_shift);
	init_channel(&c->green, f->green_max, f->green_shift);
	init_channel(&c->blue, f->blue_max, f->blue_shift);
	c->bytes = c->red.bits == 8 && c->green.bits == 8 && c->blue.bits == 8;
	c->identity = c->bytes && f->red_shift == 16 && f->green_shift == 8 && f->blue_shift == 0;
}

uint32_t pix_convert_one(const struct pix_convert *c, uint32_t rgb)
{
	return c->red.value[rgb >> 16 & 0xff] | c->green.value[rgb >> 8 & 0xff] |
	       c->blue.value[rgb & 0xff];
}

static uint32_t channel_back(const struct pix_channel *c, uint32_t value)
{
	uint32_t v = value >> c->shift & ((1u << c->bits) - 1);
	return c->back[c->bits > 8 ? v >> (c->bits - 8) : v];
}

uint32_t pix_convert_back(const struct pix_convert *c, uint32_t value)
{
	return channel_back(&c->red, value) << 16 | channel_back(&c->green, value) << 8 |
	       channel_back(&c->blue, value);
}

void pix_convert_row(const struct pix_convert *c, const uint32_t *from, uint32_t *to, size_t n)
{
	if (c->identity)
		memmove(to, from, n * sizeof(*to));
	else if (c->bytes)
		c->dsp.shift_channels(to, from, n, c->red.shift, c->green.shift, c->blue.shift);
	else
		for (size_t i = 0; i < n; i++)
			to[i] = pix_convert_one(c, from[i]);
}

void pix_convert_row_back(const struct pix_convert *c, const uint32_t *from, uint32_t *to, size_t n)
{
	if (c->identity)
		for (size_t i = 0; i < n; i++)
			to[i] = from[i] & 0xffffff;
	else
		for (size_t i = 0; i < n; i++)
			to[i] = pix_convert_back(c, from[i]);
}

void pix_convert_view(
	const struct pix_convert *c, const struct pix_view *from, const struct pix_canvas *to)
{
	for (int y = 0; y < from->h; y++)
		pix_convert_row(
			c, pix_view_at(from, 0, y), pix_canvas_at(to, 0, y), (size_t)from->w);
}
