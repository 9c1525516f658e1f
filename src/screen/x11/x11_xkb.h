#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "base/err.h"
#include "base/log.h"
#include "x11_detour.h"
#include "x11_keymap.h"

/* What the X server says about its keyboard. Only init waits for answers; later
 * ones come through poll, and events only say that it is time to ask again. */
enum { X11_XKB_LEDS = 3 };
enum x11_xkb_ask {
	X11_XKB_LED, /* the first of X11_XKB_LEDS */
	X11_XKB_STATE = X11_XKB_LED + X11_XKB_LEDS,
	X11_XKB_KEYMAP,
	X11_XKB_ASKS
};

struct x11_xkb {
	xcb_connection_t *c;   /* borrowed */
	const struct log *log; /* borrowed */
	uint8_t first_event;
	xcb_atom_t led_names[X11_XKB_LEDS];

	/* As last answered. */
	struct x11_keymap *map; /* owned; never NULL after init */
	struct x11_key_state state;
	bool repeats;  /* the server repeats keys that are held */
	unsigned leds; /* bits of enum screen_led */

	bool pending[X11_XKB_ASKS];
	unsigned sequence[X11_XKB_ASKS]; /* of the last question */
};

/* ERR_IO when the server lacks XKB or XTEST or fails, with a line in the log;
 * fini is due in any case. */
MUST_USE int x11_xkb_init(struct x11_xkb *x, xcb_connection_t *c, const struct log *log);
void x11_xkb_fini(struct x11_xkb *x); /* a zeroed one is fine */

/* Replaces a question that is still open. For the state or the keymap. */
void x11_xkb_ask(struct x11_xkb *x, enum x11_xkb_ask what);
/* True while state or keymap may be out of date. */
bool x11_xkb_waiting(const struct x11_xkb *x);
bool x11_xkb_event(struct x11_xkb *x, const xcb_generic_event_t *ev);
bool x11_xkb_poll(struct x11_xkb *x); /* true when there is a new keymap */
