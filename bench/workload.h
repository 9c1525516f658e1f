#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "nature.h"
#include "ring.h"
#include "xpaint.h"

enum { WORKLOAD_W = 1920, WORKLOAD_H = 1080, WORKLOAD_MARKERS_MAX = 2 };
/* Where the pointer rests, off what changes. */
enum { WORKLOAD_POINTER_X = WORKLOAD_W - 16, WORKLOAD_POINTER_Y = WORKLOAD_H - 24 };

/* What a workload's process draws with. */
struct stage {
	struct xpaint paint;
	xcb_window_t desktop;      /* all of the screen, at the bottom */
	xcb_window_t window;       /* what the workload is about */
	xcb_window_t badge;        /* holds the marker where `window` cannot */
	const struct nature *film; /* borrowed */
	xcb_shm_seg_t film_seg;
	uint32_t random;
};

/* One way to use a screen. Frames count from 1; each ends with its number as a
 * marker. `draw` only queues requests. */
struct workload {
	const char *name;
	const char *what;   /* for people */
	int min_us, max_us; /* between two frames; 0: it does not draw by itself */
	bool keys;          /* draws a frame for each key press */
	bool lossless;      /* so few colours that every server must get it exact */
	int film_frames;    /* 0: needs no film, else one of film_w x film_h */
	int film_w, film_h;
	/* Where the markers are on the screen; a frame is complete when all agree. */
	int n_markers;
	struct {
		int x, y;
	} markers[WORKLOAD_MARKERS_MAX];
	void (*setup)(struct stage *s);
	void (*draw)(struct stage *s, uint32_t frame);
};

extern const struct workload *const workloads[]; /* ended by NULL */

/* The process's whole life: draws the stage, then does what `ring` says. Returns
 * when the X server is gone; else it is killed. `film`: NULL if it needs none. */
void workload_play(const struct workload *w, const char *display, struct ring *ring,
	const struct nature *film);
