#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "x11_keymap.h"

/* The state of the keyboard as XkbGetState tells it: modifiers in force, those
 * of them that are locked, the group in force and the locked one. */
struct x11_key_state {
	unsigned mods, locked_mods;
	unsigned group, locked_group;
};

/* What was done to modifiers and group so that one key press gives what it
 * should; undone right after the press. */
struct x11_detour {
	uint8_t added[8], lifted[256]; /* keycodes */
	unsigned n_added, n_lifted;
	unsigned unlocked, locked; /* modifiers */
	bool regrouped;
};

/* `held`: the keycodes that we hold down; it does not change meanwhile. */
void x11_detour_begin(struct x11_detour *d, xcb_connection_t *c, const struct x11_keymap *m,
	const struct x11_key_state *state, const bool held[static 256],
	const struct x11_keymap_way *way);
void x11_detour_end(
	const struct x11_detour *d, xcb_connection_t *c, const struct x11_key_state *state);
