#pragma once
#include <stdbool.h>

#include "client/client_socket.h"
#include "pix/region.h"
#include "workload.h"

/* A viewer that measures: it decodes all it gets, reads the marker after each
 * update and notes when which frame was complete. It asks every server for the
 * same: what TigerVNC's viewer asks for by default. */
enum { OBSERVER_SAMPLES_MAX = RING_FRAMES };

struct observer {
	struct client_socket socket;
	struct client *client; /* owned; NULL: closed */
	const struct workload *workload;
	const struct ring *ring;

	bool continuous;       /* the server sends without being asked */
	bool requested;        /* the next update was asked for already */
	struct region missing; /* of the first picture */
	bool sized;

	int seen;             /* the last frame's number */
	uint64_t seen_us;     /* when it was decoded */
	unsigned n_samples;   /* distinct frames since observer_reset() */
	uint32_t *latency_us; /* of each; owned */
	uint64_t sent_us;     /* when a key was pressed; 0: measure from the drawing */
};

/* Connects, waits for the whole first picture and returns how long that took.
 * Negative err: no server there, or no picture within some seconds. In each case
 * observer_close() must follow. */
MUST_USE int observer_open(struct observer *o, const char *address, const struct workload *w,
	const struct ring *ring, uint64_t *took_us);
void observer_close(struct observer *o); /* twice, or a zeroed one, is fine */
/* Forgets all samples. */
void observer_reset(struct observer *o);
/* Looks until the time has come. */
MUST_USE int observer_look(struct observer *o, uint64_t until_us);
/* Presses and releases a key, and looks until its frame (the seen + 1st) is there
 * or the time has come (ERR_AGAIN). */
MUST_USE int observer_press(struct observer *o, uint64_t until_us);
