#include <string.h>
#include <strings.h>

#include "http/head.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool http_text_is(struct http_text t, const char *s)
{
	return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0;
}

bool http_text_is_nocase(struct http_text t, const char *s)
{
	return t.n == strlen(s) && strncasecmp(t.p, s, t.n) == 0;
}

struct http_text http_text_trim(struct http_text t)
{
	while (t.n > 0 && is_blank(t.p[0])) {
		t.p++;
		t.n--;
	}
	while (t.n > 0 && is_blank(t.p[t.n - 1]))
		t.n--;
	return t;
}

bool http_text_next(struct http_text *list, struct http_text *item)
{
	while (list->n > 0) {
		size_t n = 0;
		while (n < list->n && list->p[n] != ',')
			n++;
		*item = http_text_trim((struct http_text){ list->p, n });
		if (n < list->n)
			n++; /* the comma */
		list->p += n;
		list->n -= n;
		if (item->n > 0)
			return true;
	}
	return false;
}

bool http_text_has_token(struct http_text list, const char *token)
{
	struct http_text item;
	while (http_text_next(&list, &item))
		if (http_text_is_nocase(item, token))
			return true;
	return false;
}

const struct http_text *http_request_field(const struct http_request *r, const char *name)
{
	for (int i = 0; i < r->n_fields; i++)
		if (http_text_is_nocase(r->fields[i].name, name))
			return &r->fields[i].value;
	return NULL;
}

bool http_request_field_is_repeated(const struct http_request *r, const char *name)
{
	int n = 0;
	for (int i = 0; i < r->n_fields; i++)
		n += http_text_is_nocase(r->fields[i].name, name);
	return n > 1;
}

static bool find_cookie(struct http_text list, const char *name, struct http_text *value)
{
	while (list.n > 0) {
		const char *end = memchr(list.p, ';', list.n);
		size_t n = end ? (size_t)(end - list.p) : list.n;
		struct http_text pair = http_text_trim((struct http_text){ list.p, n });
		const char *equals = memchr(pair.p, '=', pair.n);
		size_t n_name = equals ? (size_t)(equals - pair.p) : 0;
		if (equals && http_text_is((struct http_text){ pair.p, n_name }, name)) {
			*value = (struct http_text){ equals + 1, pair.n - n_name - 1 };
			return true;
		}
		list.p += end ? n + 1 : n;
		list.n -= end ? n + 1 : n;
	}
	return false;
}

bool http_request_cookie(const struct http_request *r, const char *name, struct http_text *value)
{
	for (int i = 0; i < r->n_fields; i++)
		if (http_text_is_nocase(r->fields[i].name, "Cookie") &&
			find_cookie(r->fields[i].value, name, value))
			return true;
	return false;
}

bool http_request_has_token(const struct http_request *r, const char *name, const char *token)
{
	for (int i = 0; i < r->n_fields; i++)
		if (http_text_is_nocase(r->fields[i].name, name) &&
			http_text_has_token(r->fields[i].value, token))
			return true;
	return false;
}
