#include "http/percent.h"

#include "base/utf8.h"
#include "http/syntax.h"

/* One decoded byte, or -1; moves `in` past what it was made of. */
static int take_byte(struct http_text *in, bool plus)
{
	size_t n = *in->p == '%' ? 3 : 1;
	int byte = (unsigned char)*in->p;
	if (n > in->n)
		return -1;
	if (n == 3) {
		int high = syntax_hex_digit((unsigned char)in->p[1]);
		int low = syntax_hex_digit((unsigned char)in->p[2]);
		byte = high < 0 || low < 0 ? -1 : high << 4 | low;
	} else if (plus && byte == '+') {
		byte = ' ';
	}
	in->p += n;
	in->n -= n;
	return byte < ' ' || byte == 0x7f ? -1 : byte;
}

int percent_decode(struct http_text in, bool plus, char *out, size_t cap, size_t *n_out)
{
	size_t n = 0;
	while (in.n > 0) {
		int byte = take_byte(&in, plus);
		if (byte < 0)
			return ERR_PROTO;
		if (n + 1 >= cap)
			return ERR_LIMIT;
		out[n++] = (char)byte;
	}
	if (cap == 0)
		return ERR_LIMIT;
	out[n] = '\0';
	*n_out = n;
	return utf8_valid(out, n) ? OK : ERR_PROTO;
}
