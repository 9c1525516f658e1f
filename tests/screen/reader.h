#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>
#include <xkbcommon/xkbcommon.h>

/* A program that has the keyboard focus and reads keys as toolkits do: with
 * xkbcommon, following every change of the keymap. */
struct reader {
	xcb_connection_t *c;
	xcb_window_t window;
	struct xkb_context *context;
	struct xkb_keymap *keymap;
	struct xkb_state *state;
	int32_t device;
	uint8_t xkb_event;
	bool asleep;            /* reader_poll() does nothing */
	unsigned n, n_released; /* events since reader_forget() */
	uint32_t keysyms[4096];
	uint8_t keycodes[4096];
	uint16_t states[4096];
};

void reader_open(struct reader *r, const char *display);
void reader_close(struct reader *r);
void reader_poll(struct reader *r); /* takes what has arrived */
void reader_forget(struct reader *r);

/* What the server says now. */
bool reader_any_key_down(struct reader *r);
unsigned reader_mods(struct reader *r); /* in force */
unsigned reader_locked_mods(struct reader *r);
void reader_lock_mods(struct reader *r, unsigned mods);
void reader_lock_group(struct reader *r, unsigned group);
