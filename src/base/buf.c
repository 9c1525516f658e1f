#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->bad = OK;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	b->len -= n;
	if (b->len > 0 && n > 0)
		memmove(b->data, b->data + n, b->len);
}

void buf_truncate(struct buf *b, size_t len)
{
	if (len < b->len)
		b->len = len;
}

static int reserve(struct buf *b, size_t n)
{
	if (b->bad)
		return b->bad;
	if (n > b->max - b->len)
		return b->bad = ERR_LIMIT;
	if (b->len + n <= b->cap)
		return OK;

	size_t cap = b->cap ? b->cap : b->max < 256 ? b->max : 256;
	while (cap < b->len + n)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	uint8_t *data = realloc(b->data, cap);
	if (!data)
		return b->bad = ERR_NOMEM;
	b->data = data;
	b->cap = cap;
	return OK;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
	/* At least one byte, so that success is never NULL. */
	return reserve(b, n > 0 ? n : 1) ? NULL : b->data + b->len;
}

void buf_added(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->len);
	b->len += n;
}

void buf_put(struct buf *b, const void *src, size_t n)
{
	if (n == 0 || reserve(b, n))
		return;
	memcpy(b->data + b->len, src, n);
	b->len += n;
}

void buf_put_zero(struct buf *b, size_t n)
{
	if (n == 0 || reserve(b, n))
		return;
	memset(b->data + b->len, 0, n);
	b->len += n;
}

static void store_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void store_u32(uint8_t *p, uint32_t v)
{
	store_u16(p, (uint16_t)(v >> 16));
	store_u16(p + 2, (uint16_t)v);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	uint8_t p[2];
	store_u16(p, v);
	buf_put(b, p, sizeof(p));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4];
	store_u32(p, v);
	buf_put(b, p, sizeof(p));
}

void buf_set_u16(struct buf *b, size_t at, uint16_t v)
{
	if (b->bad)
		return;
	assert(at + 2 <= b->len);
	store_u16(b->data + at, v);
}

void buf_set_u32(struct buf *b, size_t at, uint32_t v)
{
	if (b->bad)
		return;
	assert(at + 4 <= b->len);
	store_u32(b->data + at, v);
}
