#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "screen/screen.h"

/* Keys and buttons that one viewer holds down, so that they can be released
 * when it leaves. At most HELD_MAX keys: nobody has more fingers, and a peer
 * that claims so is only remembered for those. */
enum { HELD_MAX = 32 };

struct held {
	struct {
		uint32_t keysym, code;
	} keys[HELD_MAX];
	int n;
	unsigned buttons;
	int x, y; /* last pointer position */
};

/* Passes the event to the screen and remembers. A press beyond HELD_MAX is
 * dropped, a release of what is not held is passed on. */
void held_key(struct held *h, struct screen *s, uint32_t keysym, uint32_t code, bool down);
/* `others`: the buttons that other viewers hold. Like mice of one machine, all
 * move the pointer and a button is down while somebody holds it. */
void held_pointer(
	struct held *h, struct screen *s, int x, int y, unsigned buttons, unsigned others);
void held_release(struct held *h, struct screen *s, unsigned others);
