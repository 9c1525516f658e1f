/* A response's head, whole and cut at some byte: the answer must not depend on the
 * cut, texts lie inside the head. It is then judged as a WebSocket's. */
#include <stdlib.h>
#include <string.h>

#include "http/ws_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct http_text t, const uint8_t *data, size_t size)
{
	const char *start = (const char *)data;
	if (t.n > 0 && (t.p < start || t.p + t.n > start + size || memchr(t.p, '\n', t.n) ||
			       memchr(t.p, 0, t.n)))
		abort();
}

static void check_head(const struct answer_head *h, const uint8_t *data, size_t size)
{
	struct http_text protocol;
	if (size > HTTP_HEAD_MAX || memcmp(data + size - 2, "\r\n", 2) != 0)
		abort();
	if (h->status < 100 || h->status > 599 || (h->chunked && h->content_length >= 0))
		abort();
	check_text(h->reason, data, size);
	for (int i = 0; i < h->n_fields; i++) {
		check_text(h->fields[i].name, data, size);
		check_text(h->fields[i].value, data, size);
	}
	if (!ws_hello_check(h, "dGhlIHNhbXBsZSBub25jZQ==", "binary", &protocol) &&
		protocol.n != 0 && !http_text_is(protocol, "binary"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_head h;
	struct rd in = rd_of(data, size);
	int err = answer_head_parse(&in, &h);
	if (err ? in.left != size : in.left >= size)
		abort();
	if (!err)
		check_head(&h, data, size - in.left);
	if (size == 0)
		return 0;
	struct rd part = rd_of(data, data[size - 1] * size / 256);
	int part_err = answer_head_parse(&part, &h);
	if (part_err != ERR_AGAIN && part_err != err)
		abort();
	return 0;
}
