#pragma once
#include <stdatomic.h>
#include <stdint.h>

/* What the bench and a workload's process tell each other, in memory they share. */
enum { RING_FRAMES = 1 << 16 }; /* frame numbers have 16 bits */

enum ring_state {
	RING_STARTING, /* the workload connects and draws what stands still */
	RING_READY,    /* the workload waits */
	RING_RUNNING,  /* the bench wants it to draw */
	RING_STOPPING, /* the bench wants it to stop */
	RING_STOPPED,  /* the last frame is on the screen; it stays until the process ends */
};

struct ring {
	_Atomic int state;                      /* enum ring_state */
	_Atomic uint32_t drawn;                 /* the last frame's number; the first is 1 */
	_Atomic uint64_t drawn_us[RING_FRAMES]; /* when, before its requests were sent */
};
