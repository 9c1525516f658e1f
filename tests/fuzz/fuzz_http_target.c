/* A path and a query of any bytes: what is decoded is text without control
 * characters, ended by a 0, and no segment leads elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "http/query.h"
#include "http/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s, size_t n)
{
	if (s[n] != '\0' || strlen(s) != n || !utf8_valid(s, n))
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			abort();
}

static void check_path(struct http_text path)
{
	static const char *const patterns[] = { "/", "/a", "/:x", "/a/:x/b/:y" };
	struct route_path split;
	struct route_captures c;
	if (!route_split(path, &split))
		return;
	for (int i = 0; i < split.n; i++) {
		struct http_text s = split.segments[i];
		check_text(s.p, s.n);
		if (s.n == 0 || strchr(s.p, '/') || !strcmp(s.p, ".") || !strcmp(s.p, ".."))
			abort();
	}
	int matches = 0;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		matches += route_match(patterns[i], &split, &c);
	if (matches > 2)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_text all = { (const char *)data, size };
	struct query_item item;
	check_path(all);
	while (query_next(&all, &item) == OK) {
		check_text(item.name, strlen(item.name));
		check_text(item.value, strlen(item.value));
	}
	return 0;
}
