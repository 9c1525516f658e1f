#pragma once
#include "net/loop.h"
#include "net/stream.h"

/* A stream over a connected TCP or Unix socket. Takes `fd` on success: made
 * non-blocking, TCP_NODELAY and TCP_NOTSENT_LOWAT (128 KiB) set where they
 * apply. `queue_max` is the ceiling of unsent bytes. NULL: no memory. */
struct stream *socket_stream_create(struct loop *l, int fd, size_t queue_max);
