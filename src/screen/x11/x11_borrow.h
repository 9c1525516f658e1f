#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "base/err.h"
#include "x11_keymap.h"

/* Keycodes that give nothing by themselves, lent to keysyms that have no key. */
enum { X11_BORROW_MAX = 64 };

struct x11_borrow {
	struct x11_borrowed {
		uint8_t keycode;
		uint32_t keysym; /* what it was given */
		uint64_t used_us;
	} codes[X11_BORROW_MAX];
	unsigned n;
};

/* Programs read the meaning of a keycode some time after its event, so one that
 * was just used keeps it for a while. */
enum { X11_BORROW_SETTLE_US = 200000, X11_BORROW_UNUSED_US = 30000000 };

/* Gives `keysym` a keycode: a spare one, else the one that was not used for
 * longest; never one in `held`. Only sends the change: the next keymap shows it.
 * Puts back those that were not used for X11_BORROW_UNUSED_US. ERR_AGAIN: all
 * were used just now, so try after `*wait_us`. ERR_LIMIT: all are held, or there
 * is none. */
MUST_USE int x11_borrow_take(struct x11_borrow *b, xcb_connection_t *c, const struct x11_keymap *m,
	const bool held[static 256], uint32_t keysym, uint64_t now_us, uint64_t *wait_us);

void x11_borrow_used(struct x11_borrow *b, uint8_t keycode, uint64_t now_us);

/* Puts back those not in `held` that were not used since `before_us`. */
void x11_borrow_put_back(
	struct x11_borrow *b, xcb_connection_t *c, const bool held[static 256], uint64_t before_us);

/* Forgets keycodes to which somebody else has given another meaning. */
void x11_borrow_check(struct x11_borrow *b, const struct x11_keymap *m);
