#include "net/out_queue.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_MIN = 4 * 1024, CHUNK_MAX = 64 * 1024 };

struct out_chunk {
	struct out_chunk *next;
	size_t begin, end, cap;
	uint8_t data[];
};

static struct out_chunk *add_chunk(struct out_queue *q, size_t n)
{
	size_t cap = n < CHUNK_MIN ? CHUNK_MIN : n > CHUNK_MAX ? CHUNK_MAX : n;
	struct out_chunk *c = malloc(sizeof(*c) + cap);
	if (!c)
		return NULL;
	*c = (struct out_chunk){ .cap = cap };
	if (q->last)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
	return c;
}

int out_queue_put(struct out_queue *q, const void *data, size_t n)
{
	const uint8_t *p = data;
	while (n > 0) {
		struct out_chunk *c = q->last;
		if (!c || c->end == c->cap)
			c = add_chunk(q, n);
		if (!c)
			return ERR_NOMEM;
		size_t part = c->cap - c->end < n ? c->cap - c->end : n;
		memcpy(c->data + c->end, p, part);
		c->end += part;
		q->len += part;
		p += part;
		n -= part;
	}
	return OK;
}

size_t out_queue_peek(const struct out_queue *q, struct iovec *parts, size_t max)
{
	size_t n = 0;
	for (struct out_chunk *c = q->first; c && n < max; c = c->next)
		parts[n++] = (struct iovec){ c->data + c->begin, c->end - c->begin };
	return n;
}

void out_queue_consume(struct out_queue *q, size_t n)
{
	assert(n <= q->len);
	q->len -= n;
	while (q->first && n >= q->first->end - q->first->begin) {
		struct out_chunk *c = q->first;
		n -= c->end - c->begin;
		q->first = c->next;
		if (!q->first)
			q->last = NULL;
		free(c);
	}
	if (q->first)
		q->first->begin += n;
}

void out_queue_fini(struct out_queue *q)
{
	out_queue_consume(q, q->len);
}
