#pragma once
#include "net/loop.h"
#include "screen/screen.h"

/* Owns a screen for a test: answers its events, keeps copies of what came, and
 * fails the test at once when an event breaks the contract of screen.h. */

struct harness;

/* One kind of screen under test. `peer` is the kind's own state. */
struct kind {
	const char *name;
	void (*start)(struct harness *h); /* makes h->screen and h->peer */
	void (*stop)(struct harness *h);  /* after the screen is gone */
	/* Changes some pixels within 40 pixels of (x, y), before it returns. */
	void (*draw)(struct harness *h, int x, int y, uint32_t seed);
	/* What the screen shows now, 0x00RRGGBB. */
	void (*truth)(struct harness *h, const struct pix_canvas *to);
};

enum event { EVENT_FRAME, EVENT_LAYOUT, EVENT_RESIZED, EVENTS };

struct harness {
	const struct kind *kind;
	void *peer;
	struct loop *loop;
	struct screen *screen; /* NULL once destroyed */
	bool inside;           /* an operation runs: no event may come */

	int n_frames, n_layouts, n_resized, n_cursors, n_leds, n_bells, n_names, n_gone;
	int n_clipboard_changed, n_clipboard;
	struct screen_layout layout;
	enum screen_resized resized;
	struct screen_cursor cursor; /* its pixels below */
	uint32_t argb[64 * 64];
	unsigned leds;
	char gone[256];
	char text[256];

	bool lent, keep; /* keep: on_frame does not release */
	struct pix_view view;
	struct pix_canvas last, before; /* copies of the two latest frames */
	struct region damage;
	uint64_t frame_us, asked_us;
	bool all_damaged_next; /* after a layout */
	int destroy_in;        /* an enum event, -1: none */

	struct loop_timer *timer;
	bool timed_out;
};

extern const struct screen_events harness_events; /* ctx: the harness */

void harness_start(struct harness *h, const struct kind *kind);
/* The same without kind->start(): the test makes h->screen itself. */
void harness_init(struct harness *h, const struct kind *kind);
void harness_stop(struct harness *h);
void harness_destroy_screen(struct harness *h);

/* Turns the loop until `*count` reaches n; fails the test after 20 s. */
void harness_until(struct harness *h, const int *count, int n);
/* Runs the loop for a time; how often it went to sleep in it. */
int harness_rest(struct harness *h, uint64_t ms);

void harness_want(struct harness *h, bool now); /* everything */
void harness_want_rect(struct harness *h, struct rect r);
void harness_cancel(struct harness *h);
void harness_release(struct harness *h);
/* Wants a frame, waits for it; the copy in h->last must equal the truth and
 * nothing may differ from the frame before outside the damage. */
void harness_check_frame(struct harness *h, bool now);
