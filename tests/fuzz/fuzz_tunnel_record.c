/* Records of a resumable channel: what does not parse consumes nothing, and what does
 * is written again as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "tunnel/tunnel_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_with_put(const struct tunnel_record *r, const uint8_t *from, size_t n)
{
	uint8_t bytes[TUNNEL_RECORD_MAX];
	struct buf b = { .data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes) };
	tunnel_record_put(&b, r);
	if (buf_ok(&b) || b.len != n || memcmp(b.data, from, n) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	struct tunnel_record r;
	while (in.left > 0) {
		struct rd before = in;
		if (tunnel_record_parse(&in, &r)) {
			if (in.p != before.p || in.left != before.left)
				abort();
			break;
		}
		compare_with_put(&r, before.p, before.left - in.left);
		rd_skip(&in, r.data_len < in.left ? r.data_len : in.left);
	}
	return 0;
}
