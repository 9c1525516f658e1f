#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"

/* Bytes in a ring that grows: put at the end, dropped from the front, looked at in
 * between. Its memory goes when it is empty. Zeroed is empty. */
struct tunnel_tail {
	uint8_t *ring;
	size_t cap; /* a power of two, or 0 */
	size_t at;  /* of the first byte */
	size_t len;
};

/* ERR_NOMEM: nothing was put. The ceiling is the caller's. */
MUST_USE int tunnel_tail_put(struct tunnel_tail *t, const void *data, size_t n);
void tunnel_tail_drop(struct tunnel_tail *t, size_t n); /* n <= len */
/* Points at n bytes from `offset` on (offset + n <= len); returns 0 to 2 parts. */
size_t tunnel_tail_peek(
	const struct tunnel_tail *t, size_t offset, size_t n, struct iovec parts[2]);
void tunnel_tail_fini(struct tunnel_tail *t);
