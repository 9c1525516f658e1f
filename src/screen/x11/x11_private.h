#pragma once
#include "screen/x11/x11.h"
#include "screen/x11/x11_capture.h"
#include "screen/x11/x11_cursor.h"
#include "screen/x11/x11_input.h"
#include "screen/x11/x11_layout.h"
#include "screen/x11/x11_resize.h"

/* For the x11*.c files alone: the screen, and how its parts tell it things. */

/* Events that wait to be sent, in this order. */
enum {
	X11_TELL_LAYOUT = 1 << 0,
	X11_TELL_RESIZED = 1 << 1,
	X11_TELL_NAME = 1 << 2,
	X11_TELL_LEDS = 1 << 3,
	X11_TELL_BELL = 1 << 4,
	X11_TELL_CLIPBOARD_CHANGED = 1 << 5,
	X11_TELL_CLIPBOARD = 1 << 6,
};

struct x11 {
	struct screen base;
	struct loop *loop; /* borrowed, like the three below */
	const struct screen_events *events;
	void *ctx;
	const struct log *log;

	struct x11_conn conn;
	struct x11_format format;
	struct x11_grab grab;
	struct x11_capture capture;
	struct x11_layout layout;
	struct x11_resize resize;
	struct x11_cursor cursor;
	struct x11_keyboard *keyboard;   /* owned; NULL: no input */
	struct x11_selection *selection; /* owned; NULL: no clipboard */
	struct x11_input input;
	struct loop_io *io;
	struct loop_hook *hook;
	struct loop_task task;

	char *name;
	int monitor;
	bool allow_resize;
	struct screen_layout shown; /* what on_layout told */
	struct rect area;           /* of the root window: the frame */
	bool dirty;                 /* the layout must be asked for */
	bool answered;              /* it was, and has not been applied */
	int refusals;               /* grabs that failed since the last frame */

	unsigned tell;
	int n_resize, n_answers; /* resize() not begun; begun and not told */
	int w, h;                /* the last one asked for */
	enum screen_resized answer;
	bool resized; /* the answer waits for the layout that it led to */
	unsigned leds;
	char *text; /* for on_clipboard, owned */
	size_t text_len;

	int depth;  /* > 0: inside x11_pump() */
	bool dying; /* destroyed meanwhile */
	bool gone;
	bool waits; /* input waits until the socket can be written */
};

/* x11_open.c: connection, checks, first layout. ERR_IO or ERR_NOMEM with `error`. */
MUST_USE int x11_open(struct x11 *x, const struct x11_config *config, char error[X11_ERROR_MAX]);

/* x11_change.c: changes of size and monitors. */
void x11_change_init(struct x11 *x);
void x11_change_refused(struct x11 *x); /* a grab failed: look at the layout */
/* Takes the next step of a change that is under way. */
void x11_change_step(struct x11 *x);
/* Ends the screen's service: on_gone. */
void x11_lost(struct x11 *x, const char *why);
