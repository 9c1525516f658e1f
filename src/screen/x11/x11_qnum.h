#pragma once
#include <stdint.h>

/* The X keycode of a key whose XT set 1 scan code QEMU numbers `code` (keys
 * with the prefix E0 have bit 7 set; rfbproto, QEMU Extended Key Event). It
 * is what Linux numbers the key, plus 8, as every X server with the "evdev"
 * keycodes does, Xvfb among them. 0: no such key. */
uint8_t x11_qnum_keycode(uint32_t code);
