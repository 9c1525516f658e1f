#include "net/ws_batch.h"

#include <string.h>

enum {
	SMALL_HEAD = 2,      /* of a frame of at most SMALL_MAX bytes without its mask */
	SMALL_MAX = 125,     /* bytes, which the first length byte can say */
	BINARY_FRAME = 0x82, /* all of a message */
	MASKED = 0x80,
	MASK = 4,
};

bool ws_batch_put(struct ws_batch *b, uint8_t *data, size_t n, const struct ws_batch_frame *f)
{
	struct ws_head h = { .fin = true, .opcode = WS_BINARY, .masked = f->masked, .len = f->len };
	bool begins = b->frames && b->rest == 0;
	size_t head_len = begins ? ws_head_size(&h) : 0;
	uint8_t key[4], *to = b->begin + b->len;
	if (b->begin && (size_t)(data - to) < head_len)
		return false;
	memcpy(h.mask, f->mask, sizeof(h.mask));
	if (head_len > 0)
		ws_head_write(&h, b->begin ? to : b->head);
	if (b->begin) {
		to += head_len;
		b->len += head_len;
	} else {
		b->head_len = head_len;
		b->begin = to = data;
	}
	memcpy(key, f->key, sizeof(key));
	for (size_t i = 0; b->frames && f->masked && i < sizeof(key); i++)
		key[i] ^= f->mask[i];
	ws_mask_move(to, data, n, key, 0);
	b->len += n;
	b->payload += n;
	b->n_messages += f->ends;
	if (b->frames)
		b->rest = (begins ? f->len : b->rest) - n;
	return true;
}

size_t ws_batch_take(struct ws_batch *b, uint8_t *data, size_t n, bool masked)
{
	const size_t head_in = SMALL_HEAD + (masked ? MASK : 0);
	const size_t head_out = b->frames ? SMALL_HEAD : 0;
	const unsigned flag = masked ? MASKED : 0;
	const uint8_t *from = data, *end = data + n;
	uint8_t *to = b->begin ? b->begin + b->len : data + head_in - head_out;
	uint8_t *begin = to;
	size_t n_messages = 0;
	while (b->rest == 0 && (size_t)(end - from) >= head_in) {
		size_t len = from[1] ^ flag;
		uint8_t key[MASK] = { 0 };
		if (from[0] != BINARY_FRAME || len > SMALL_MAX ||
			len > (size_t)(end - from) - head_in)
			break;
		if (masked)
			memcpy(key, from + SMALL_HEAD, MASK);
		if (head_out > 0) {
			to[0] = BINARY_FRAME;
			to[1] = (uint8_t)len;
		}
		ws_mask_from_start(to + head_out, from + head_in, len, key);
		from += head_in + len;
		to += head_out + len;
		n_messages++;
	}
	if (n_messages == 0)
		return 0;
	if (!b->begin)
		b->begin = begin;
	b->len = (size_t)(to - b->begin);
	b->payload += (size_t)(from - data) - n_messages * head_in;
	b->n_messages += n_messages;
	return (size_t)(from - data);
}

size_t ws_batch_parts(struct ws_batch *b, struct iovec parts[WS_BATCH_PARTS])
{
	size_t n = 0;
	if (b->begin && b->head_len > 0)
		parts[n++] = (struct iovec){ b->head, b->head_len };
	if (b->begin && b->len > 0)
		parts[n++] = (struct iovec){ b->begin, b->len };
	return n;
}

void ws_batch_reset(struct ws_batch *b)
{
	*b = (struct ws_batch){ .frames = b->frames, .rest = b->rest };
}
