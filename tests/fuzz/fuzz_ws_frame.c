/* A row of WebSocket frames. A head that parses is the only way to write it,
 * one that does not consumes nothing, and masking twice gives the bytes back. */
#include <stdlib.h>
#include <string.h>

#include "net/ws_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int ok)
{
	if (!ok)
		abort();
}

static void check_mask(const uint8_t *payload, size_t n, const struct ws_head *h)
{
	uint8_t *copy = malloc(n + 1);
	if (!copy)
		return;
	memcpy(copy, payload, n);
	size_t cut = n / 3;
	ws_mask(copy, cut, h->mask, 0);
	ws_mask(copy + cut, n - cut, h->mask, cut);
	ws_mask(copy, n, h->mask, 0);
	demand(memcmp(copy, payload, n) == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	struct ws_head h;
	uint8_t again[WS_HEAD_MAX];

	while (in.left > 0) {
		struct rd before = in;
		if (ws_head_parse(&in, &h)) {
			demand(in.p == before.p && in.left == before.left);
			break;
		}
		size_t used = before.left - in.left;
		demand(used >= 2 && used <= WS_HEAD_MAX);
		demand(ws_head_write(&h, again) == used && !memcmp(again, before.p, used));
		size_t n = h.len < in.left ? (size_t)h.len : in.left;
		const uint8_t *payload = rd_bytes(&in, n);
		if (payload && h.masked)
			check_mask(payload, n, &h);
	}
	return 0;
}
