#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What kinds of keysyms there are, as far as typing cares. Pure. */
enum x11_keysym_kind {
	X11_KEYSYM_NONE,     /* 0, or nothing that X assigns */
	X11_KEYSYM_TEXT,     /* characters, dead keys, the keypad: exactly this is meant */
	X11_KEYSYM_FUNCTION, /* F1, Tab, arrows, media ...: meant with the modifiers held */
	X11_KEYSYM_MODIFIER, /* Shift, Alt, locks, group switches: never decorated */
};

enum x11_keysym_kind x11_keysym_kind(uint32_t keysym);

/* Equal for keysyms that mean the same character, such as EuroSign and U+20AC;
 * the keysym itself for what is no character. 0 for X11_KEYSYM_NONE. */
uint32_t x11_keysym_ident(uint32_t keysym);

/* The form of a keysym that most programs understand (EuroSign, not U+20AC). */
uint32_t x11_keysym_canonical(uint32_t keysym);

/* True when a key that gets this keysym would make the X server itself do
 * something (end, change the terminal, move the pointer): such a key may be there
 * already, but none is made for a viewer. */
bool x11_keysym_acts(uint32_t keysym);

/* Another modifier that does as well where the keyboard lacks this one. 0: none. */
uint32_t x11_keysym_substitute(uint32_t keysym);
