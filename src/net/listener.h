#pragma once
#include "base/log.h"
#include "net/address.h"
#include "net/loop.h"

/* A listening socket. Pauses for 100 ms and goes on when descriptors run out,
 * instead of spinning. */
struct listener;

/* Called with a connected descriptor, which the callee takes. */
typedef void listener_accept_fn(void *ctx, int fd, const struct address *peer);

/* Binds and listens. A Unix socket is made 0600 and unlinked at destroy; one
 * that nobody answers on is replaced. NULL with errno set: EADDRINUSE ... */
struct listener *listener_create(struct loop *l, const struct log *log, const struct address *a,
	listener_accept_fn *on_accept, void *ctx);
void listener_destroy(struct listener *l); /* NULL is fine */
/* Where it listens, with the port the kernel chose for port 0. */
const struct address *listener_address(const struct listener *l);
