#include "http/asset.h"

#include <stdlib.h>
#include <string.h>

#include "http/head.h"

static int compare(const void *key, const void *member)
{
	const struct http_text *path = key;
	const struct asset *a = member;
	size_t len = strlen(a->path);
	int order = memcmp(path->p, a->path, path->n < len ? path->n : len);
	return order ? order : (path->n > len) - (path->n < len);
}

const struct asset *asset_find(const struct asset_table *t, const char *path, size_t path_len)
{
	struct http_text key = { path, path_len };
	if (http_text_is(key, "/"))
		key = (struct http_text){ "/index.html", strlen("/index.html") };
	if (t->n == 0)
		return NULL;
	return bsearch(&key, t->assets, t->n, sizeof(*t->assets), compare);
}
