#include "x11_xkb.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/xcbext.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

enum {
	EVENTS = XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY | XCB_XKB_EVENT_TYPE_MAP_NOTIFY |
		 XCB_XKB_EVENT_TYPE_STATE_NOTIFY | XCB_XKB_EVENT_TYPE_CONTROLS_NOTIFY |
		 XCB_XKB_EVENT_TYPE_INDICATOR_STATE_NOTIFY,
};

static void ask_leds(struct x11_xkb *x)
{
	for (unsigned i = 0; i < X11_XKB_LEDS; i++) {
		if (x->pending[X11_XKB_LED + i])
			xcb_discard_reply(x->c, x->sequence[X11_XKB_LED + i]);
		x->pending[X11_XKB_LED + i] = true;
		x->sequence[X11_XKB_LED + i] = xcb_xkb_get_named_indicator(x->c,
			XCB_XKB_ID_USE_CORE_KBD, XCB_XKB_LED_CLASS_DFLT_XI_CLASS,
			XCB_XKB_ID_DFLT_XI_ID, x->led_names[i])
						       .sequence;
	}
}

void x11_xkb_ask(struct x11_xkb *x, enum x11_xkb_ask what)
{
	if (x->pending[what])
		xcb_discard_reply(x->c, x->sequence[what]);
	x->pending[what] = true;
	x->sequence[what] = what == X11_XKB_KEYMAP
				    ? x11_keymap_request(x->c).sequence
				    : xcb_xkb_get_state(x->c, XCB_XKB_ID_USE_CORE_KBD).sequence;
}

/* An event made before the server came to our last question is no news. */
static bool is_news(const struct x11_xkb *x, enum x11_xkb_ask what, const xcb_generic_event_t *ev)
{
	return (int32_t)(ev->full_sequence - x->sequence[what]) >= 0;
}

static void take_state(struct x11_xkb *x, const xcb_xkb_get_state_reply_t *r)
{
	x->state = (struct x11_key_state){ r->mods, r->lockedMods, r->group, r->lockedGroup };
}

static void take_keymap(struct x11_xkb *x, const xcb_xkb_get_map_reply_t *r)
{
	struct x11_keymap *map = x11_keymap_create(r);
	if (!map) {
		log_warn(x->log, "x11: the keymap could not be read, keeping the last one");
		return;
	}
	x11_keymap_destroy(x->map);
	x->map = map;
}

static void take_led(struct x11_xkb *x, unsigned i, const xcb_xkb_get_named_indicator_reply_t *r)
{
	x->leds &= ~(1u << i);
	if (r->found && r->on)
		x->leds |= 1u << i;
}

static void take(struct x11_xkb *x, unsigned what, const void *reply)
{
	switch (what) {
	case X11_XKB_STATE: take_state(x, reply); break;
	case X11_XKB_KEYMAP: take_keymap(x, reply); break;
	default: take_led(x, what - X11_XKB_LED, reply); break;
	}
}

static bool has_extensions(struct x11_xkb *x)
{
	const xcb_query_extension_reply_t *xkb = xcb_get_extension_data(x->c, &xcb_xkb_id);
	const xcb_query_extension_reply_t *test = xcb_get_extension_data(x->c, &xcb_test_id);
	if (!test || !test->present || !xkb || !xkb->present)
		return false;
	x->first_event = xkb->first_event;
	xcb_xkb_use_extension_reply_t *used = xcb_xkb_use_extension_reply(x->c,
		xcb_xkb_use_extension(x->c, XCB_XKB_MAJOR_VERSION, XCB_XKB_MINOR_VERSION), NULL);
	bool supported = used && used->supported;
	free(used);
	return supported;
}

static void select_events(struct x11_xkb *x)
{
	const uint16_t keyboard = XCB_XKB_NKN_DETAIL_KEYCODES | XCB_XKB_NKN_DETAIL_DEVICE_ID;
	const uint16_t map = XCB_XKB_MAP_PART_KEY_TYPES | XCB_XKB_MAP_PART_KEY_SYMS |
			     XCB_XKB_MAP_PART_MODIFIER_MAP;
	const uint16_t state = XCB_XKB_STATE_PART_MODIFIER_STATE |
			       XCB_XKB_STATE_PART_MODIFIER_LOCK | XCB_XKB_STATE_PART_GROUP_STATE |
			       XCB_XKB_STATE_PART_GROUP_LOCK;
	const xcb_xkb_select_events_details_t details = {
		.affectNewKeyboard = keyboard,
		.newKeyboardDetails = keyboard,
		.affectState = state,
		.stateDetails = state,
		.affectCtrls = XCB_XKB_CONTROL_CONTROLS_ENABLED,
		.ctrlDetails = XCB_XKB_CONTROL_CONTROLS_ENABLED,
		.affectIndicatorState = UINT32_MAX,
		.indicatorStateDetails = UINT32_MAX,
	};
	xcb_xkb_select_events_aux(x->c, XCB_XKB_ID_USE_CORE_KBD, EVENTS, 0, 0, map, map, &details);
}

