#pragma once
#include <stdint.h>

#include "net/loop.h"

/* A one-shot timer for what is not urgent: up to a second late, never early, and
 * later when many are due at once (a few are called in each turn, so that a
 * thousand of them delay nothing else). It costs no handle. The storage is the
 * caller's; zeroed but for fire and ctx it is idle. */
struct loop_coarse {
	void (*fire)(void *ctx);
	void *ctx;
	uint64_t due_s; /* private, as the next ones */
	struct loop_coarse *next, *prev;
};

void loop_coarse_start(
	struct loop *l, struct loop_coarse *t, unsigned delay_s); /* again: moves it */
void loop_coarse_stop(struct loop *l, struct loop_coarse *t);     /* idle: nothing */

static inline bool loop_coarse_active(const struct loop_coarse *t)
{
	return t->next;
}
