#pragma once
#include <stddef.h>

#include "net/address.h"
#include "net/loop.h"

/* Names to addresses, by getaddrinfo(3) in a thread for each name, at most 8 at
 * once for a loop. A thread that hangs in a name server outlives its query and
 * its loop, and touches neither. */
struct resolver_query;

enum { RESOLVER_ADDRESSES_MAX = 8 };

/* Called once; `list` is borrowed, in the order to try. n = 0: `why` is a
 * sentence. */
typedef void resolver_done_fn(void *ctx, const struct address *list, size_t n, const char *why);

/* `host`: a name, or a numeric address, which needs no thread. NULL: no memory.
 * on_done is never called from inside, and ends the query. */
struct resolver_query *resolver_start(
	struct loop *l, const char *host, int port, resolver_done_fn *on_done, void *ctx);
void resolver_cancel(struct resolver_query *q); /* NULL is fine */
