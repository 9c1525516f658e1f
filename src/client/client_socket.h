#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "client/client.h"

/* A struct client on a socket of its own, driven by poll(): for tests and
 * benchmarks, which have no loop. One thread. */
struct client_socket {
	int fd;                /* non-blocking; -1: closed */
	struct client *client; /* borrowed */
	uint64_t received;     /* bytes, for statistics */
};

/* Connects to `address` (as net/address.h reads it). OK, ERR_PROTO (not an
 * address) or ERR_IO; on failure there is nothing to close. */
MUST_USE int client_socket_open(struct client_socket *s, const char *address, struct client *c);
void client_socket_close(struct client_socket *s); /* twice is fine */
/* Sends what waits and feeds what comes, until done(ctx) (OK; NULL: never) or
 * clock_now_us() reaches until_us (ERR_AGAIN). ERR_IO: the server is gone; other
 * errors as of client_feed(). done() is asked after every read. */
MUST_USE int client_socket_pump(
	struct client_socket *s, uint64_t until_us, bool (*done)(void *ctx), void *ctx);
/* One turn without waiting, for a poll loop of the caller: sends what can be sent,
 * reads once. ERR_AGAIN: there was nothing to read. */
MUST_USE int client_socket_turn(struct client_socket *s);
/* What poll() should ask of `fd` now: POLLIN, and POLLOUT while output waits. */
short client_socket_events(const struct client_socket *s);
