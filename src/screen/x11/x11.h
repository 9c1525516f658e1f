#pragma once
#include <stddef.h>
#include <stdint.h>

#include "net/loop.h"
#include "screen/screen.h"

/* An X11 display as a screen. After creation nothing waits for the server:
 * requests go out, replies are picked up when they have come. A peer that closes
 * may raise SIGPIPE inside xcb, so the process must ignore that signal. */

enum { X11_ERROR_MAX = 1024 };

struct x11_config {
	const char *display;   /* ":0", "host:1"; NULL: what xcb finds by itself */
	const uint8_t *cookie; /* MIT-MAGIC-COOKIE-1; NULL: xcb looks it up */
	size_t cookie_len;
	int monitor;                /* 0: the whole screen; from 1: one monitor, 1 is the primary */
	const uint32_t *background; /* 0xRRGGBB to paint the root window with; NULL: leave it */
	bool allow_resize;          /* a virtual desktop, whose size is ours to set */
	const char *name;           /* for on_name; NULL: the display's name */
	const struct log *log;      /* NULL: silent */
};

/* Waits for the server. All of `config` is copied but for the log, which is
 * borrowed like `e` and `ctx`. NULL: `error` says in one line what is wrong and
 * what to do; it may list the monitors when there is no such one. */
struct screen *x11_create(struct loop *l, const struct x11_config *config,
	const struct screen_events *e, void *ctx, char error[X11_ERROR_MAX]);

/* "1: HDMI-1 1920x1080+0+0 (primary), 2: DP-1 1280x1024+1920+0", cut at `size`. */
void x11_describe_monitors(const struct screen_layout *layout, char *out, size_t size);
