#pragma once
#include "net/loop.h"

/* Asks an HTTP proxy for a tunnel (CONNECT, RFC 9110 section 9.3.6) over a
 * connected socket, which stays the caller's. Not one byte of what follows the
 * proxy's answer is read. */
struct dial_proxy;

/* Called once. NULL: the socket leads to the target; else a sentence, borrowed. */
typedef void dial_proxy_done_fn(void *ctx, const char *why);

/* `host` must be clean of control characters and blanks. `login` is
 * "user:password" or NULL. NULL: no memory. on_done is never called from inside,
 * and ends it. */
struct dial_proxy *dial_proxy_start(struct loop *l, int fd, const char *host, int port,
	const char *login, dial_proxy_done_fn *on_done, void *ctx);
void dial_proxy_cancel(struct dial_proxy *p); /* NULL is fine */
