#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A growable byte buffer with a ceiling. Every buffer that a peer can fill
 * names its ceiling when it is made, so no code path has to remember to check.
 *
 * A failed append sets .bad and later appends do nothing: build a whole
 * message, then look at buf_ok() once. Integers are written big-endian. */
struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
	int bad; /* OK, or the first error: ERR_LIMIT or ERR_NOMEM */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);  /* frees; safe on a zeroed buf and twice */
void buf_reset(struct buf *b); /* empties, clears .bad, keeps the memory */
/* Removes n bytes from the front (all of them when n is larger). */
void buf_consume(struct buf *b, size_t n);
/* Cuts back to the first `len` bytes, to take back what was put since. */
void buf_truncate(struct buf *b, size_t len);

/* Makes room for n more bytes and returns where they start; len is not moved
 * (see buf_added). NULL when .bad is or becomes set. Valid until the next put. */
uint8_t *buf_room(struct buf *b, size_t n);
/* Counts n bytes written into buf_room() as content. */
void buf_added(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *src, size_t n);
void buf_put_zero(struct buf *b, size_t n);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
/* Overwrites the two or four bytes at offset `at`, which must be content already. */
void buf_set_u16(struct buf *b, size_t at, uint16_t v);
void buf_set_u32(struct buf *b, size_t at, uint32_t v);

static inline int buf_ok(const struct buf *b)
{
	return b->bad;
}
