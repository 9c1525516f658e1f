#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A read cursor over borrowed bytes, big-endian. Reading past the end returns 0
 * and sets .short_read; parsers read a whole message and test rd_ok() once. */
struct rd {
	const uint8_t *p;
	size_t left;
	int short_read;
};

static inline struct rd rd_of(const void *p, size_t n)
{
	return (struct rd){ .p = p, .left = n };
}

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
int32_t rd_s32(struct rd *r);
void rd_skip(struct rd *r, size_t n);
/* The next n bytes, borrowed from what the reader was made of; NULL if short. */
const uint8_t *rd_bytes(struct rd *r, size_t n);

static inline int rd_ok(const struct rd *r)
{
	return r->short_read ? ERR_AGAIN : OK;
}
