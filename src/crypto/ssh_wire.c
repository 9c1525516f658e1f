#include "crypto/ssh_wire.h"

#include <string.h>

struct rd ssh_wire_string(struct rd *r)
{
	uint32_t n = rd_u32(r);
	const uint8_t *p = rd_bytes(r, n);
	return rd_of(p, p ? n : 0);
}

struct rd ssh_wire_mpint(struct rd *r)
{
	struct rd s = ssh_wire_string(r);
	bool padded = s.left > 1 && s.p[0] == 0 && s.p[1] & 0x80;
	if (s.left == 0 || s.p[0] & 0x80 || (s.p[0] == 0 && !padded)) {
		r->short_read = 1;
		return rd_of(NULL, 0);
	}
	if (padded)
		rd_skip(&s, 1);
	return s;
}

bool ssh_wire_is(const struct rd *r, const char *text)
{
	size_t n = strlen(text);
	return r->left == n && (n == 0 || memcmp(r->p, text, n) == 0);
}

void ssh_wire_put_string(struct buf *b, const void *data, size_t n)
{
	if (n > UINT32_MAX) {
		b->bad = b->bad ? b->bad : ERR_LIMIT;
		return;
	}
	buf_put_u32(b, (uint32_t)n);
	buf_put(b, data, n);
}

void ssh_wire_put_mpint(struct buf *b, const uint8_t *magnitude, size_t n)
{
	for (; n > 0 && *magnitude == 0; n--)
		magnitude++;
	size_t pad = n > 0 && magnitude[0] & 0x80;
	buf_put_u32(b, (uint32_t)(n + pad));
	buf_put_zero(b, pad);
	buf_put(b, magnitude, n);
}
