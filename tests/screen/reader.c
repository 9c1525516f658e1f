#include "reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xkb.h>
#include <xkbcommon/xkbcommon-x11.h>

#include <cmocka.h>

static void fetch_keymap(struct reader *r)
{
	xkb_state_unref(r->state);
	xkb_keymap_unref(r->keymap);
	r->keymap = xkb_x11_keymap_new_from_device(r->context, r->c, r->device, 0);
	assert_non_null(r->keymap);
	r->state = xkb_state_new(r->keymap);
	assert_non_null(r->state);
}

static void focus(struct reader *r, const xcb_screen_t *screen)
{
	const uint32_t values[] = { 1,
		XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_EXPOSURE };
	r->window = xcb_generate_id(r->c);
	xcb_create_window(r->c, XCB_COPY_FROM_PARENT, r->window, screen->root, 0, 0, 100, 100, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
		XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
	xcb_map_window(r->c, r->window);
	xcb_set_input_focus(r->c, XCB_INPUT_FOCUS_NONE, r->window, XCB_CURRENT_TIME);
	free(xcb_get_input_focus_reply(r->c, xcb_get_input_focus(r->c), NULL));
}

void reader_open(struct reader *r, const char *display)
{
	const uint16_t events =
		XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY | XCB_XKB_EVENT_TYPE_MAP_NOTIFY;
	const uint16_t map = XCB_XKB_MAP_PART_KEY_TYPES | XCB_XKB_MAP_PART_KEY_SYMS |
			     XCB_XKB_MAP_PART_MODIFIER_MAP;
	const xcb_xkb_select_events_details_t details = {
		.affectNewKeyboard = XCB_XKB_NKN_DETAIL_KEYCODES,
		.newKeyboardDetails = XCB_XKB_NKN_DETAIL_KEYCODES,
	};
	memset(r, 0, sizeof(*r));
	r->c = xcb_connect(display, NULL);
	assert_int_equal(xcb_connection_has_error(r->c), 0);
	assert_true(xkb_x11_setup_xkb_extension(
		r->c, 1, 0, XKB_X11_SETUP_XKB_EXTENSION_NO_FLAGS, NULL, NULL, &r->xkb_event, NULL));
	r->device = xkb_x11_get_core_keyboard_device_id(r->c);
	r->context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	assert_non_null(r->context);
	xcb_xkb_select_events_aux(r->c, XCB_XKB_ID_USE_CORE_KBD, events, 0, 0, map, map, &details);
	fetch_keymap(r);
	focus(r, xcb_setup_roots_iterator(xcb_get_setup(r->c)).data);
}

void reader_close(struct reader *r)
{
	xkb_state_unref(r->state);
	xkb_keymap_unref(r->keymap);
	xkb_context_unref(r->context);
	xcb_disconnect(r->c);
}

static void take_key(struct reader *r, const xcb_key_press_event_t *ev)
{
	xkb_state_update_mask(r->state, ev->state & 0xff, 0, 0, 0, 0, (ev->state >> 13) & 3);
	assert_true(r->n < 4096);
	r->keysyms[r->n] = xkb_state_key_get_one_sym(r->state, ev->detail);
	r->keycodes[r->n] = ev->detail;
	r->states[r->n++] = ev->state;
}

static bool is_modifier(struct reader *r, const xcb_key_press_event_t *ev)
{
	xkb_keysym_t keysym = xkb_state_key_get_one_sym(r->state, ev->detail);
	return (keysym >= XKB_KEY_Shift_L && keysym <= XKB_KEY_Hyper_R) ||
	       (keysym >= XKB_KEY_ISO_Lock && keysym <= XKB_KEY_ISO_Level5_Lock) ||
	       keysym == XKB_KEY_Num_Lock;
}

void reader_poll(struct reader *r)
{
	xcb_generic_event_t *ev;
	while (!r->asleep && (ev = xcb_poll_for_event(r->c))) {
		uint8_t type = ev->response_type & 0x7f;
		const xcb_key_press_event_t *key = (const void *)ev;
		if (type == r->xkb_event)
			fetch_keymap(r);
		else if (type == XCB_KEY_PRESS && !is_modifier(r, key))
			take_key(r, key);
		else if (type == XCB_KEY_RELEASE && !is_modifier(r, key))
			r->n_released++;
		free(ev);
	}
}

void reader_forget(struct reader *r)
{
	r->n = r->n_released = 0;
}

bool reader_any_key_down(struct reader *r)
{
	static const uint8_t none[32] = { 0 };
	xcb_query_keymap_reply_t *reply =
		xcb_query_keymap_reply(r->c, xcb_query_keymap(r->c), NULL);
	assert_non_null(reply);
	bool any = memcmp(reply->keys, none, sizeof(none)) != 0;
	free(reply);
	return any;
}

static xcb_xkb_get_state_reply_t state_of(struct reader *r)
{
	xcb_xkb_get_state_reply_t *reply = xcb_xkb_get_state_reply(
		r->c, xcb_xkb_get_state(r->c, XCB_XKB_ID_USE_CORE_KBD), NULL);
	assert_non_null(reply);
	xcb_xkb_get_state_reply_t state = *reply;
	free(reply);
	return state;
}

unsigned reader_mods(struct reader *r)
{
	return state_of(r).mods;
}

unsigned reader_locked_mods(struct reader *r)
{
	return state_of(r).lockedMods;
}

void reader_lock_mods(struct reader *r, unsigned mods)
{
	xcb_xkb_latch_lock_state(r->c, XCB_XKB_ID_USE_CORE_KBD, 0xff, (uint8_t)mods, 0, 0, 0, 0, 0);
	assert_int_equal(state_of(r).lockedMods, mods);
}

void reader_lock_group(struct reader *r, unsigned group)
{
	xcb_xkb_latch_lock_state(r->c, XCB_XKB_ID_USE_CORE_KBD, 0, 0, 1, (uint8_t)group, 0, 0, 0);
	assert_int_equal(state_of(r).group, group);
}
