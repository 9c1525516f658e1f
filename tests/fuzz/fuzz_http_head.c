/* A request head, whole and cut at some byte: the answer must not depend on the
 * cut, what is consumed ends with the blank line, texts lie inside it. */
#include <stdlib.h>
#include <string.h>

#include "http/origin.h"
#include "http/upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct http_text t, const uint8_t *data, size_t size)
{
	const char *start = (const char *)data;
	if (t.p < start || t.p + t.n > start + size || memchr(t.p, '\n', t.n) ||
		memchr(t.p, 0, t.n))
		abort();
}

static void check_request(const struct http_request *r, const uint8_t *data, size_t size)
{
	static const char *const hosts[] = { "a.example", "b:1", NULL };
	const struct origin_rules rules = { .port = 5900, .hosts = hosts, .origins = hosts };
	char accept[UPGRADE_ACCEPT_TEXT];
	if (size > HTTP_HEAD_MAX || memcmp(data + size - 2, "\r\n", 2) != 0)
		abort();
	check_text(r->method, data, size);
	check_text(r->path, data, size);
	check_text(r->query, data, size);
	for (int i = 0; i < r->n_fields; i++) {
		check_text(r->fields[i].name, data, size);
		check_text(r->fields[i].value, data, size);
	}
	if (r->chunked && r->content_length >= 0)
		abort();
	origin_check(&rules, r);
	if (upgrade_is_wanted(r) && upgrade_check(r, accept) == 0 && strlen(accept) != 28)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request r;
	struct rd in = rd_of(data, size);
	int status = 0, part_status = 0;
	int err = http_request_parse(&in, &r, &status);
	if (err ? in.left != size : in.left >= size)
		abort();
	if (!err)
		check_request(&r, data, size - in.left);
	if (size == 0)
		return 0;
	struct rd part = rd_of(data, data[size - 1] * size / 256);
	int part_err = http_request_parse(&part, &r, &part_status);
	if (part_err != ERR_AGAIN && (part_err != err || part_status != status))
		abort();
	return 0;
}
