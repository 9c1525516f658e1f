#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "screen/screen.h"

/* Looks at an X server once, for a person who asks what works here. Unlike the
 * screen it waits for the server, without a limit: not for the loop thread. */

enum x11_probe_extension {
	X11_PROBE_SHM,
	X11_PROBE_DAMAGE,
	X11_PROBE_XFIXES,
	X11_PROBE_XTEST,
	X11_PROBE_RANDR,
	X11_PROBE_XKB,
	X11_PROBE_EXTENSIONS,
};

struct x11_probe_version {
	bool present;
	unsigned major, minor;
};

struct x11_probe {
	bool connected; /* the rest is zero when not */
	struct x11_probe_version extension[X11_PROBE_EXTENSIONS];
	bool shm_fd;   /* a memory descriptor of ours was accepted */
	bool input;    /* the pointer moved by a pixel and back */
	bool xwayland; /* only windows of X programs are to be seen */
	int depth, bits_per_pixel;
	struct screen_layout layout; /* monitors, the primary one first */
};

const char *x11_probe_extension_name(enum x11_probe_extension e);

/* `display` as in DISPLAY; authority comes from where Xlib programs find it. */
void x11_probe(const char *display, struct x11_probe *out);
