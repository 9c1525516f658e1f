#pragma once
#include "pix/rect.h"
#include "screen/x11/x11_conn.h"

/* Moves the pointer and presses its buttons through XTEST. Sends requests only. */
struct x11_pointer {
	struct x11_conn *conn; /* borrowed */
	unsigned buttons;      /* held by us */
};

/* (x, y) in the frame, which is `area` of the root window; clamped. Bit i of
 * `buttons` is X button i + 1, up to 9. */
void x11_pointer_set(struct x11_pointer *p, struct rect area, int x, int y, unsigned buttons);
void x11_pointer_release_all(struct x11_pointer *p);
