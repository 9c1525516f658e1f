#pragma once
#include <stddef.h>
#include <sys/uio.h>

#include "base/err.h"

/* Bytes waiting to be written: a list of chunks, so that a long queue is never
 * moved and its memory goes as it drains. Zeroed is empty. */
struct out_queue {
	struct out_chunk *first, *last;
	size_t len;
};

/* Copies n bytes to the end. ERR_NOMEM: some of them may have been put. */
MUST_USE int out_queue_put(struct out_queue *q, const void *data, size_t n);
/* Points up to `max` parts at the bytes from the front on; returns how many. */
size_t out_queue_peek(const struct out_queue *q, struct iovec *parts, size_t max);
void out_queue_consume(struct out_queue *q, size_t n); /* n <= len */
void out_queue_fini(struct out_queue *q);