static bool name_leds(struct x11_xkb *x)
{
	static const char *const names[X11_XKB_LEDS] = { "Scroll Lock", "Num Lock", "Caps Lock" };
	for (unsigned i = 0; i < X11_XKB_LEDS; i++) {
		xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(
			x->c, xcb_intern_atom(x->c, 0, (uint16_t)strlen(names[i]), names[i]), NULL);
		if (!r)
			return false;
		x->led_names[i] = r->atom;
		free(r);
	}
	return true;
}

/* The first answers are waited for, so that there is a keymap from the start. */
static bool ask_all(struct x11_xkb *x)
{
	xcb_xkb_get_controls_reply_t *controls = xcb_xkb_get_controls_reply(
		x->c, xcb_xkb_get_controls(x->c, XCB_XKB_ID_USE_CORE_KBD), NULL);
	if (!controls)
		return false;
	x->repeats = controls->enabledControls & XCB_XKB_BOOL_CTRL_REPEAT_KEYS;
	free(controls);
	ask_leds(x);
	x11_xkb_ask(x, X11_XKB_STATE);
	x11_xkb_ask(x, X11_XKB_KEYMAP);
	for (unsigned i = 0; i < X11_XKB_ASKS; i++) {
		void *reply = xcb_wait_for_reply(x->c, x->sequence[i], NULL);
		x->pending[i] = false;
		if (!reply)
			return false;
		take(x, i, reply);
		free(reply);
	}
	return x->map != NULL;
}

int x11_xkb_init(struct x11_xkb *x, xcb_connection_t *c, const struct log *log)
{
	memset(x, 0, sizeof(*x));
	x->c = c;
	x->log = log;
	if (!has_extensions(x)) {
		log_warn(log, "x11: no keyboard input, the server lacks XTEST or XKB");
		return ERR_IO;
	}
	select_events(x);
	if (name_leds(x) && ask_all(x))
		return OK;
	log_warn(log, "x11: no keyboard input, the server does not tell its keymap");
	return ERR_IO;
}

void x11_xkb_fini(struct x11_xkb *x)
{
	for (unsigned i = 0; i < X11_XKB_ASKS; i++) {
		if (x->pending[i])
			xcb_discard_reply(x->c, x->sequence[i]);
		x->pending[i] = false;
	}
	x11_keymap_destroy(x->map);
	x->map = NULL;
}

bool x11_xkb_waiting(const struct x11_xkb *x)
{
	return x->pending[X11_XKB_STATE] || x->pending[X11_XKB_KEYMAP];
}

static void on_controls(struct x11_xkb *x, const xcb_xkb_controls_notify_event_t *ev)
{
	x->repeats = ev->enabledControls & XCB_XKB_BOOL_CTRL_REPEAT_KEYS;
}

bool x11_xkb_event(struct x11_xkb *x, const xcb_generic_event_t *ev)
{
	uint8_t type = ev->response_type & 0x7f;
	if (type != x->first_event && type != XCB_MAPPING_NOTIFY)
		return false;
	/* The second byte of every XKB event is its kind. */
	switch (type == XCB_MAPPING_NOTIFY ? XCB_XKB_MAP_NOTIFY : ev->pad0) {
	case XCB_XKB_NEW_KEYBOARD_NOTIFY:
	case XCB_XKB_MAP_NOTIFY:
		if (is_news(x, X11_XKB_KEYMAP, ev))
			x11_xkb_ask(x, X11_XKB_KEYMAP);
		if (is_news(x, X11_XKB_STATE, ev))
			x11_xkb_ask(x, X11_XKB_STATE);
		return true;
	case XCB_XKB_STATE_NOTIFY:
		if (is_news(x, X11_XKB_STATE, ev))
			x11_xkb_ask(x, X11_XKB_STATE);
		return true;
	case XCB_XKB_INDICATOR_STATE_NOTIFY:
		if (is_news(x, X11_XKB_LED, ev))
			ask_leds(x);
		return true;
	case XCB_XKB_CONTROLS_NOTIFY:
		on_controls(x, (const xcb_xkb_controls_notify_event_t *)(const void *)ev);
		return true;
	}
	return false;
}

bool x11_xkb_poll(struct x11_xkb *x)
{
	const bool asked = x->pending[X11_XKB_KEYMAP];
	for (unsigned i = 0; i < X11_XKB_ASKS; i++) {
		void *reply = NULL;
		xcb_generic_error_t *error = NULL;
		if (!x->pending[i] || !xcb_poll_for_reply(x->c, x->sequence[i], &reply, &error))
			continue;
		x->pending[i] = false;
		if (reply)
			take(x, i, reply);
		free(reply);
		free(error);
	}
	return asked && !x->pending[X11_XKB_KEYMAP];
}
