#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The event loop: libuv behind our names. One thread owns a loop and all that
 * hangs on it; only loop_wake_send() may be called from elsewhere. Handles are
 * made by create and ended by destroy (NULL is fine), which may be called from
 * inside the handle's own callback; no callback comes after destroy. */
struct loop;

struct loop *loop_create(void); /* NULL: no memory or no descriptors */
/* All handles must have been destroyed. Runs what is left of their closing. */
void loop_destroy(struct loop *l);
/* Runs until loop_stop(), asleep when nothing is to do. Returns OK, or ERR_IO
 * when the loop itself fails. */
MUST_USE int loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Runs what is ready, waits at most until the next event or timer (not at all
 * when a timer or a task was run), returns. */
void loop_turn(struct loop *l);

/* A one-shot timer. */
struct loop_timer;
struct loop_timer *loop_timer_create(struct loop *l, void (*fire)(void *ctx), void *ctx);
void loop_timer_start(struct loop_timer *t, uint64_t delay_ms); /* again: moves it */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_active(const struct loop_timer *t);
void loop_timer_destroy(struct loop_timer *t);

/* Readiness of a descriptor, which stays the caller's and is made non-blocking.
 * One at a time for a descriptor; destroy it before the descriptor is closed.
 * NULL: no memory, or nothing that can be polled (a regular file). */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_io;
struct loop_io *loop_io_create(
	struct loop *l, int fd, void (*ready)(void *ctx, int events), void *ctx);
/* Bits of LOOP_READ and LOOP_WRITE; 0 stops. A hang-up shows as readable. */
void loop_io_want(struct loop_io *io, int events);
void loop_io_destroy(struct loop_io *io);

/* The ready list: `run` is called once, later in this turn or in the next one,
 * before the loop sleeps. For work that must not nest or must yield to others.
 * The storage is the caller's; zeroed is idle. */
struct loop_task {
	void (*run)(void *ctx);
	void *ctx;
	struct loop_task *next, *prev; /* private */
};
void loop_task_queue(struct loop *l, struct loop_task *t);  /* queued already: nothing */
void loop_task_cancel(struct loop *l, struct loop_task *t); /* not queued: nothing */

/* Called before every sleep, for sources whose bytes may sit in a library's
 * queue (xcb). */
struct loop_hook;
struct loop_hook *loop_hook_create(struct loop *l, void (*before_sleep)(void *ctx), void *ctx);
void loop_hook_destroy(struct loop_hook *h);

/* Wakes the loop from any thread; several sends may make one call. */
struct loop_wake;
struct loop_wake *loop_wake_create(struct loop *l, void (*woken)(void *ctx), void *ctx);
void loop_wake_send(struct loop_wake *w); /* any thread */
void loop_wake_destroy(struct loop_wake *w);

struct loop_signal;
struct loop_signal *loop_signal_create(
	struct loop *l, int signum, void (*caught)(void *ctx), void *ctx);
void loop_signal_destroy(struct loop_signal *s);
