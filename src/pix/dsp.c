#include "pix/dsp.h"

static bool row_differs(const uint32_t *a, const uint32_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] ^ b[i]) & 0xffffff)
			return true;
	return false;
}

static size_t run_length(const uint32_t *px, size_t n)
{
	size_t i = 1;
	while (i < n && px[i] == px[0])
		i++;
	return i;
}

static void shift_channels(
	uint32_t *to, const uint32_t *from, size_t n, unsigned red, unsigned green, unsigned blue)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (from[i] >> 16 & 0xff) << red | (from[i] >> 8 & 0xff) << green |
			(from[i] & 0xff) << blue;
}

static void pack_low24(uint8_t *to, const uint32_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++, to += 3) {
		to[0] = (uint8_t)from[i];
		to[1] = (uint8_t)(from[i] >> 8);
		to[2] = (uint8_t)(from[i] >> 16);
	}
}

static void pack_high24(uint8_t *to, const uint32_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++, to += 3) {
		to[0] = (uint8_t)(from[i] >> 16);
		to[1] = (uint8_t)(from[i] >> 8);
		to[2] = (uint8_t)from[i];
	}
}

void pix_dsp_init(struct pix_dsp *d, unsigned mask)
{
	*d = (struct pix_dsp){
		.row_differs = row_differs,
		.run_length = run_length,
		.shift_channels = shift_channels,
		.pack_low24 = pack_low24,
		.pack_high24 = pack_high24,
	};
	pix_dsp_init_cpu(d, mask);
}
