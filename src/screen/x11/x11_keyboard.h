#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "base/log.h"
#include "net/loop.h"

/* Types a viewer's keys into an X server through XTEST, whatever layout the
 * server has: missing modifiers are pressed around a key, those in the way are
 * lifted, and a keysym that no key gives borrows a keycode that has none.
 *
 * Nothing here waits for the server but create(): a key that needs an answer
 * first (state or keymap just changed) stays in a queue with a ceiling until
 * x11_keyboard_poll() finds that answer. A timer runs only while more keysyms
 * in a row want to borrow a keycode than there are. Nothing here flushes either: the
 * caller calls xcb_flush() after any of these, and polls after it has drained
 * the connection's events and before it sleeps. Loop thread only. */
struct x11_keyboard;

/* Bits of enum screen_led. Sent from x11_keyboard_event() and _poll() only. */
typedef void x11_keyboard_on_leds(void *ctx, unsigned leds);

/* Borrows c, l, log (NULL: silent) and ctx. Round trips to the server. NULL: no
 * memory, no XTEST, no XKB 1.0, or a connection that failed; the log says which. */
struct x11_keyboard *x11_keyboard_create(xcb_connection_t *c, struct loop *l, const struct log *log,
	x11_keyboard_on_leds *on_leds, void *ctx);

/* Releases what is held and puts every borrowed keycode back. NULL is fine. */
void x11_keyboard_destroy(struct x11_keyboard *kb);

/* `keysym` 0: only the code is known. `code`: the XT scan code as QEMU numbers
 * it, 0: not known. Keysyms that X does not assign are ignored. A second press
 * without a release between is a repetition. */
void x11_keyboard_key(struct x11_keyboard *kb, uint32_t keysym, uint32_t code, bool down);

/* Releases every key held, behind what is still queued. Keycodes borrowed and
 * not used for a second are put back. (Of younger ones a program may still be
 * reading the keysym: they follow when another is borrowed and they were not
 * used for 30 s, at the next release_all, or at destroy.) */
void x11_keyboard_release_all(struct x11_keyboard *kb);

/* True while keys wait for their turn: what must come after them has to wait too. */
bool x11_keyboard_busy(const struct x11_keyboard *kb);

/* Takes MappingNotify and XKB's keyboard, map, state and indicator events: true
 * when `ev` was one of them. Other XKB events (bell) are left to the caller. */
bool x11_keyboard_event(struct x11_keyboard *kb, const xcb_generic_event_t *ev);

/* Looks for answers without waiting and types what waited for them. */
void x11_keyboard_poll(struct x11_keyboard *kb);

unsigned x11_keyboard_leds(const struct x11_keyboard *kb); /* bits of enum screen_led */
