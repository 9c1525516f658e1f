#pragma once
#include "screen/x11/x11_keyboard.h"
#include "screen/x11/x11_pointer.h"
#include "screen/x11/x11_selection.h"

/* What viewers do, in their order. It goes to the server at once while that
 * reads; else it waits here, with moves of the pointer joined, up to a ceiling
 * beyond which presses and moves but the last are dropped (releases have room of
 * their own). */

enum { X11_INPUT_MAX = 1024, X11_INPUT_RELEASES = 512 };

struct x11_input_item {
	bool is_key, down;
	uint32_t keysym, code;
	int x, y;
	unsigned buttons;
};

struct x11_input {
	struct x11_conn *conn;         /* borrowed, like the next two; */
	struct x11_keyboard *keyboard; /* these may be NULL */
	struct x11_selection *selection;
	struct x11_pointer pointer;
	struct rect area; /* of the root window: what the frame shows */
	struct x11_input_item items[X11_INPUT_MAX];
	unsigned first, n;
	struct x11_input_item last_move; /* where move_waits: there was no room for it */
	bool move_waits;
	char *text; /* for the clipboard, owned; NULL: none waits */
	size_t text_len;
	bool want_text;
};

void x11_input_fini(struct x11_input *in);
void x11_input_key(struct x11_input *in, uint32_t keysym, uint32_t code, bool down);
void x11_input_pointer(struct x11_input *in, int x, int y, unsigned buttons);
void x11_input_set_clipboard(struct x11_input *in, const char *text, size_t len);
void x11_input_want_clipboard(struct x11_input *in);
/* Sends what the server takes now, of all that is gathered for it. True: something
 * waits until the socket can be written. */
bool x11_input_send(struct x11_input *in);
