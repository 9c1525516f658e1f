#pragma once
#include "net/loop.h"
#include "pix/view.h"
#include "screen/screen.h"

/* A screen for tests of desktop/: the test draws into `picture` and says where.
 * Its events leave from the loop's ready list, in the order they were queued. */
enum { STAGE_W_MAX = 1500, STAGE_H_MAX = 1000, STAGE_KEYS_MAX = 64, STAGE_EVENTS_MAX = 32 };

struct stage_key {
	uint32_t keysym, code;
	bool down;
};

enum stage_event { STAGE_LAYOUT, STAGE_RESIZED, STAGE_CLIPBOARD, STAGE_GONE };

struct stage {
	struct screen base;
	struct loop *loop;
	const struct screen_events *events;
	void *ctx;
	struct loop_task task;
	bool alive;

	uint32_t px[STAGE_W_MAX * STAGE_H_MAX];
	struct pix_canvas picture;
	struct region damage, given, wanted;
	bool armed, at_once, lent;
	int n_frames, n_armed;

	enum stage_event queue[STAGE_EVENTS_MAX];
	int n_queue;

	struct screen_layout layout, asked;
	enum screen_resized answer; /* to the next resize() */
	bool quiet;                 /* resize() and want_clipboard() are answered later, by hand */
	int n_resizes;

	struct stage_key keys[STAGE_KEYS_MAX];
	int n_keys;
	int x, y;
	unsigned buttons;

	char text[256]; /* what want_clipboard() is answered with */
	char put[256];  /* what set_clipboard() brought */
	int n_fetches, n_puts;
};

void stage_init(struct stage *s, struct loop *l, int w, int h, const struct screen_events *e,
	void *ctx); /* announces its layout */
/* Says that pixels under r may have changed. */
void stage_damage(struct stage *s, struct rect r);
void stage_fill(struct stage *s, struct rect r, uint32_t rgb);
/* Every pixel another one; equal seeds draw equal pixels. */
void stage_noise(struct stage *s, struct rect r, uint32_t seed);
/* What is under `r` moves by dy rows, as a terminal scrolls; the rows that come
 * in are noise. All of r counts as damaged. */
void stage_scroll(struct stage *s, struct rect r, int dy, uint32_t seed);
/* Takes a size of its own accord, with a new picture. */
void stage_resize(struct stage *s, int w, int h, uint32_t seed);
void stage_say(struct stage *s, enum stage_event e);
