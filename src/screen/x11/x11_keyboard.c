#include "x11_keyboard.h"

#include <stdlib.h>
#include <xcb/xtest.h>

#include "base/clock.h"
#include "base/err.h"
#include "x11_borrow.h"
#include "x11_detour.h"
#include "x11_keysym.h"
#include "x11_qnum.h"
#include "x11_xkb.h"

enum {
	QUEUE_MAX = 4096, /* operations; a person types some 30 a second */
	PUT_BACK_US = 1000000,
};

enum op_kind { OP_PRESS, OP_RELEASE, OP_RELEASE_ALL };

struct op {
	enum op_kind kind;
	bool borrowed; /* a keycode was changed for it, so look again */
	uint32_t keysym, code;
};

/* What the viewer said when a keycode went down, to find it at the release. */
struct cause {
	uint32_t keysym, code;
};

struct x11_keyboard {
	xcb_connection_t *c;   /* borrowed */
	const struct log *log; /* borrowed */
	x11_keyboard_on_leds *on_leds;
	void *ctx;
	struct x11_xkb xkb;

	bool held[256]; /* keycodes that we hold down */
	struct cause causes[256];
	struct x11_borrow borrow;
	struct loop_timer *settle; /* owned; the queue stands while it runs */

	struct op queue[QUEUE_MAX]; /* a ring */
	unsigned first, n;
};

