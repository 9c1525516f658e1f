#include "x11_detour.h"

#include <string.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

static void fake(xcb_connection_t *c, uint8_t keycode, bool down)
{
	xcb_test_fake_input(c, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, keycode, XCB_CURRENT_TIME,
		XCB_NONE, 0, 0, 0);
}

static void set_locks(xcb_connection_t *c, const struct x11_detour *d, unsigned on, unsigned group)
{
	unsigned affected = d->locked | d->unlocked;
	if (affected == 0 && !d->regrouped)
		return;
	xcb_xkb_latch_lock_state(c, XCB_XKB_ID_USE_CORE_KBD, (uint8_t)affected, (uint8_t)on,
		d->regrouped, (uint8_t)group, 0, 0, 0);
}

static void lift(struct x11_detour *d, xcb_connection_t *c, const struct x11_keymap *m,
	const bool held[static 256], unsigned mods)
{
	for (unsigned i = 0; i < 256; i++) {
		if (!held[i] || !(x11_keymap_modmap(m, (uint8_t)i) & mods))
			continue;
		d->lifted[d->n_lifted++] = (uint8_t)i;
		fake(c, (uint8_t)i, false);
	}
}

static void add(struct x11_detour *d, xcb_connection_t *c, const struct x11_keymap *m,
	const bool held[static 256], unsigned mods)
{
	for (unsigned bit = 1; bit < 256; bit <<= 1) {
		uint8_t key = mods & bit ? x11_keymap_modifier_key(m, bit, held) : 0;
		if (key == 0)
			continue;
		d->added[d->n_added++] = key;
		fake(c, key, true);
	}
}

void x11_detour_begin(struct x11_detour *d, xcb_connection_t *c, const struct x11_keymap *m,
	const struct x11_key_state *state, const bool held[static 256],
	const struct x11_keymap_way *way)
{
	unsigned level_mods = x11_keymap_level_mods(m), lock_mods = x11_keymap_lock_mods(m);
	unsigned unwanted = state->mods & ~way->mods & (level_mods | lock_mods);
	unsigned missing = way->mods & ~state->mods;
	memset(d, 0, sizeof(*d));
	lift(d, c, m, held, unwanted & level_mods);
	d->unlocked = unwanted & state->locked_mods;
	d->locked = missing & lock_mods;
	d->regrouped = way->group != state->group;
	set_locks(c, d, d->locked, state->locked_group + way->group - state->group);
	add(d, c, m, held, missing & level_mods);
}

void x11_detour_end(
	const struct x11_detour *d, xcb_connection_t *c, const struct x11_key_state *state)
{
	for (unsigned i = d->n_added; i-- > 0;)
		fake(c, d->added[i], false);
	set_locks(c, d, d->unlocked, state->locked_group);
	for (unsigned i = d->n_lifted; i-- > 0;)
		fake(c, d->lifted[i], true);
}
