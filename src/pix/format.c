#include "pix/format.h"

const struct pix_format pix_format_native = {
	.bpp = 32,
	.depth = 24,
	.true_colour = true,
	.red_max = 255,
	.green_max = 255,
	.blue_max = 255,
	.red_shift = 16,
	.green_shift = 8,
};

/* The bits one channel takes in a pixel, or 0 when it cannot lie there. */
static uint32_t channel_bits(uint16_t max, uint8_t shift, uint8_t bpp)
{
	if (max == 0 || (max & (max + 1)) != 0 || shift >= bpp)
		return 0;
	uint64_t bits = (uint64_t)max << shift;
	return bits >> bpp ? 0 : (uint32_t)bits;
}

bool pix_format_valid(const struct pix_format *f)
{
	if (f->bpp != 8 && f->bpp != 16 && f->bpp != 32)
		return false;
	if (f->depth < 1 || f->depth > f->bpp)
		return false;
	if (!f->true_colour)
		return f->bpp == 8;

	uint32_t r = channel_bits(f->red_max, f->red_shift, f->bpp);
	uint32_t g = channel_bits(f->green_max, f->green_shift, f->bpp);
	uint32_t b = channel_bits(f->blue_max, f->blue_shift, f->bpp);
	return r && g && b && !(r & g) && !(r & b) && !(g & b);
}

bool pix_format_equal(const struct pix_format *a, const struct pix_format *b)
{
	return a->bpp == b->bpp && a->depth == b->depth && a->big_endian == b->big_endian &&
	       a->true_colour == b->true_colour && a->red_max == b->red_max &&
	       a->green_max == b->green_max && a->blue_max == b->blue_max &&
	       a->red_shift == b->red_shift && a->green_shift == b->green_shift &&
	       a->blue_shift == b->blue_shift;
}

int pix_format_bytes(const struct pix_format *f)
{
	return f->bpp / 8;
}

void pix_format_put(struct buf *out, const struct pix_format *f)
{
	buf_put_u8(out, f->bpp);
	buf_put_u8(out, f->depth);
	buf_put_u8(out, f->big_endian);
	buf_put_u8(out, f->true_colour);
	buf_put_u16(out, f->red_max);
	buf_put_u16(out, f->green_max);
	buf_put_u16(out, f->blue_max);
	buf_put_u8(out, f->red_shift);
	buf_put_u8(out, f->green_shift);
	buf_put_u8(out, f->blue_shift);
	buf_put_zero(out, 3);
}

void pix_format_parse(struct rd *in, struct pix_format *f)
{
	f->bpp = rd_u8(in);
	f->depth = rd_u8(in);
	f->big_endian = rd_u8(in) != 0;
	f->true_colour = rd_u8(in) != 0;
	f->red_max = rd_u16(in);
	f->green_max = rd_u16(in);
	f->blue_max = rd_u16(in);
	f->red_shift = rd_u8(in);
	f->green_shift = rd_u8(in);
	f->blue_shift = rd_u8(in);
	rd_skip(in, 3);
}
