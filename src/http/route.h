#pragma once
#include <stdbool.h>

#include "http/head.h"

/* Paths taken apart, and compared with patterns like
 * "/api/runs/:id/commands/:commandId/ack". Pure. */
enum { ROUTE_SEGMENTS_MAX = 12, ROUTE_CAPTURES_MAX = 4, ROUTE_BYTES_MAX = 1024 };

/* The segments of a path, decoded. It must not be moved: the texts point into it. */
struct route_path {
	int n;
	struct http_text segments[ROUTE_SEGMENTS_MAX]; /* each ended by a 0 not counted */
	char bytes[ROUTE_BYTES_MAX];
};

/* What stood where the pattern has a ':', in its order; texts of the route_path. */
struct route_captures {
	int n;
	struct http_text texts[ROUTE_CAPTURES_MAX];
};

/* "/" has no segments. False for a path that no route of ours has: an empty segment
 * (so no '/' at the end), "." or "..", a '/' or a control character that was encoded,
 * an encoding that is wrong or not UTF-8, too many segments or bytes. */
bool route_split(struct http_text path, struct route_path *out);
/* A segment ":name" of the pattern takes any segment. */
bool route_match(const char *pattern, const struct route_path *path, struct route_captures *out);
