#pragma once
#include <stddef.h>

#include "net/address.h"
#include "net/loop.h"

/* Connects to the first of several addresses that answers: one after the other,
 * the next begins when one fails or 250 ms later, the first that connects wins
 * (RFC 8305 section 5). Waits without end: the caller has a timer. */
struct dial_race;

/* Called once. `fd` is the callee's; or -1 with an errno. */
typedef void dial_race_done_fn(void *ctx, int fd, int error);

/* At most RESOLVER_ADDRESSES_MAX; copied. NULL: no memory. on_done is never
 * called from inside, and ends the race. */
struct dial_race *dial_race_start(struct loop *l, const struct address *list, size_t n,
	dial_race_done_fn *on_done, void *ctx);
void dial_race_cancel(struct dial_race *r); /* NULL is fine */
