#pragma once
#include "screen/screen.h"
#include "screen/x11/x11_grab.h"

/* Delivers frames: waits for the server's word that something was drawn, fetches
 * where, brings those pixels. Nothing goes to the server while no frame is wanted. */

struct x11_capture_events {
	void (*on_frame)(void *ctx, const struct screen_frame *frame);
	/* The server refused to give pixels. The capture rests (see resume) until
	 * the owner has looked whether the screen still has that size. */
	void (*on_refused)(void *ctx);
};

enum x11_capture_state { X11_CAPTURE_IDLE, X11_CAPTURE_FETCHING, X11_CAPTURE_GRABBING };

struct x11_capture {
	struct x11_conn *conn; /* borrowed, like the next three */
	struct x11_grab *grab;
	const struct x11_capture_events *events;
	void *ctx;
	uint32_t damage, parts; /* the server's: Damage object, region */
	enum x11_capture_state state;
	unsigned subtracted; /* sequence number of the last DamageSubtract */
	bool notified;       /* something was drawn since */
	bool armed, at_once, stale, lent;
	bool held; /* a change of the layout is under way */
	struct region wanted;
	struct region pending; /* damage known here, not delivered */
	struct region given;   /* damage of the lent frame */
};

void x11_capture_init(struct x11_capture *c, struct x11_conn *conn, struct x11_grab *grab,
	const struct x11_capture_events *events, void *ctx);
void x11_capture_fini(struct x11_capture *c); /* zeroed is fine */

/* As screen_ops say. The caller calls x11_capture_step() afterwards. */
void x11_capture_want(struct x11_capture *c, const struct region *region, bool now);
void x11_capture_release(struct x11_capture *c);

bool x11_capture_event(struct x11_capture *c, const xcb_generic_event_t *ev);
/* Starts what can be started; sends requests only. */
void x11_capture_step(struct x11_capture *c);

/* Ends what is under way without a frame and starts nothing more. */
void x11_capture_hold(struct x11_capture *c);
/* The frame may be replaced: held, nothing under way, nothing lent. */
bool x11_capture_at_rest(const struct x11_capture *c);
/* Goes on; `renewed`: everything counts as damaged. */
void x11_capture_resume(struct x11_capture *c, bool renewed);
