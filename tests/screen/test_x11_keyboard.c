#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/xtest.h>
#include <xkbcommon/xkbcommon-keysyms.h>

#include <cmocka.h>

#include "base/clock.h"
#include "reader.h"
#include "screen/screen.h"
#include "screen/x11/x11_keyboard.h"
#include "xvfb.h"

/* An X server, a program that reads keys there, and our keyboard typing. */
struct desk {
	struct xvfb server;
	struct reader reader;
	struct loop *loop;
	struct loop_io *io[2];   /* they only wake */
	struct loop_timer *tick; /* so that a test that waits in vain ends */
	xcb_connection_t *c;
	struct x11_keyboard *kb;
	unsigned leds;
};

#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, open_desk, close_desk)

enum { WAIT_US = 10000000, BATCH = 8 };

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static long fail_after = -1; /* allocations; -1: never */

void *__wrap_calloc(size_t n, size_t size)
{
	if (fail_after >= 0 && fail_after-- == 0)
		return NULL;
	return __real_calloc(n, size);
}

uint64_t __real_clock_now_us(void);
uint64_t __wrap_clock_now_us(void);

static uint64_t skew_us, skew_step_us; /* how far time is ahead, and how much more each time */

uint64_t __wrap_clock_now_us(void)
{
	skew_us += skew_step_us;
	return __real_clock_now_us() + skew_us;
}

static void ready(void *ctx, int events)
{
	(void)ctx;
	(void)events;
}

static void ticked(void *ctx)
{
	struct desk *d = ctx;
	loop_timer_start(d->tick, 5);
}

static void keep_leds(void *ctx, unsigned leds)
{
	struct desk *d = ctx;
	d->leds = leds;
}

static void run(const struct desk *d, const char *command)
{
	char line[256];
	snprintf(line, sizeof(line), "DISPLAY=%s %s >/dev/null 2>&1", d->server.display, command);
	assert_int_equal(system(line), 0);
}

static int open_desk(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	assert_non_null(d);
	xvfb_start(&d->server, "320x240x24", NULL, NULL);
	d->loop = loop_create();
	assert_non_null(d->loop);
	reader_open(&d->reader, d->server.display);
	d->c = xcb_connect(d->server.display, NULL);
	assert_int_equal(xcb_connection_has_error(d->c), 0);
	d->kb = x11_keyboard_create(d->c, d->loop, NULL, keep_leds, d);
	assert_non_null(d->kb);
	d->io[0] = loop_io_create(d->loop, xcb_get_file_descriptor(d->c), ready, d);
	d->io[1] = loop_io_create(d->loop, xcb_get_file_descriptor(d->reader.c), ready, d);
	loop_io_want(d->io[0], LOOP_READ);
	loop_io_want(d->io[1], LOOP_READ);
	d->tick = loop_timer_create(d->loop, ticked, d);
	loop_timer_start(d->tick, 5);
	*state = d;
	return 0;
}

static int close_desk(void **state)
{
	struct desk *d = *state;
	x11_keyboard_destroy(d->kb);
	loop_io_destroy(d->io[0]);
	loop_io_destroy(d->io[1]);
	loop_timer_destroy(d->tick);
	xcb_disconnect(d->c);
	loop_destroy(d->loop);
	reader_close(&d->reader);
	xvfb_stop(&d->server);
	free(d);
	return 0;
}

/* One turn of what x11.c does. */
static void turn(struct desk *d)
{
	xcb_generic_event_t *ev;
	while ((ev = xcb_poll_for_event(d->c))) {
		x11_keyboard_event(d->kb, ev);
		free(ev);
	}
	x11_keyboard_poll(d->kb);
	xcb_flush(d->c);
	reader_poll(&d->reader);
	loop_turn(d->loop);
	xcb_flush(d->c); /* of what a timer sent */
}

/* Until `n` keys were read and released, or nothing comes any more. */
static void wait_for(struct desk *d, unsigned n)
{
	uint64_t end = clock_now_us() + WAIT_US;
	while ((d->reader.n < n || d->reader.n_released < n) && clock_now_us() < end)
		turn(d);
}

