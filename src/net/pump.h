#pragma once
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"
#include "net/stream.h"

/* Joins two streams, both ways. What one read gave is written at once; when the
 * kernel does not take all of it, the other side is not read until it has. So a
 * slow reader slows its writer, costs one read's bytes and slows nobody else.
 * Between two WebSockets a message of up to 64 KiB leaves as one, and a longer one as
 * several, none of them gathered or in fragments; text becomes binary.
 * Everything on the loop thread. */
struct pump;

enum { PUMP_A, PUMP_B };

enum pump_why {
	PUMP_CLOSED,  /* an end was closed in order; all it had sent was delivered */
	PUMP_LOST,    /* an end's connection broke, or it broke its protocol */
	PUMP_STALLED, /* an end took nothing for too long, or never came for so much */
	PUMP_IDLE,    /* nothing came from either end for too long */
	PUMP_EXPIRED, /* the longest time is over */
};

/* Zeroed: 60 s without progress, no other limits. */
struct pump_config {
	unsigned stall_s; /* 0: 60 */
	unsigned idle_s;  /* 0: no limit */
	unsigned max_s;   /* 0: no limit */
};

struct pump_stats {
	/* [PUMP_A]: what came from a. Payload; messages of a WebSocket, or reads. */
	uint64_t bytes[2], messages[2];
	uint64_t began_us;    /* clock_now_us() of pump_create() */
	uint64_t progress_us; /* of the last bytes either way; at first the same */
	/* From on_end on: which end it was (of PUMP_IDLE and PUMP_EXPIRED: PUMP_A),
	 * its error, and for a WebSocket how it was closed (ws_stream_close_code()). */
	int end, err;
	unsigned code;
};

/* Takes both streams on success; their events are the pump's from then on. `b` may be
 * NULL: at most 256 KB of a's bytes are kept until pump_join(), then a is not read.
 *
 * on_end comes once, never from inside a call on the pump; both streams have been
 * closed by then: the other end with the code and reason of the end that closed, with
 * 1001 when that one was lost or a plain stream, an end that took nothing with 1013,
 * a limit with 1000. Only pump_stats() and pump_destroy() are left to do, from there
 * or later. NULL: no memory. */
struct pump *pump_create(struct loop *l, struct stream *a, struct stream *b,
	const struct pump_config *config, void (*on_end)(void *ctx, enum pump_why why), void *ctx);
/* Takes b on success. Not after on_end. ERR_NOMEM; ERR_IO: a is gone already, on_end
 * is about to say so. */
MUST_USE int pump_join(struct pump *p, struct stream *b);
/* Closes what is open, telling WebSockets why (reason NULL: none). No on_end. */
void pump_close(struct pump *p, unsigned code, const char *reason);
struct pump_stats pump_stats(const struct pump *p);
/* Closes what is open (1001). NULL is fine. */
void pump_destroy(struct pump *p);
