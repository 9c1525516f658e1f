#pragma once
#include <stdlib.h>

/* zlib's memory through our own calls, so that a test can let each one fail. */
static inline void *zmem_alloc(void *opaque, unsigned n, unsigned size)
{
	(void)opaque;
	return calloc(n, size);
}

static inline void zmem_free(void *opaque, void *p)
{
	(void)opaque;
	free(p);
}
