#pragma once
#include <stdint.h>

#include "base/log.h"
#include "net/child.h"
#include "net/loop.h"

/* An X server of our own (Xvfb) with a window manager and a terminal or a
 * given command, all spawned by the supervisor and ended with it. The server
 * is closed to other users by a fresh cookie in a 0600 file. */
struct virtual_display;

enum {
	VIRTUAL_DISPLAY_COOKIE = 16,
	/* Xvfb cannot grow past the size it starts with; it is shrunk from here. */
	VIRTUAL_DISPLAY_MAX_W = 3840,
	VIRTUAL_DISPLAY_MAX_H = 2160,
};

struct virtual_display_events {
	/* The server takes connections: its name (":7") and cookie. */
	void (*on_ready)(
		void *ctx, const char *display, const uint8_t cookie[VIRTUAL_DISPLAY_COOKIE]);
	/* Something ended. `failed`: it should not have (`why` says what to do);
	 * else the command that was asked for came to its end, with that exit code (128
	 * and the signal's number when one ended it). */
	void (*on_end)(void *ctx, bool failed, int exit_code, const char *why);
	/* What the command wrote to its standard output and error. NULL: it writes to
	 * our standard error. */
	void (*on_output)(void *ctx, bool is_error, const char *text, size_t n);
};

/* Starts the X server. NULL: `error` says why. All pointers are borrowed. */
struct virtual_display *virtual_display_create(struct loop *l, const struct log *log,
	struct child *c, const struct virtual_display_events *events, void *ctx, char *error,
	size_t error_cap);
/* After on_ready: starts the window manager and, when that has taken over,
 * `command` (NULL-ended, borrowed), or a terminal when it is NULL. */
void virtual_display_start(struct virtual_display *x, const char *const *command);
/* Ends the processes and removes the files. NULL is fine. */
void virtual_display_destroy(struct virtual_display *x);