static void fake(struct x11_keyboard *kb, uint8_t keycode, bool down)
{
	xcb_test_fake_input(kb->c, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, keycode,
		XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
}

static void set_repeat(struct x11_keyboard *kb, bool on)
{
	const uint32_t mode = on ? XCB_AUTO_REPEAT_MODE_ON : XCB_AUTO_REPEAT_MODE_OFF;
	xcb_change_keyboard_control(kb->c, XCB_KB_AUTO_REPEAT_MODE, &mode);
}

/* The viewer repeats a key that its user holds. The server must not do so as
 * well, or a lost link types on; it decides at the press, so that is the only
 * moment for which repetition is off. */
static void press(struct x11_keyboard *kb, uint8_t keycode)
{
	if (kb->xkb.repeats)
		set_repeat(kb, false);
	fake(kb, keycode, true);
	if (kb->xkb.repeats)
		set_repeat(kb, true);
}

static void release(struct x11_keyboard *kb, uint8_t keycode)
{
	fake(kb, keycode, false);
	kb->held[keycode] = false;
}

/* The key held for this keysym and code; 0: none. A viewer may name another
 * keysym at the release, as when Shift went up first: then it is the key with
 * the same code, or else the one that could also give that keysym. */
static uint8_t find_held(const struct x11_keyboard *kb, uint32_t keysym, uint32_t code, bool guess)
{
	uint8_t guessed = 0;
	for (unsigned i = 8; i < 256; i++) {
		const struct cause *cause = &kb->causes[i];
		if (!kb->held[i])
			continue;
		if (code != 0 ? cause->code == code : cause->code == 0 && cause->keysym == keysym)
			return (uint8_t)i;
		if (keysym != 0 && cause->keysym == keysym)
			guessed = (uint8_t)i;
		else if (guess && guessed == 0 &&
			 x11_keymap_gives(kb->xkb.map, (uint8_t)i, kb->xkb.state.group, keysym))
			guessed = (uint8_t)i;
	}
	return guessed;
}

/* Which key to press, and with what. The keysym decides and the code only
 * chooses among the keys that give it: a viewer with another layout than ours
 * gets the characters it means, and with the same layout the very same key (the
 * left or the right one, the keypad's or the other). Modifiers follow the same
 * rule, because the text that comes next is chosen by the state they make. */
static bool find_way(struct x11_keyboard *kb, const struct op *op, struct x11_keymap_way *way)
{
	uint8_t raw = x11_qnum_keycode(op->code);
	if (op->keysym == 0) {
		*way = (struct x11_keymap_way){ raw, kb->xkb.state.group, kb->xkb.state.mods };
		return raw != 0;
	}
	if (x11_keymap_find(
		    kb->xkb.map, op->keysym, raw, kb->xkb.state.group, kb->xkb.state.mods, way))
		return true;
	if (x11_keysym_kind(op->keysym) != X11_KEYSYM_MODIFIER)
		return false;
	for (uint32_t k = x11_keysym_substitute(op->keysym); k != 0; k = x11_keysym_substitute(k)) {
		if (x11_keymap_find(
			    kb->xkb.map, k, 0, kb->xkb.state.group, kb->xkb.state.mods, way))
			return true;
	}
	return false;
}

static void press_way(
	struct x11_keyboard *kb, const struct op *op, const struct x11_keymap_way *way)
{
	struct x11_detour detour;
	if (kb->held[way->keycode])
		release(kb, way->keycode);
	x11_detour_begin(&detour, kb->c, kb->xkb.map, &kb->xkb.state, kb->held, way);
	press(kb, way->keycode);
	x11_detour_end(&detour, kb->c, &kb->xkb.state);
	kb->held[way->keycode] = true;
	kb->causes[way->keycode] = (struct cause){ op->keysym, op->code };
	x11_borrow_used(&kb->borrow, way->keycode, clock_now_us());
	x11_xkb_ask(&kb->xkb, X11_XKB_STATE);
}

static void queue_again(struct x11_keyboard *kb, const struct op *op)
{
	kb->first = (kb->first + QUEUE_MAX - 1) % QUEUE_MAX;
	kb->queue[kb->first] = *op;
	kb->n++;
}

/* A borrowed keycode would have the name of a modifier but not its effect. */
static bool may_borrow(const struct op *op)
{
	enum x11_keysym_kind kind = x11_keysym_kind(op->keysym);
	return !op->borrowed && !x11_keysym_acts(op->keysym) &&
	       (kind == X11_KEYSYM_TEXT || kind == X11_KEYSYM_FUNCTION);
}

/* Looks for a keycode for an operation that no key can do, which then is done
 * once more. */
static void borrow(struct x11_keyboard *kb, struct op *op)
{
	uint64_t wait_us = 0;
	int err = x11_borrow_take(&kb->borrow, kb->c, kb->xkb.map, kb->held,
		x11_keysym_canonical(op->keysym), clock_now_us(), &wait_us);
	if (err == ERR_LIMIT) {
		log_debug(kb->log, "x11: no keycode is free for a key that is not on the keyboard");
		return;
	}
	op->borrowed = err == OK;
	queue_again(kb, op);
	if (err == OK)
		x11_xkb_ask(&kb->xkb, X11_XKB_KEYMAP);
	else
		loop_timer_start(kb->settle, wait_us / 1000 + 1);
}

static void do_press(struct x11_keyboard *kb, struct op *op)
{
	struct x11_keymap_way way;
	enum x11_keysym_kind kind = x11_keysym_kind(op->keysym);
	if (op->keysym != 0 && kind == X11_KEYSYM_NONE)
		return;
	uint8_t held = find_held(kb, op->keysym, op->code, false);
	bool found = find_way(kb, op, &way);
	if (held != 0 && x11_keymap_modmap(kb->xkb.map, held) != 0 && found && held == way.keycode)
		return; /* modifiers do not repeat */
	if (held != 0 && !(found && held == way.keycode)) {
		release(kb, held);
		x11_xkb_ask(&kb->xkb, X11_XKB_STATE);
	}
	if (found)
		press_way(kb, op, &way);
	else if (may_borrow(op))
		borrow(kb, op);
}

static void do_release(struct x11_keyboard *kb, const struct op *op)
{
	uint8_t keycode = find_held(kb, op->keysym, op->code, true);
	if (keycode == 0)
		return;
	release(kb, keycode);
	x11_xkb_ask(&kb->xkb, X11_XKB_STATE);
}

static void release_held(struct x11_keyboard *kb)
{
	for (unsigned i = 8; i < 256; i++) {
		if (kb->held[i])
			release(kb, (uint8_t)i);
	}
}

static void do_release_all(struct x11_keyboard *kb)
{
	uint64_t now = clock_now_us();
	release_held(kb);
	x11_borrow_put_back(
		&kb->borrow, kb->c, kb->held, now > PUT_BACK_US ? now - PUT_BACK_US : 0);
	x11_xkb_ask(&kb->xkb, X11_XKB_STATE);
}

/* Every operation is planned on what the server said after the last one: a
 * prediction of what Shift, locks, latches and groups do would be a copy of the
 * server's rules and wrong in the end. */
static void run_queue(struct x11_keyboard *kb)
{
	while (kb->n > 0 && !x11_xkb_waiting(&kb->xkb) && !loop_timer_active(kb->settle)) {
		struct op op = kb->queue[kb->first];
		kb->first = (kb->first + 1) % QUEUE_MAX;
		kb->n--;
		switch (op.kind) {
		case OP_PRESS: do_press(kb, &op); break;
		case OP_RELEASE: do_release(kb, &op); break;
		case OP_RELEASE_ALL: do_release_all(kb); break;
		}
	}
}

static void settled(void *ctx)
{
	run_queue(ctx);
}

static void queue_op(struct x11_keyboard *kb, struct op op)
{
	/* One place stays free for queue_again(). */
	if (kb->n == QUEUE_MAX - 1) {
		log_warn(kb->log, "x11: the server does not answer, keys were dropped");
		kb->n = 0;
		kb->queue[(kb->first + kb->n++) % QUEUE_MAX] =
			(struct op){ .kind = OP_RELEASE_ALL };
	}
	kb->queue[(kb->first + kb->n++) % QUEUE_MAX] = op;
	run_queue(kb);
}

struct x11_keyboard *x11_keyboard_create(xcb_connection_t *c, struct loop *l, const struct log *log,
	x11_keyboard_on_leds *on_leds, void *ctx)
{
	struct x11_keyboard *kb = calloc(1, sizeof(*kb));
	if (!kb)
		return NULL;
	kb->c = c;
	kb->log = log;
	kb->on_leds = on_leds;
	kb->ctx = ctx;
	kb->settle = loop_timer_create(l, settled, kb);
	if (kb->settle && x11_xkb_init(&kb->xkb, c, log) == OK)
		return kb;
	x11_keyboard_destroy(kb);
	return NULL;
}

void x11_keyboard_destroy(struct x11_keyboard *kb)
{
	if (!kb)
		return;
	release_held(kb);
	x11_borrow_put_back(&kb->borrow, kb->c, kb->held, UINT64_MAX);
	x11_xkb_fini(&kb->xkb);
	loop_timer_destroy(kb->settle);
	free(kb);
}

void x11_keyboard_key(struct x11_keyboard *kb, uint32_t keysym, uint32_t code, bool down)
{
	queue_op(
		kb, (struct op){
			    .kind = down ? OP_PRESS : OP_RELEASE, .keysym = keysym, .code = code });
}

void x11_keyboard_release_all(struct x11_keyboard *kb)
{
	queue_op(kb, (struct op){ .kind = OP_RELEASE_ALL });
}

bool x11_keyboard_busy(const struct x11_keyboard *kb)
{
	return kb->n > 0;
}

bool x11_keyboard_event(struct x11_keyboard *kb, const xcb_generic_event_t *ev)
{
	return x11_xkb_event(&kb->xkb, ev);
}

void x11_keyboard_poll(struct x11_keyboard *kb)
{
	unsigned leds = kb->xkb.leds;
	if (x11_xkb_poll(&kb->xkb))
		x11_borrow_check(&kb->borrow, kb->xkb.map);
	run_queue(kb);
	if (kb->xkb.leds != leds)
		kb->on_leds(kb->ctx, kb->xkb.leds);
}

unsigned x11_keyboard_leds(const struct x11_keyboard *kb)
{
	return kb->xkb.leds;
}
