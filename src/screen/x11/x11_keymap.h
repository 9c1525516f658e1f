#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>
#include <xcb/xkb.h>

/* What each key of the X server gives: a copy of the answer to XkbGetMap and
 * the XKB rules for reading it (XKB protocol, 4 and 12). Own reading because
 * xkbcommon can only fetch a keymap by waiting for it. */
struct x11_keymap;

/* Asks for what x11_keymap_create() reads. */
xcb_xkb_get_map_cookie_t x11_keymap_request(xcb_connection_t *c);
/* NULL: no memory, or an answer that contradicts itself. */
struct x11_keymap *x11_keymap_create(const xcb_xkb_get_map_reply_t *reply);
void x11_keymap_destroy(struct x11_keymap *m); /* NULL is fine */

/* The keysym that a program reads from an event of this key; 0: none. As
 * programs do, Lock makes upper case where the key's type does not use Lock. */
uint32_t x11_keymap_keysym(
	const struct x11_keymap *m, uint8_t keycode, unsigned group, unsigned mods);

/* The real modifiers (bits of XCB_MOD_MASK_*) that a key sets. */
unsigned x11_keymap_modmap(const struct x11_keymap *m, uint8_t keycode);
/* Modifiers that only choose a level: Shift, and those of ISO_Level3_Shift and
 * ISO_Level5_Shift. All others (Control, Alt, Super) belong to the user. */
unsigned x11_keymap_level_mods(const struct x11_keymap *m);
/* Caps Lock and Num Lock. */
unsigned x11_keymap_lock_mods(const struct x11_keymap *m);
/* A key that sets `mod` (one bit) and is not in `held`; 0: none. */
uint8_t x11_keymap_modifier_key(
	const struct x11_keymap *m, unsigned mod, const bool held[static 256]);

/* A key that gives nothing and is not in `taken`; 0: none. */
uint8_t x11_keymap_spare(const struct x11_keymap *m, const bool taken[static 256]);

/* True when the key gives the keysym at some level of the group. */
bool x11_keymap_gives(const struct x11_keymap *m, uint8_t keycode, unsigned group, uint32_t keysym);

/* How to type something: this key, in this group, with exactly these of
 * level_mods and lock_mods. */
struct x11_keymap_way {
	uint8_t keycode;
	unsigned group;
	unsigned mods;
};

/* Finds the way to type `keysym` that changes least of the current `group` and
 * `mods`, by the key `prefer` if it can (0: no preference). False: no key has it. */
bool x11_keymap_find(const struct x11_keymap *m, uint32_t keysym, uint8_t prefer, unsigned group,
	unsigned mods, struct x11_keymap_way *way);