/* Until everything asked for has surely happened. */
static void settle(struct desk *d)
{
	for (int i = 0; i < 10; i++) {
		turn(d);
		free(xcb_get_input_focus_reply(d->c, xcb_get_input_focus(d->c), NULL));
	}
	reader_poll(&d->reader);
}

static void tap(struct desk *d, uint32_t keysym, uint32_t code)
{
	x11_keyboard_key(d->kb, keysym, code, true);
	x11_keyboard_key(d->kb, keysym, code, false);
}

/* Keysyms with the same character are the same, but for the keypad's. */
static uint32_t meaning(uint32_t keysym)
{
	uint32_t c = xkb_keysym_to_utf32(keysym);
	bool keypad = keysym >= XKB_KEY_KP_Space && keysym <= XKB_KEY_KP_Equal;
	return c < 0x20 || keypad ? keysym : 0x01000000 + c;
}

static void check_read(struct desk *d, const uint32_t *keysyms, unsigned n)
{
	wait_for(d, n);
	assert_int_equal(d->reader.n, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(meaning(d->reader.keysyms[i]), meaning(keysyms[i]));
	reader_forget(&d->reader);
}

/* Types in batches smaller than the number of keycodes to borrow, for a program
 * reads a keycode's meaning some time after the event. */
static void type_and_check(struct desk *d, const uint32_t *keysyms, unsigned n)
{
	for (unsigned i = 0; i < n; i += BATCH) {
		unsigned batch = n - i < BATCH ? n - i : BATCH;
		for (unsigned k = 0; k < batch; k++)
			tap(d, keysyms[i + k], 0);
		check_read(d, keysyms + i, batch);
	}
}

static void check_quiet(struct desk *d, unsigned locked)
{
	settle(d);
	assert_false(reader_any_key_down(&d->reader));
	assert_int_equal(reader_mods(&d->reader), locked);
	assert_int_equal(reader_locked_mods(&d->reader), locked);
}

static unsigned put_latin1(uint32_t *to)
{
	unsigned n = 0;
	for (uint32_t c = 0x20; c < 0x100; c++) {
		if (c < 0x7f || c >= 0xa0)
			to[n++] = c;
	}
	return n;
}

/* Both numberings of a character, several scripts, and beyond 16 bits. */
static const uint32_t others[] = { XKB_KEY_EuroSign, 0x010020ac, 0x010000e9, 0x01000041,
	XKB_KEY_Cyrillic_ya, XKB_KEY_Cyrillic_YA, 0x01000416, XKB_KEY_Greek_alpha,
	XKB_KEY_Greek_OMEGA, 0x010003bb, XKB_KEY_scaron, XKB_KEY_ENG, 0x01006f22, 0x01005b57,
	0x0101f600, 0x01002014, XKB_KEY_dead_acute, XKB_KEY_Multi_key, XKB_KEY_Return, XKB_KEY_Tab,
	XKB_KEY_F1, XKB_KEY_F35, XKB_KEY_Left, XKB_KEY_KP_Enter, XKB_KEY_KP_7, XKB_KEY_KP_Home,
	XKB_KEY_KP_Decimal, XKB_KEY_ISO_Left_Tab, XKB_KEY_XF86AudioMute,
	XKB_KEY_XF86AudioCycleTrack, XKB_KEY_Henkan };

static const char *const layouts[] = { "us", "de", "fr", "ru", "us,ru" };

static void types_everything_on(struct desk *d, unsigned locked)
{
	uint32_t keysyms[256];
	unsigned n = put_latin1(keysyms);
	reader_lock_mods(&d->reader, locked);
	settle(d);
	type_and_check(d, keysyms, n);
	type_and_check(d, others, ARRAY_LEN(others));
	check_quiet(d, locked);
	reader_lock_mods(&d->reader, 0);
}

static void types_everything_on_every_layout(void **state)
{
	struct desk *d = *state;
	for (unsigned i = 0; i < ARRAY_LEN(layouts); i++) {
		char command[64];
		snprintf(command, sizeof(command), "setxkbmap -layout %s", layouts[i]);
		run(d, command);
		if (strchr(layouts[i], ','))
			reader_lock_group(&d->reader, 1);
		settle(d);
		types_everything_on(d, 0);
		types_everything_on(d, XCB_MOD_MASK_LOCK);
		types_everything_on(d, XCB_MOD_MASK_2 | XCB_MOD_MASK_LOCK);
	}
}

/* What a viewer sends: Shift and the rest as held on its own keyboard. */
struct viewer_case {
	uint32_t held;   /* a modifier that is down all the time; 0: none */
	unsigned locked; /* of the server */
};

static void modifiers_of_the_viewer_do_not_matter(void **state)
{
	static const struct viewer_case cases[] = {
		{ XKB_KEY_Shift_L, 0 },
		{ XKB_KEY_Shift_R, XCB_MOD_MASK_LOCK },
		{ XKB_KEY_ISO_Level3_Shift, 0 },
		{ XKB_KEY_ISO_Level3_Shift, XCB_MOD_MASK_LOCK | XCB_MOD_MASK_2 },
		{ XKB_KEY_Shift_L, XCB_MOD_MASK_5 },
		{ 0, XCB_MOD_MASK_SHIFT },
	};
	static const uint32_t text[] = { 'H', 'e', 'l', 'l', 'o', ',', ' ', 'W', 0xf6, 'r', 'l',
		'd', ' ', XKB_KEY_EuroSign, 0xe6, 0xc6, '!', '1', '@', '[', '~', '7', '/' };
	struct desk *d = *state;
	for (unsigned i = 0; i < ARRAY_LEN(layouts); i++) {
		char command[64];
		snprintf(command, sizeof(command), "setxkbmap -layout %s", layouts[i]);
		run(d, command);
		settle(d);
		for (unsigned k = 0; k < ARRAY_LEN(cases); k++) {
			reader_lock_mods(&d->reader, cases[k].locked);
			settle(d);
			x11_keyboard_key(d->kb, cases[k].held, 0, true);
			type_and_check(d, text, ARRAY_LEN(text));
			settle(d);
			assert_int_equal(reader_any_key_down(&d->reader), cases[k].held != 0);
			x11_keyboard_key(d->kb, cases[k].held, 0, false);
			check_quiet(d, cases[k].locked);
			reader_lock_mods(&d->reader, 0);
		}
	}
}

/* Control and the like belong to the user, and so does Shift with a key that
 * is no character. */
static void shortcuts_stay_shortcuts(void **state)
{
	struct desk *d = *state;
	const unsigned ctrl_alt = XCB_MOD_MASK_CONTROL | XCB_MOD_MASK_1;
	x11_keyboard_key(d->kb, XKB_KEY_Control_L, 0x1d, true);
	x11_keyboard_key(d->kb, XKB_KEY_Alt_L, 0x38, true);
	tap(d, XKB_KEY_Delete, 0xd3); /* F2 would be taken by the server itself */
	tap(d, 'c', 0x2e);
	tap(d, 0xe9, 0);
	wait_for(d, 3);
	assert_int_equal(d->reader.n, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(d->reader.states[i], ctrl_alt);
	assert_int_equal(d->reader.keycodes[0], 119);
	assert_int_equal(d->reader.keycodes[1], 54);
	reader_forget(&d->reader);
	x11_keyboard_key(d->kb, XKB_KEY_Shift_L, 0x2a, true);
	x11_keyboard_release_all(d->kb);
	check_quiet(d, 0);

	x11_keyboard_key(d->kb, XKB_KEY_Shift_L, 0x2a, true);
	tap(d, XKB_KEY_Tab, 0);
	tap(d, XKB_KEY_ISO_Left_Tab, 0x0f);
	tap(d, XKB_KEY_F2, 0);
	tap(d, XKB_KEY_Left, 0xcb);
	wait_for(d, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(d->reader.states[i], XCB_MOD_MASK_SHIFT);
	assert_int_equal(d->reader.keysyms[0], XKB_KEY_ISO_Left_Tab);
	assert_int_equal(d->reader.keysyms[1], XKB_KEY_ISO_Left_Tab);
	x11_keyboard_key(d->kb, XKB_KEY_Shift_L, 0x2a, false);
	check_quiet(d, 0);
}

struct code_case {
	uint32_t keysym, code;
	unsigned keycode; /* expected */
};

static void a_code_chooses_the_key(void **state)
{
	static const struct code_case cases[] = {
		{ '7', 0x08, 16 },
		{ XKB_KEY_KP_7, 0x47, 79 },
		{ XKB_KEY_KP_Home, 0x47, 79 },
		{ XKB_KEY_Home, 0xc7, 110 },
		{ XKB_KEY_Return, 0x1c, 36 },
		{ XKB_KEY_KP_Enter, 0x9c, 104 },
		{ XKB_KEY_Print, 0x54, 107 },
		{ XKB_KEY_Print, 0xb7, 107 },
		{ XKB_KEY_Pause, 0xc6, 127 },
		{ XKB_KEY_less, 0x56, 94 },
		{ XKB_KEY_less, 0x33, 59 },
		{ 0, 0x1e, 38 },   /* the code alone */
		{ 'z', 0x15, 52 }, /* a German keyboard: z is where y is on ours */
		{ 'q', 0x1e, 24 }, /* a French one */
		{ XKB_KEY_Left, 0x1e, 113 },
		{ XKB_KEY_Left, 0xffffffff, 113 },
	};
	struct desk *d = *state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		tap(d, cases[i].keysym, cases[i].code);
		wait_for(d, 1);
		assert_int_equal(d->reader.n, 1);
		assert_int_equal(d->reader.keycodes[0], cases[i].keycode);
		if (cases[i].keysym != 0)
			assert_int_equal(d->reader.keysyms[0], cases[i].keysym);
		reader_forget(&d->reader);
	}
	check_quiet(d, 0);
}

/* The release names what the viewer's keyboard says by then. */
static void releases_find_their_press(void **state)
{
	struct desk *d = *state;
	x11_keyboard_key(d->kb, 'A', 0, true);
	x11_keyboard_key(d->kb, 'a', 0, false);
	x11_keyboard_key(d->kb, '!', 0x02, true);
	x11_keyboard_key(d->kb, '1', 0x02, false);
	x11_keyboard_key(d->kb, '!', 0x02, true);
	x11_keyboard_key(d->kb, '1', 0, false);
	x11_keyboard_key(d->kb, 0xd6, 0x27, true); /* borrowed */
	x11_keyboard_key(d->kb, 0xf6, 0x27, false);
	x11_keyboard_key(d->kb, 0xd6, 0, true);
	x11_keyboard_key(d->kb, 0xf6, 0, false);
	x11_keyboard_key(d->kb, XKB_KEY_Meta_L, 0x38, true);
	x11_keyboard_key(d->kb, XKB_KEY_Alt_L, 0x38, false);
	wait_for(d, 5);
	assert_int_equal(d->reader.n, 5);
	check_quiet(d, 0);
	x11_keyboard_key(d->kb, 'x', 0, false); /* never pressed */
	x11_keyboard_key(d->kb, 0, 0x2d, false);
	check_quiet(d, 0);
}

static void only_the_viewer_repeats(void **state)
{
	struct desk *d = *state;
	uint64_t end = clock_now_us() + 1200000; /* the server would begin after 660 ms */
	x11_keyboard_key(d->kb, 'H', 0, true);
	while (clock_now_us() < end)
		turn(d);
	assert_int_equal(d->reader.n, 1);
	for (int i = 0; i < 4; i++)
		x11_keyboard_key(d->kb, 'H', 0, true);
	x11_keyboard_key(d->kb, 'H', 0, false);
	wait_for(d, 5);
	assert_int_equal(d->reader.n, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(d->reader.keysyms[i], 'H');
	x11_keyboard_key(d->kb, XKB_KEY_Shift_L, 0x2a, true);
	x11_keyboard_key(d->kb, XKB_KEY_Shift_L, 0x2a, true);
	x11_keyboard_key(d->kb, XKB_KEY_Shift_L, 0x2a, false);
	check_quiet(d, 0);
	run(d, "sh -c 'xset q | grep \"auto repeat:  on\"'");
}

static void follows_a_change_of_layout(void **state)
{
	static const uint32_t text[] = { 0xe4, 'z', 0x0100042f, '@', 'y', 0xf6 };
	struct desk *d = *state;
	type_and_check(d, text, ARRAY_LEN(text));
	run(d, "setxkbmap de");
	settle(d);
	type_and_check(d, text, ARRAY_LEN(text));
	run(d, "setxkbmap ru");
	settle(d);
	type_and_check(d, text, ARRAY_LEN(text));
	run(d, "setxkbmap us");
	settle(d);
	/* Into the middle of what is being typed. */
	for (unsigned i = 0; i < ARRAY_LEN(text); i++)
		tap(d, text[i], 0);
	xcb_flush(d->c);
	run(d, "setxkbmap de");
	settle(d);
	wait_for(d, ARRAY_LEN(text)); /* what they gave depends on who was first */
	settle(d);
	reader_forget(&d->reader);
	type_and_check(d, text, ARRAY_LEN(text));
	check_quiet(d, 0);
}

static xcb_get_keyboard_mapping_reply_t *mapping(struct desk *d)
{
	const xcb_setup_t *setup = xcb_get_setup(d->reader.c);
	return xcb_get_keyboard_mapping_reply(d->reader.c,
		xcb_get_keyboard_mapping(d->reader.c, setup->min_keycode,
			(uint8_t)(setup->max_keycode - setup->min_keycode + 1)),
		NULL);
}

static void check_same_mapping(struct desk *d, const xcb_get_keyboard_mapping_reply_t *before)
{
	xcb_get_keyboard_mapping_reply_t *after = mapping(d);
	assert_non_null(after);
	assert_int_equal(after->keysyms_per_keycode, before->keysyms_per_keycode);
	assert_int_equal(after->length, before->length);
	assert_memory_equal(xcb_get_keyboard_mapping_keysyms(after),
		xcb_get_keyboard_mapping_keysyms(before), (size_t)before->length * 4);
	free(after);
}

static void check_keycodes_borrowed(
	struct desk *d, const xcb_get_keyboard_mapping_reply_t *before, unsigned expected)
{
	xcb_get_keyboard_mapping_reply_t *now = mapping(d);
	assert_non_null(now);
	const size_t bytes = (size_t)now->keysyms_per_keycode * 4;
	unsigned n = 0;
	for (size_t at = 0; at < (size_t)now->length * 4; at += bytes)
		n += memcmp((char *)xcb_get_keyboard_mapping_keysyms(now) + at,
			     (char *)xcb_get_keyboard_mapping_keysyms(before) + at, bytes) != 0;
	free(now);
	assert_int_equal(n, expected);
}

static void the_mapping_is_put_back(void **state)
{
	struct desk *d = *state;
	xcb_get_keyboard_mapping_reply_t *before = mapping(d);
	assert_non_null(before);
	uint32_t keysyms[256];
	type_and_check(d, keysyms, put_latin1(keysyms));
	/* Not yet: a program may still be reading. */
	x11_keyboard_release_all(d->kb);
	settle(d);
	skew_us += 1000000;
	x11_keyboard_release_all(d->kb);
	settle(d);
	check_same_mapping(d, before);
	/* Those of long ago go when another one comes. */
	tap(d, 0xe9, 0);
	tap(d, 0xe8, 0);
	settle(d);
	skew_us += 30000000;
	tap(d, 0xea, 0);
	settle(d);
	check_keycodes_borrowed(d, before, 1);
	/* And with a key held when all ends. */
	x11_keyboard_key(d->kb, 0x01006f22, 0, true);
	wait_for(d, 1);
	settle(d);
	x11_keyboard_destroy(d->kb);
	d->kb = x11_keyboard_create(d->c, d->loop, NULL, keep_leds, d);
	assert_non_null(d->kb);
	check_same_mapping(d, before);
	check_quiet(d, 0);
	free(before);
}

static void tells_the_leds(void **state)
{
	struct desk *d = *state;
	assert_int_equal(x11_keyboard_leds(d->kb), 0);
	tap(d, XKB_KEY_Caps_Lock, 0x3a);
	settle(d);
	assert_int_equal(d->leds, SCREEN_LED_CAPS);
	tap(d, XKB_KEY_Num_Lock, 0x45);
	settle(d);
	assert_int_equal(d->leds, SCREEN_LED_CAPS | SCREEN_LED_NUM);
	assert_int_equal(x11_keyboard_leds(d->kb), SCREEN_LED_CAPS | SCREEN_LED_NUM);
	reader_lock_mods(&d->reader, 0); /* somebody else */
	settle(d);
	assert_int_equal(d->leds, 0);
	check_quiet(d, 0);
}

/* More characters at once than there are keycodes for them, read late. */
static void borrowed_keycodes_are_not_pulled_away(void **state)
{
	enum { N = 70 };
	struct desk *d = *state;
	uint32_t text[N];
	for (unsigned i = 0; i < N; i++) {
		text[i] = 0x01004e00 + i;
		tap(d, text[i], 0);
	}
	assert_true(x11_keyboard_busy(d->kb));
	for (unsigned i = 0; d->reader.n < N && i < 1000; i++) {
		d->reader.asleep = i % 8 != 0;
		turn(d);
	}
	d->reader.asleep = false;
	check_read(d, text, N);
	assert_false(x11_keyboard_busy(d->kb));
}

static void nonsense_is_ignored(void **state)
{
	static const uint32_t nonsense[] = { 0, 0x20000000, 0xffffffff, 0x1fffffff, 0x00ffffff,
		0x00eeeeee, 0x01110000, 0x0100d800, 0x01000000, 0x01000085, 0x1f,
		XKB_KEY_Terminate_Server, XKB_KEY_XF86Switch_VT_1, XKB_KEY_XF86ClearGrab,
		XKB_KEY_Pointer_Left, XKB_KEY_MouseKeys_Enable, XKB_KEY_ISO_Next_Group };
	struct desk *d = *state;
	run(d, "setxkbmap us"); /* without keys for such things */
	for (unsigned i = 0; i < ARRAY_LEN(nonsense); i++) {
		if (nonsense[i] != XKB_KEY_XF86Switch_VT_1)
			tap(d, nonsense[i], 0);
	}
	tap(d, 0, 0xe0);
	tap(d, 0, 0x100);
	settle(d);
	assert_int_equal(d->reader.n, 0);
	check_quiet(d, 0);
}

static uint32_t random_u32(void)
{
	static uint32_t x = 2463534242u;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static uint32_t random_keysym(void)
{
	switch (random_u32() % 8) {
	case 0: return random_u32();
	case 1: return 0xff00 + random_u32() % 256;
	case 2: return XKB_KEY_Shift_L + random_u32() % 14;
	case 3: return 0x01000100 + random_u32() % 8;
	case 4: return 0;
	default: return 0x20 + random_u32() % 0x60;
	}
}

static void nothing_stays_held_after_random_keys(void **state)
{
	struct desk *d = *state;
	const uint32_t none = 0; /* a program that reads 100,000 keys is not the matter */
	xcb_change_window_attributes(d->reader.c, d->reader.window, XCB_CW_EVENT_MASK, &none);
	skew_step_us = 1000000; /* or the keycodes to borrow would set the pace */
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t code = random_u32() % 2 ? random_u32() % 300 : 0;
		x11_keyboard_key(d->kb, random_keysym(), code, random_u32() % 2);
		if (i % 16 == 0)
			turn(d);
	}
	skew_step_us = 0;
	x11_keyboard_release_all(d->kb);
	uint64_t end = clock_now_us() + WAIT_US;
	do
		settle(d);
	while ((x11_keyboard_busy(d->kb) || reader_any_key_down(&d->reader)) &&
		clock_now_us() < end);
	assert_false(x11_keyboard_busy(d->kb));
	assert_false(reader_any_key_down(&d->reader));
	reader_lock_mods(&d->reader, 0);
	reader_lock_group(&d->reader, 0);
	assert_int_equal(reader_mods(&d->reader), 0);
}

static void a_grabbed_server_delays_nothing(void **state)
{
	struct desk *d = *state;
	xcb_connection_t *other = xcb_connect(d->server.display, NULL);
	xcb_grab_server(other);
	free(xcb_get_input_focus_reply(other, xcb_get_input_focus(other), NULL));
	uint64_t start = clock_now_us();
	for (unsigned i = 0; i < 400; i++) {
		tap(d, i % 2 ? 'a' : 0xe9, 0);
		x11_keyboard_poll(d->kb);
		xcb_flush(d->c);
	}
	assert_true(clock_now_us() - start < 5000000); /* it would be for ever */
	xcb_disconnect(other);
	wait_for(d, 400);
	assert_int_equal(d->reader.n, 400);
	check_quiet(d, 0);
	reader_forget(&d->reader);

	/* More than fits: nothing of it stays held. */
	other = xcb_connect(d->server.display, NULL);
	xcb_grab_server(other);
	free(xcb_get_input_focus_reply(other, xcb_get_input_focus(other), NULL));
	for (unsigned i = 0; i < 9001; i++) {
		x11_keyboard_key(d->kb, 'a' + i % 26, 0, true);
		x11_keyboard_poll(d->kb);
		xcb_flush(d->c);
	}
	xcb_disconnect(other);
	x11_keyboard_release_all(d->kb);
	uint64_t end = clock_now_us() + WAIT_US;
	do
		settle(d);
	while ((x11_keyboard_busy(d->kb) || reader_any_key_down(&d->reader)) &&
		clock_now_us() < end);
	check_quiet(d, 0);
}

static void creation_fails_cleanly(void **state)
{
	struct desk *d = *state;
	struct x11_keyboard *kb = NULL;
	unsigned failures = 0;
	for (; !kb && failures < 5000; failures++) {
		fail_after = (long)failures;
		kb = x11_keyboard_create(d->c, d->loop, NULL, keep_leds, d);
	}
	fail_after = -1;
	assert_non_null(kb);
	assert_true(failures > 1);
	x11_keyboard_destroy(kb);
	x11_keyboard_destroy(NULL);
}

static void needs_xtest(void **state)
{
	struct xvfb server;
	struct loop *l = loop_create();
	(void)state;
	xvfb_start(&server, "320x240x24", NULL, "XTEST");
	assert_null(x11_keyboard_create(server.client, l, NULL, keep_leds, NULL));
	xvfb_stop(&server);
	loop_destroy(l);
}

static void a_broken_connection_is_told(void **state)
{
	(void)state;
	xcb_connection_t *c = xcb_connect("unix:/nonexistent:0", NULL);
	struct loop *l = loop_create();
	struct x11_keyboard *kb = x11_keyboard_create(c, l, NULL, keep_leds, NULL);
	assert_null(kb);
	xcb_disconnect(c);
	loop_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(types_everything_on_every_layout),
		DESK_TEST(modifiers_of_the_viewer_do_not_matter),
		DESK_TEST(shortcuts_stay_shortcuts),
		DESK_TEST(a_code_chooses_the_key),
		DESK_TEST(releases_find_their_press),
		DESK_TEST(only_the_viewer_repeats),
		DESK_TEST(follows_a_change_of_layout),
		DESK_TEST(the_mapping_is_put_back),
		DESK_TEST(tells_the_leds),
		DESK_TEST(borrowed_keycodes_are_not_pulled_away),
		DESK_TEST(nonsense_is_ignored),
		DESK_TEST(nothing_stays_held_after_random_keys),
		DESK_TEST(a_grabbed_server_delays_nothing),
		DESK_TEST(creation_fails_cleanly),
		cmocka_unit_test(needs_xtest),
		cmocka_unit_test(a_broken_connection_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
