#include "net/ws_frame.h"

#include <string.h>

enum {
	FIN = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	MASKED = 0x80,
	LEN = 0x7f,
	LEN_16 = 126,
	LEN_64 = 127,
	CONTROL = 8, /* bit of an opcode */
	CONTROL_MAX = 125,
};

static bool opcode_known(unsigned op)
{
	return op <= WS_BINARY || (op >= WS_CLOSE && op <= WS_PONG);
}

/* Bytes of a length that follow the first two of a head. */
static size_t len_bytes_of(unsigned first)
{
	return first < LEN_16 ? 0 : first == LEN_16 ? 2 : 8;
}

/* False when a shorter form would have done, or the top bit is set. */
static bool read_len(const uint8_t *p, size_t n, uint64_t *len)
{
	for (size_t i = 0; i < n; i++)
		*len = (i ? *len : 0) << 8 | p[i];
	return *len <= INT64_MAX && *len >= (n == 8 ? UINT16_MAX + 1 : n == 2 ? LEN_16 : 0);
}

/* Called for each frame, of which there may be hundreds in one read: so it looks at
 * the bytes itself. */
int ws_head_parse(struct rd *in, struct ws_head *out)
{
	const uint8_t *p = in->p;
	if (in->left < 2)
		return ERR_AGAIN;
	unsigned b0 = p[0], b1 = p[1], op = b0 & OPCODE;
	if ((b0 & RESERVED) || !opcode_known(op))
		return ERR_PROTO;
	if ((op & CONTROL) && (!(b0 & FIN) || (b1 & LEN) > CONTROL_MAX))
		return ERR_PROTO;
	size_t n = len_bytes_of(b1 & LEN), mask_at = 2 + n;
	size_t size = mask_at + (b1 & MASKED ? sizeof(out->mask) : 0);
	out->len = b1 & LEN;
	if (in->left < mask_at)
		return ERR_AGAIN;
	if (!read_len(p + 2, n, &out->len))
		return ERR_PROTO;
	if (in->left < size)
		return ERR_AGAIN;
	out->fin = b0 & FIN;
	out->opcode = op;
	out->masked = b1 & MASKED;
	memset(out->mask, 0, sizeof(out->mask));
	if (out->masked)
		memcpy(out->mask, p + mask_at, sizeof(out->mask));
	in->p += size;
	in->left -= size;
	return OK;
}

/* Bytes of a length that follow the first two of a head. */
static size_t len_size(uint64_t len)
{
	return len < LEN_16 ? 0 : len <= UINT16_MAX ? 2 : 8;
}

size_t ws_head_size(const struct ws_head *h)
{
	return 2 + len_size(h->len) + (h->masked ? sizeof(h->mask) : 0);
}

size_t ws_head_write(const struct ws_head *h, uint8_t out[WS_HEAD_MAX])
{
	size_t n = 2, len_bytes = len_size(h->len);
	unsigned first = len_bytes == 0 ? (unsigned)h->len : len_bytes == 2 ? LEN_16 : LEN_64;
	out[0] = (uint8_t)((h->fin ? FIN : 0) | h->opcode);
	out[1] = (uint8_t)((h->masked ? MASKED : 0) | first);
	for (size_t i = 0; i < len_bytes; i++)
		out[n++] = (uint8_t)(h->len >> 8 * (len_bytes - 1 - i));
	if (h->masked) {
		memcpy(out + n, h->mask, sizeof(h->mask));
		n += sizeof(h->mask);
	}
	return n;
}

void ws_mask_move(
	uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4], uint64_t offset)
{
	uint8_t turned[4];
	ws_mask_turn(turned, mask, offset);
	ws_mask_from_start(to, from, n, turned);
}

void ws_mask(uint8_t *data, size_t n, const uint8_t mask[4], uint64_t offset)
{
	ws_mask_move(data, data, n, mask, offset);
}
