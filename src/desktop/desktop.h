#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "net/loop.h"
#include "net/stream.h"
#include "rfb/handshake.h"
#include "screen/screen.h"

/* The hub of a sharing process: one screen, its current frame, and the viewers
 * that look at it. All calls and events are on the loop thread. */
struct desktop;

enum desktop_rights { DESKTOP_REFUSED, DESKTOP_VIEW, DESKTOP_CONTROL };

struct desktop_config {
	const struct log *log; /* borrowed */
	const char *name;      /* desktop name shown to viewers, UTF-8; copied */
	int framerate;         /* ceiling of frames a second, 1 to 240 */
	int max_viewers;       /* authenticated ones at a time; 0: no limit */
	bool exclusive;        /* the newest viewer sends the others away */
	bool view_only;        /* nobody controls, whatever password he has */
};

struct desktop_events {
	/* The screen is lost; the desktop goes on without one until it is destroyed. */
	void (*on_gone)(void *ctx, const char *why);
	/* VncAuth: may whoever gave this response in? Answer, now or later, with
	 * desktop_authenticated(); a viewer that has left by then is no matter. */
	void (*on_authenticate)(void *ctx, uint32_t viewer, const uint8_t challenge[16],
		const uint8_t response[16]);
};

/* NULL: no memory. */
struct desktop *desktop_create(struct loop *l, const struct desktop_config *config,
	const struct desktop_events *events, void *ctx);
/* Closes all viewers and destroys the screen. NULL is fine. */
void desktop_destroy(struct desktop *d);

/* For the constructor of a screen: its events, with the desktop as ctx. */
extern const struct screen_events desktop_screen_events;
/* Takes the screen, whose constructor was given the events above. */
void desktop_set_screen(struct desktop *d, struct screen *s);

/* Asks the screen for a size by itself, as a viewer's SetDesktopSize would. */
void desktop_set_size(struct desktop *d, int w, int h);

struct desktop_viewer_config {
	const char *label;          /* who, for the log: "127.0.0.1:4711"; copied */
	enum rfb_security security; /* what is offered */
	const char *refusal;        /* not NULL: told to the viewer in place of letting it
				     * in, where its protocol version has room; static */
	bool view_only;
	/* It may be a while before anybody is there to answer: the handshake's time
	 * begins with the first byte. */
	bool patient;
	/* Told once when the viewer is gone and its stream closed; never from inside
	 * another call than desktop_destroy(). May be NULL. */
	void (*on_left)(void *ctx);
	void *ctx;
};

/* Greets a new viewer. Takes the stream on success; `early` are bytes that were
 * read from it already. `id`, if not NULL, is what the calls below know it by. OK
 * or ERR_NOMEM, ERR_IO. */
MUST_USE int desktop_add_viewer(struct desktop *d, const struct desktop_viewer_config *config,
	struct stream *s, const uint8_t *early, size_t n_early, uint32_t *id);
/* Takes control from a viewer (what it holds down is released) or gives it; who came
 * with a right to view only, by its password, stays with it. Gone: nothing. */
void desktop_set_view_only(struct desktop *d, uint32_t viewer, bool view_only);
void desktop_close_viewer(struct desktop *d, uint32_t viewer, const char *why);
void desktop_authenticated(struct desktop *d, uint32_t viewer, enum desktop_rights rights);
/* The viewer's link is away and may come back: that it takes nothing is no reason to
 * close it meanwhile. */
void desktop_set_waiting(struct desktop *d, uint32_t viewer, bool waiting);
/* Of the screen; 0 x 0 while there is none. */
void desktop_size(const struct desktop *d, int *w, int *h);
/* Viewers that are past the handshake. */
int desktop_viewers(const struct desktop *d);
