#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "net/ws_frame.h"

/* Puts the payload of received frames back to back in the buffer in which they came,
 * each behind a new head, so that all of one read leaves in one write: a new head is
 * mostly no longer than the one it replaces. Pure. */
struct ws_batch {
	bool frames; /* new heads are wanted; else bare bytes. Set by the owner */
	/* Payload that the last head announced and that has not been put yet: what is put
	 * next goes out without a head of its own. */
	size_t rest;

	/* What is put and not yet taken. */
	uint8_t head[WS_HEAD_MAX]; /* of the first frame, where the buffer had no room */
	size_t head_len;
	uint8_t *begin;
	size_t len;
	size_t payload, n_messages;
};

enum { WS_BATCH_PARTS = 2 };

/* What a frame is put with. */
struct ws_batch_frame {
	size_t len;      /* of the whole frame that its head announces: n or more */
	bool ends;       /* a message that came is complete with it: it is counted */
	bool masked;     /* it goes out as a client's, with `mask` */
	uint8_t key[4];  /* what came is masked with; zeroed: it is not */
	uint8_t mask[4]; /* turned to where in its frame these bytes go */
};

/* Puts n bytes at `data`, which follow in the same buffer what was put before; while
 * there is a rest, at most that many. Every frame is a message of its own. False
 * when there is no room for a head: nothing was put, take the batch and put again. Into
 * an empty one it never fails. */
bool ws_batch_put(struct ws_batch *b, uint8_t *data, size_t n, const struct ws_batch_frame *f);
/* The same for all the frames at `data` that are small, whole messages and whole in
 * these n bytes, in one go; they go out unmasked. Returns how many bytes were taken,
 * with the heads: 0 when the first is none of these. `masked`: as they have to come. */
size_t ws_batch_take(struct ws_batch *b, uint8_t *data, size_t n, bool masked);
/* What is to be written, at most WS_BATCH_PARTS; returns how many, 0 for nothing. */
size_t ws_batch_parts(struct ws_batch *b, struct iovec parts[WS_BATCH_PARTS]);
void ws_batch_reset(struct ws_batch *b); /* empties it; the rest stays to come */
