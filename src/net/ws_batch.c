#include "net/ws_batch.h"

#include <string.h>

/* Writes a head of n bytes' payload, returns its size. */
bool ws_batch_put(struct ws_batch *b, uint8_t *data, size_t n, const struct ws_batch_frame *f)
{
	struct ws_head h = { .fin = f->fin, .masked = f->masked, .len = n };
	size_t head_len = b->frames ? ws_head_size(&h) : 0;
	uint8_t key[4], *to = b->begin + b->len;
	if (b->begin && (size_t)(data - to) < head_len)
		return false;
	h.opcode = b->open ? WS_CONTINUATION : WS_BINARY;
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
	b->n_messages += f->fin;
	b->open = !f->fin;
	return true;
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
	*b = (struct ws_batch){ .frames = b->frames, .open = b->open };
}
