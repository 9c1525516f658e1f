#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/buf.h"

/* One deflate stream that lives as long as its encoder; a zeroed one is valid
 * and takes no memory until it is first used. Must not move in memory then. */
struct zout {
	z_stream z;
	bool open;
	int level, strategy; /* as last set */
};

/* deflate's level for a viewer's compression level, -1 (it names none) to 9. */
int zout_level(int compress);
/* True where time counts more than bytes: strategies that search less pay. */
bool zout_fast(int compress);

void zout_fini(struct zout *s);
/* Before the first write of a rectangle: makes the stream, or changes level
 * and strategy (deflateInit2) where they differ, which may put a few bytes. */
MUST_USE int zout_begin(struct zout *s, int level, int strategy, struct buf *out);
/* Compresses n bytes into `out`. `last` flushes, so that the other end can read
 * everything written. n may be 0 only with `last`. */
MUST_USE int zout_write(struct zout *s, const void *p, size_t n, bool last, struct buf *out);
