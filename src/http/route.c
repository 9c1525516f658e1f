#include "http/route.h"

#include <string.h>

#include "http/percent.h"

static bool is_plain(struct http_text segment)
{
	return segment.n > 0 && !memchr(segment.p, '/', segment.n) && !http_text_is(segment, ".") &&
	       !http_text_is(segment, "..");
}

bool route_split(struct http_text path, struct route_path *out)
{
	size_t used = 0;
	out->n = 0;
	if (path.n == 0 || path.p[0] != '/')
		return false;
	while (path.n > 1) {
		struct http_text raw = { path.p + 1, path.n - 1 };
		const char *slash = memchr(raw.p, '/', raw.n);
		if (slash)
			raw.n = (size_t)(slash - raw.p);
		size_t n = 0;
		char *at = out->bytes + used;
		if (out->n == ROUTE_SEGMENTS_MAX ||
			percent_decode(raw, false, at, sizeof(out->bytes) - used, &n))
			return false;
		out->segments[out->n] = (struct http_text){ at, n };
		if (!is_plain(out->segments[out->n++]))
			return false;
		used += n + 1;
		path.p += raw.n + 1;
		path.n -= raw.n + 1;
	}
	return path.n == 0 || out->n == 0; /* else a '/' is left at the end */
}

bool route_match(const char *pattern, const struct route_path *path, struct route_captures *out)
{
	const char *p = pattern;
	out->n = 0;
	for (int i = 0; i < path->n; i++) {
		struct http_text segment = path->segments[i];
		if (*p++ != '/')
			return false;
		size_t n = strcspn(p, "/");
		if (*p == ':' && out->n < ROUTE_CAPTURES_MAX)
			out->texts[out->n++] = segment;
		else if (n != segment.n || memcmp(p, segment.p, n) != 0)
			return false;
		p += n;
	}
	return *p == '\0' || (path->n == 0 && strcmp(p, "/") == 0);
}
