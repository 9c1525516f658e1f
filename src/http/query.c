#include "http/query.h"

#include <string.h>

#include "http/percent.h"

/* What stands before the first `c`, which is taken too; all when there is none. */
static struct http_text take_until(struct http_text *t, char c)
{
	const char *end = t->n > 0 ? memchr(t->p, c, t->n) : NULL;
	struct http_text front = { t->p, end ? (size_t)(end - t->p) : t->n };
	size_t n = front.n + (end ? 1 : 0);
	t->p += n;
	t->n -= n;
	return front;
}

int query_next(struct http_text *query, struct query_item *item)
{
	struct http_text value = { NULL, 0 };
	size_t n = 0;
	while (value.n == 0 && query->n > 0)
		value = take_until(query, '&');
	if (value.n == 0)
		return ERR_AGAIN;
	struct http_text name = take_until(&value, '=');
	int err = percent_decode(name, true, item->name, sizeof(item->name), &n);
	if (!err && n == 0)
		err = ERR_PROTO;
	if (!err)
		err = percent_decode(value, true, item->value, sizeof(item->value), &n);
	return err;
}
