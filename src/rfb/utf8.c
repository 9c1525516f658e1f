#include "rfb/utf8.h"

static size_t length_of(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >> 5 == 0x6)
		return 2;
	if (first >> 4 == 0xe)
		return 3;
	return first >> 3 == 0x1e ? 4 : 0;
}

size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *out)
{
	/* The smallest character that needs as many bytes. */
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (n == 0)
		return 0;
	size_t len = length_of(p[0]);
	if (len == 0 || len > n)
		return 0;
	uint32_t c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}
