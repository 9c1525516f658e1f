#include "x11_borrow.h"

#include <stddef.h>
#include <string.h>
#include <xkbcommon/xkbcommon.h>

#include "x11_keysym.h"

/* Letters get both cases, as on a real key: Shift and Caps Lock then work, and
 * one keycode serves two keysyms. Others give the same with Shift as without. */
static void change(xcb_connection_t *c, uint8_t keycode, uint32_t keysym)
{
	uint32_t keysyms[2] = { keysym, keysym };
	if (keysym != 0 && xkb_keysym_to_lower(keysym) != xkb_keysym_to_upper(keysym)) {
		keysyms[0] = xkb_keysym_to_lower(keysym);
		keysyms[1] = xkb_keysym_to_upper(keysym);
		/* Some have a third form (titlecase) or no way back. */
		if (keysym != keysyms[0] && keysym != keysyms[1])
			keysyms[0] = keysyms[1] = keysym;
	}
	xcb_change_keyboard_mapping(c, 1, keycode, 2, keysyms);
}

static struct x11_borrowed *take_spare(
	struct x11_borrow *b, const struct x11_keymap *m, const bool held[static 256])
{
	bool taken[256];
	memcpy(taken, held, sizeof(taken));
	for (unsigned i = 0; i < b->n; i++)
		taken[b->codes[i].keycode] = true;
	uint8_t keycode = b->n < X11_BORROW_MAX ? x11_keymap_spare(m, taken) : 0;
	if (keycode == 0)
		return NULL;
	b->codes[b->n] = (struct x11_borrowed){ .keycode = keycode };
	return &b->codes[b->n++];
}

static struct x11_borrowed *least_used(struct x11_borrow *b, const bool held[static 256])
{
	struct x11_borrowed *slot = NULL;
	for (unsigned i = 0; i < b->n; i++) {
		struct x11_borrowed *code = &b->codes[i];
		if (!held[code->keycode] && (!slot || code->used_us < slot->used_us))
			slot = code;
	}
	return slot;
}

int x11_borrow_take(struct x11_borrow *b, xcb_connection_t *c, const struct x11_keymap *m,
	const bool held[static 256], uint32_t keysym, uint64_t now_us, uint64_t *wait_us)
{
	struct x11_borrowed *slot = take_spare(b, m, held);
	if (!slot)
		slot = least_used(b, held);
	if (!slot)
		return ERR_LIMIT;
	if (slot->used_us + X11_BORROW_SETTLE_US > now_us) {
		*wait_us = slot->used_us + X11_BORROW_SETTLE_US - now_us;
		return ERR_AGAIN;
	}
	slot->keysym = keysym;
	slot->used_us = now_us;
	change(c, slot->keycode, keysym);
	if (now_us > X11_BORROW_UNUSED_US)
		x11_borrow_put_back(b, c, held, now_us - X11_BORROW_UNUSED_US);
	return OK;
}

void x11_borrow_used(struct x11_borrow *b, uint8_t keycode, uint64_t now_us)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (b->codes[i].keycode == keycode)
			b->codes[i].used_us = now_us;
	}
}

void x11_borrow_put_back(
	struct x11_borrow *b, xcb_connection_t *c, const bool held[static 256], uint64_t before_us)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < b->n; i++) {
		struct x11_borrowed code = b->codes[i];
		if (held[code.keycode] || code.used_us > before_us)
			b->codes[kept++] = code;
		else
			change(c, code.keycode, 0);
	}
	b->n = kept;
}

void x11_borrow_check(struct x11_borrow *b, const struct x11_keymap *m)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < b->n; i++) {
		struct x11_borrowed code = b->codes[i];
		if (x11_keymap_gives(m, code.keycode, 0, code.keysym))
			b->codes[kept++] = code;
	}
	b->n = kept;
}
