#include "wire.h"

#include <string.h>

void wire_put(struct buf *b, unsigned first, bool masked, const void *payload, size_t n)
{
	static uint8_t key;
	key++;
	struct ws_head h = { first & 0x80, first & 15, masked, { key, 8, 7, key }, n };
	uint8_t head[WS_HEAD_MAX];
	buf_put(b, head, ws_head_write(&h, head));
	size_t at = b->len;
	if (n > 0)
		buf_put(b, payload, n);
	if (masked && n > 0)
		ws_mask(b->data + at, n, h.mask, 0);
}

void wire_put_close(struct buf *b, bool masked, unsigned code, const char *reason)
{
	uint8_t payload[125] = { (uint8_t)(code >> 8), (uint8_t)code };
	size_t n = strlen(reason);
	memcpy(payload + 2, reason, n);
	wire_put(b, 0x88, masked, payload, code ? 2 + n : 0);
}

void wire_reader_init(struct wire_reader *r, bool masked, size_t payload_max)
{
	*r = (struct wire_reader){ .masked = masked };
	buf_init(&r->in, 64 * 1024 * 1024);
	buf_init(&r->payload, payload_max);
	buf_init(&r->lens, 16 * 1024 * 1024);
}

void wire_reader_fini(struct wire_reader *r)
{
	buf_fini(&r->in);
	buf_fini(&r->payload);
	buf_fini(&r->lens);
}

static void take_close(struct wire_reader *r, const uint8_t *p, size_t n)
{
	r->close_code = n < 2 ? 1005 : (unsigned)(p[0] << 8 | p[1]);
	if (n > 2)
		memcpy(r->reason, p + 2, n - 2);
}

static bool take_data(struct wire_reader *r, const struct ws_head *h, const uint8_t *p)
{
	if ((h->opcode == WS_CONTINUATION) != r->open || h->opcode == WS_TEXT)
		return false;
	if (h->len > 0)
		buf_put(&r->payload, p, (size_t)h->len);
	r->frames++;
	r->len += (uint32_t)h->len;
	r->open = !h->fin;
	if (h->fin) {
		buf_put_u32(&r->lens, r->len);
		r->len = 0;
	}
	return !buf_ok(&r->payload) && !buf_ok(&r->lens);
}

bool wire_read(struct wire_reader *r)
{
	struct rd in = rd_of(r->in.data, r->in.len);
	bool fine = true;
	while (fine && in.left > 0) {
		struct rd before = in;
		struct ws_head h;
		int err = ws_head_parse(&in, &h);
		if (err == ERR_AGAIN || (!err && in.left < h.len)) {
			in = before;
			break;
		}
		fine = !err && h.masked == r->masked && !r->close_code;
		if (!fine)
			break;
		uint8_t *p = (uint8_t *)(uintptr_t)rd_bytes(&in, (size_t)h.len);
		if (h.masked && h.len > 0)
			ws_mask(p, (size_t)h.len, h.mask, 0);
		r->pings += h.opcode == WS_PING;
		r->pongs += h.opcode == WS_PONG;
		if (h.opcode == WS_CLOSE)
			take_close(r, p, (size_t)h.len);
		else if (h.opcode < WS_CLOSE)
			fine = take_data(r, &h, p);
	}
	buf_consume(&r->in, r->in.len - in.left);
	return fine;
}
