/* A chunked body, whole and cut at some byte: the outcome and the bytes must not
 * depend on the cut, and what is carried is never more than the ceiling or than
 * what came. */
#include <stdlib.h>
#include <string.h>

#include "http/chunked.h"

enum { BODY_MAX = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	int err;
	size_t taken;
	struct buf body;
};

static struct outcome take(const uint8_t *data, size_t size, size_t cut)
{
	struct outcome o;
	struct chunked c = { 0 };
	struct rd in = rd_of(data, cut);
	buf_init(&o.body, BODY_MAX);
	o.err = chunked_take(&c, &in, &o.body);
	o.taken = cut - in.left;
	if (o.err == ERR_AGAIN) {
		if (in.left > 0)
			abort();
		in = rd_of(data + cut, size - cut);
		o.err = chunked_take(&c, &in, &o.body);
		o.taken = size - in.left;
	}
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = take(data, size, size);
	struct outcome parts = take(data, size, size > 0 ? data[size - 1] * size / 256 : 0);
	if (whole.err != parts.err || whole.taken != parts.taken ||
		whole.body.len != parts.body.len || whole.body.len > whole.taken)
		abort();
	if (whole.body.len > 0 && memcmp(whole.body.data, parts.body.data, whole.body.len) != 0)
		abort();
	buf_fini(&whole.body);
	buf_fini(&parts.body);
	return 0;
}
