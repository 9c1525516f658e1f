#include "net/ws_batch.h"

#include <string.h>

static size_t write_head(
	const struct ws_batch *b, size_t n, bool fin, const uint8_t *mask, uint8_t *out)
{
	struct ws_head h = {
		.fin = fin,
		.opcode = b->open ? WS_CONTINUATION : WS_BINARY,
		.masked = mask,
		.len = n,
	};
	if (mask)
		memcpy(h.mask, mask, sizeof(h.mask));
	return ws_head_write(&h, out);
}

bool ws_batch_put(struct ws_batch *b, uint8_t *data, size_t n, bool fin, const uint8_t *mask)
{
	uint8_t head[WS_HEAD_MAX];
	size_t head_len = b->frames ? write_head(b, n, fin, mask, head) : 0;
	if (!b->begin) {
		memcpy(b->head, head, head_len);
		b->head_len = head_len;
		b->begin = data;
	} else if ((size_t)(data - b->begin) - b->len < head_len) {
		return false;
	} else {
		memcpy(b->begin + b->len, head, head_len);
		b->len += head_len;
	}
	memmove(b->begin + b->len, data, n);
	if (b->frames && mask)
		ws_mask(b->begin + b->len, n, mask, 0);
	b->len += n;
	b->payload += n;
	b->n_messages += fin;
	b->open = !fin;
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
