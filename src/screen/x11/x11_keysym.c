#include "x11_keysym.h"

#include <stddef.h>
#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#include "base/err.h"

enum { KEYSYM_UNICODE = 0x01000000, KEYSYM_UNICODE_LAST = 0x0110ffff, KEYSYM_MAX = 0x1fffffff };

static bool between(uint32_t keysym, uint32_t first, uint32_t last)
{
	return keysym >= first && keysym <= last;
}

/* Keypad digits are characters to xkbcommon, but not the same as the others. */
static uint32_t character_of(uint32_t keysym)
{
	if (between(keysym, XKB_KEY_KP_Space, XKB_KEY_KP_Equal))
		return 0;
	uint32_t c = xkb_keysym_to_utf32(keysym);
	return c < 0x20 || c == 0x7f ? 0 : c;
}

uint32_t x11_keysym_canonical(uint32_t keysym)
{
	if (between(keysym, KEYSYM_UNICODE + 0xd800, KEYSYM_UNICODE + 0xdfff))
		return 0; /* half a character */
	if (between(keysym, KEYSYM_UNICODE, KEYSYM_UNICODE_LAST))
		return xkb_utf32_to_keysym(keysym - KEYSYM_UNICODE);
	uint32_t c = character_of(keysym);
	return c != 0 ? xkb_utf32_to_keysym(c) : keysym;
}

uint32_t x11_keysym_ident(uint32_t keysym)
{
	if (between(keysym, KEYSYM_UNICODE, KEYSYM_UNICODE_LAST))
		keysym = x11_keysym_canonical(keysym);
	uint32_t c = character_of(keysym);
	return c != 0 ? KEYSYM_UNICODE + c : keysym;
}

/* xkbcommon names every keysym that is assigned and prints numbers for others. */
static bool assigned(uint32_t keysym)
{
	char name[64];
	if (keysym == 0 || keysym > KEYSYM_MAX || keysym == XKB_KEY_VoidSymbol)
		return false;
	return xkb_keysym_get_name(keysym, name, sizeof(name)) > 0 &&
	       !(name[0] == '0' && name[1] == 'x');
}

enum x11_keysym_kind x11_keysym_kind(uint32_t keysym)
{
	keysym = x11_keysym_canonical(keysym);
	if (!assigned(keysym))
		return X11_KEYSYM_NONE;
	if (between(keysym, XKB_KEY_Shift_L, XKB_KEY_Hyper_R) ||
		between(keysym, XKB_KEY_ISO_Lock, XKB_KEY_ISO_Level5_Lock) ||
		keysym == XKB_KEY_Mode_switch || keysym == XKB_KEY_Num_Lock ||
		keysym == XKB_KEY_Scroll_Lock)
		return X11_KEYSYM_MODIFIER;
	if (character_of(keysym) != 0 ||
		between(keysym, XKB_KEY_dead_grave, XKB_KEY_dead_longsolidusoverlay) ||
		between(keysym, XKB_KEY_KP_Space, XKB_KEY_KP_Equal))
		return X11_KEYSYM_TEXT;
	return X11_KEYSYM_FUNCTION;
}

bool x11_keysym_acts(uint32_t keysym)
{
	return between(keysym, XKB_KEY_AccessX_Enable, XKB_KEY_AudibleBell_Enable) ||
	       between(keysym, XKB_KEY_First_Virtual_Screen, XKB_KEY_Terminate_Server) ||
	       between(keysym, XKB_KEY_Pointer_Left, XKB_KEY_Pointer_Drag5) ||
	       between(keysym, XKB_KEY_XF86Switch_VT_1, XKB_KEY_XF86LogWindowTree);
}

uint32_t x11_keysym_substitute(uint32_t keysym)
{
	static const uint32_t table[][2] = {
		{ XKB_KEY_Shift_R, XKB_KEY_Shift_L },
		{ XKB_KEY_Control_R, XKB_KEY_Control_L },
		{ XKB_KEY_Alt_R, XKB_KEY_Alt_L },
		{ XKB_KEY_Meta_R, XKB_KEY_Meta_L },
		{ XKB_KEY_Meta_L, XKB_KEY_Alt_L },
		{ XKB_KEY_Super_R, XKB_KEY_Super_L },
		{ XKB_KEY_Hyper_R, XKB_KEY_Hyper_L },
		{ XKB_KEY_Hyper_L, XKB_KEY_Super_L },
		{ XKB_KEY_Mode_switch, XKB_KEY_ISO_Level3_Shift },
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i][0] == keysym)
			return table[i][1];
	}
	return 0;
}
