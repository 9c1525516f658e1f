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

/* False when a shorter form would have done, or the top bit is set. */
static bool read_len(struct rd *r, unsigned first, uint64_t *len)
{
	*len = first;
	if (first == LEN_16) {
		*len = rd_u16(r);
		return *len >= LEN_16;
	}
	if (first == LEN_64) {
		uint64_t high = rd_u32(r);
		*len = high << 32 | rd_u32(r);
		return *len > UINT16_MAX && *len <= INT64_MAX;
	}
	return true;
}

int ws_head_parse(struct rd *in, struct ws_head *out)
{
	struct rd r = *in;
	unsigned b0 = rd_u8(&r), b1 = rd_u8(&r), op = b0 & OPCODE;
	if (rd_ok(&r))
		return ERR_AGAIN;
	*out = (struct ws_head){ .fin = b0 & FIN, .opcode = op, .masked = b1 & MASKED };
	if ((b0 & RESERVED) || !opcode_known(op))
		return ERR_PROTO;
	if ((op & CONTROL) && (!out->fin || (b1 & LEN) > CONTROL_MAX))
		return ERR_PROTO;
	bool shortest = read_len(&r, b1 & LEN, &out->len);
	if (rd_ok(&r))
		return ERR_AGAIN;
	if (!shortest)
		return ERR_PROTO;
	const uint8_t *mask = out->masked ? rd_bytes(&r, sizeof(out->mask)) : NULL;
	if (rd_ok(&r))
		return ERR_AGAIN;
	if (mask)
		memcpy(out->mask, mask, sizeof(out->mask));
	*in = r;
	return OK;
}

size_t ws_head_write(const struct ws_head *h, uint8_t out[WS_HEAD_MAX])
{
	size_t n = 2, len_bytes = h->len < LEN_16 ? 0 : h->len <= UINT16_MAX ? 2 : 8;
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

void ws_mask(uint8_t *data, size_t n, const uint8_t mask[4], uint64_t offset)
{
	uint8_t bytes[8];
	uint64_t key;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = mask[(offset + i) % 4];
	memcpy(&key, bytes, sizeof(key));
	/* In words of a register's size compilers make vectors of this. */
	size_t i = 0;
	for (; i + sizeof(key) <= n; i += sizeof(key)) {
		uint64_t word;
		memcpy(&word, data + i, sizeof(word));
		word ^= key;
		memcpy(data + i, &word, sizeof(word));
	}
	for (; i < n; i++)
		data[i] ^= bytes[i % 4];
}
