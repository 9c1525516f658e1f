/* The value of an Authorization header: what is accepted can be written again and
 * read as the same; the key id and the signing string never read past it. */
#include <stdlib.h>
#include <string.h>

#include "crypto/http_date.h"
#include "crypto/http_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every header is there, and says its own name. */
static const char *field(void *data, const char *name)
{
	(void)data;
	return name;
}

static int sign_again(void *data, const void *text, size_t n, struct ssh_signature *out)
{
	const struct http_signature *s = data;
	(void)text;
	(void)n;
	out->algorithm = s->algorithm;
	out->n = s->n_bytes;
	memcpy(out->bytes, s->bytes, s->n_bytes);
	return OK;
}

static void check_again(struct http_signature *s)
{
	char value[HTTP_SIGNATURE_VALUE_MAX];
	struct http_signature again;
	if (http_signature_build("GET", "/", "x", s->key_id, sign_again, s, value, sizeof(value)) ||
		http_signature_parse(value, strlen(value), &again) ||
		strcmp(again.key_id, s->key_id) != 0 ||
		strcmp(again.algorithm, s->algorithm) != 0 || again.n_bytes != s->n_bytes ||
		memcmp(again.bytes, s->bytes, s->n_bytes) != 0)
		abort();
}

static void check_text(const struct http_signature *s)
{
	const struct http_signature_request r = { .method = "GET", .target = "/", .field = field };
	struct buf text;
	size_t lines = 1;
	buf_init(&text, HTTP_SIGNATURE_TEXT_MAX);
	if (s->n_headers < 1 || http_signature_text(s, &r, &text) != OK)
		abort();
	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	if (lines != (size_t)s->n_headers)
		abort();
	buf_fini(&text);
}

static void check_date(const uint8_t *data, size_t size)
{
	char text[HTTP_DATE_TEXT];
	int64_t at;
	if (http_date_parse((const char *)data, size, &at) != OK)
		return;
	http_date_put(at, text);
	if (memcmp(text, data, 17) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_signature s;
	struct http_signature_key key;
	char fingerprint[SSH_KEY_SHA256];
	check_date(data, size);
	if (http_signature_parse((const char *)data, size, &s) != OK)
		return 0;
	if (!http_signature_is_one((const char *)data, size))
		abort();
	check_again(&s);
	check_text(&s);
	if (http_signature_split_key_id(s.key_id, &key) == OK &&
		(ssh_key_parse_fingerprint(key.fingerprint, fingerprint) != OK ||
			strcmp(fingerprint, key.fingerprint) != 0))
		abort();
	return 0;
}
