#include "base/utf8.h"

#include <string.h>

/* Bytes that follow a first byte, -1 when it is none; `least` and `most` bound the
 * second byte, RFC 3629 section 4. */
static int following(uint8_t first, uint8_t *least, uint8_t *most)
{
	*least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0x80)
		return 0;
	if (first < 0xc2 || first > 0xf4)
		return -1;
	return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

static size_t skip_ascii(const uint8_t *p, size_t i, size_t n)
{
	for (uint64_t word; n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word & 0x8080808080808080u)
			break;
	}
	return i;
}

bool utf8_valid(const void *text, size_t n)
{
	const uint8_t *p = text;
	for (size_t i = skip_ascii(p, 0, n); i < n; i = skip_ascii(p, i, n)) {
		uint8_t least, most;
		int more = following(p[i++], &least, &most);
		if (more < 0 || n - i < (size_t)more)
			return false;
		for (; more > 0; more--, i++) {
			if (p[i] < least || p[i] > most)
				return false;
			least = 0x80;
			most = 0xbf;
		}
	}
	return true;
}

size_t utf8_cut(const char *text, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *out)
{
	uint8_t least, most;
	int more = n > 0 ? following(p[0], &least, &most) : -1;
	if (more < 0 || n <= (size_t)more || (more > 0 && (p[1] < least || p[1] > most)))
		return 0;
	uint32_t c = more == 0 ? p[0] : p[0] & (0x3fu >> more);
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	*out = c;
	return (size_t)more + 1;
}
