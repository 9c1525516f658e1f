#include "tunnel/tunnel_tail.h"

#include <stdlib.h>
#include <string.h>

enum {
	CAP_MIN = 4 * 1024,
	CAP_KEPT = 64 * 1024, /* of an empty one: sparing the next burst its growth */
};

static int grow(struct tunnel_tail *t, size_t need)
{
	size_t cap = t->cap ? t->cap : CAP_MIN;
	while (cap < need) {
		if (cap > SIZE_MAX / 2)
			return ERR_NOMEM;
		cap *= 2;
	}
	if (cap == t->cap)
		return OK;
	uint8_t *ring = malloc(cap);
	if (!ring)
		return ERR_NOMEM;
	struct iovec parts[2];
	size_t n = tunnel_tail_peek(t, 0, t->len, parts), done = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(ring + done, parts[i].iov_base, parts[i].iov_len);
		done += parts[i].iov_len;
	}
	free(t->ring);
	t->ring = ring;
	t->cap = cap;
	t->at = 0;
	return OK;
}

int tunnel_tail_put(struct tunnel_tail *t, const void *data, size_t n)
{
	if (n == 0)
		return OK;
	if (n > SIZE_MAX - t->len || grow(t, t->len + n))
		return ERR_NOMEM;
	size_t end = (t->at + t->len) & (t->cap - 1);
	size_t first = n < t->cap - end ? n : t->cap - end;
	memcpy(t->ring + end, data, first);
	memcpy(t->ring, (const uint8_t *)data + first, n - first);
	t->len += n;
	return OK;
}

void tunnel_tail_drop(struct tunnel_tail *t, size_t n)
{
	t->len -= n;
	if (t->len == 0 && t->cap > CAP_KEPT)
		tunnel_tail_fini(t);
	else if (t->cap > 0)
		t->at = t->len == 0 ? 0 : (t->at + n) & (t->cap - 1);
}

size_t tunnel_tail_peek(const struct tunnel_tail *t, size_t offset, size_t n, struct iovec parts[2])
{
	if (n == 0)
		return 0;
	size_t from = (t->at + offset) & (t->cap - 1);
	size_t first = n < t->cap - from ? n : t->cap - from;
	parts[0] = (struct iovec){ t->ring + from, first };
	if (first == n)
		return 1;
	parts[1] = (struct iovec){ t->ring, n - first };
	return 2;
}

void tunnel_tail_fini(struct tunnel_tail *t)
{
	free(t->ring);
	*t = (struct tunnel_tail){ 0 };
}
