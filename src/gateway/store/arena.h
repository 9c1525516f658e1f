#pragma once
#include <stddef.h>

#include "base/err.h"

/* Memory that is given back all at once: what one request needs. Zeroed is empty.
 * Nothing is thread-safe. */
struct arena {
	struct arena_block *blocks;
	char *next; /* free, inside the newest block */
	size_t left;
	size_t total; /* bytes of all blocks */
};

void arena_fini(struct arena *a); /* frees all; the arena is empty again */
/* Aligned for anything, not zeroed. NULL: no memory. */
void *arena_take(struct arena *a, size_t n);
char *arena_text(struct arena *a, const char *text, size_t n); /* a copy with an ending 0 */
char *arena_print(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
