#pragma once
#include <stdint.h>
#include <uv.h>

#include "net/loop.h"
#include "net/loop_coarse.h"

/* What the streams of net/ share with the loop; nobody else includes this. */

/* One read of one stream: what a neighbour's key press waits for at most. */
enum { LOOP_READ_SIZE = 32 * 1024 }; /* at most STREAM_READ_MAX less a TLS record */

/* A closed stream that still writes what it had queued belongs to the loop,
 * which ends it if it is destroyed first. */
struct loop_orphan {
	void (*end)(struct loop_orphan *self); /* must call loop_orphan_remove() */
	struct loop_orphan *next, *prev;
};

/* The threads of resolver.c; counted. */
struct resolver_threads;
void resolver_threads_unref(struct resolver_threads *t); /* NULL is fine */
/* Coarse timers by the second in which they are due; one handle for all. */
enum { LOOP_WHEEL_SLOTS = 64 };
struct loop_wheel {
	uv_timer_t timer;
	bool waits;        /* the timer is set, for next_s */
	uint64_t next_s;   /* seconds of uv_hrtime() */
	uint64_t turned_s; /* slots up to this second have been emptied */
	struct loop_coarse due;
	struct loop_coarse slots[LOOP_WHEEL_SLOTS];
};

struct loop {
	uv_loop_t uv;
	uv_idle_t idle;             /* active while tasks wait: keeps the loop from sleeping */
	uv_prepare_t anchor;        /* keeps an empty loop running (asleep) */
	bool turning;               /* inside loop_turn() */
	bool ran;                   /* a timer or a task was called in this turn */
	struct loop_task tasks;     /* head of the ready list, a ring */
	struct loop_orphan orphans; /* head of a ring */
	struct resolver_threads *resolver; /* NULL until a name is looked up */
	struct loop_wheel wheel;
	/* Bytes just read, valid only inside the callback they are given to. */
	uint8_t read_buf[LOOP_READ_SIZE];
};

void loop_wheel_init(struct loop *l);
void loop_orphan_add(struct loop *l, struct loop_orphan *o);
void loop_orphan_remove(struct loop_orphan *o);
