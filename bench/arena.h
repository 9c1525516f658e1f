#pragma once
#include "proc.h"
#include "workload.h"

/* Where trials take place: an X server of the bench's own. */
struct arena {
	const char *porthole; /* the program to measure, borrowed */
	const char *out;      /* folder for what programs print, borrowed */
	double seconds;       /* of a measurement */

	char display[32];    /* of the X server */
	struct proc x;       /* the X server */
	struct xpaint truth; /* a connection to look at the true screen */
	struct ring *ring;   /* shared with the workload's process */
};

/* Starts the X server; what is above the empty line is set by the caller, all else
 * zero. `display`: its number, or -1 for any that is free. On failure, which it tells
 * on standard error, arena_close() must follow too. */
MUST_USE int arena_open(struct arena *a, int display);
void arena_close(struct arena *a);
