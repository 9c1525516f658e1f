#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "desktop/held.h"

/* A screen that counts what is down. */
struct fake {
	struct screen screen;
	int down[256];
	unsigned buttons;
	int events;
};

static void fake_key(struct screen *s, uint32_t keysym, uint32_t code, bool down)
{
	struct fake *f = (struct fake *)(void *)s;
	f->down[(code ? code : keysym) & 255] = down;
	f->events++;
}

static void fake_pointer(struct screen *s, int x, int y, unsigned buttons)
{
	struct fake *f = (struct fake *)(void *)s;
	(void)x;
	(void)y;
	f->buttons = buttons;
	f->events++;
}

static const struct screen_ops fake_ops = {
	.name = "fake", .key = fake_key, .pointer = fake_pointer
};

static int held_down(const struct fake *f)
{
	int n = 0;
	for (size_t i = 0; i < ARRAY_LEN(f->down); i++)
		n += f->down[i] != 0;
	return n;
}

static void everything_is_released(void **state)
{
	(void)state;
	struct fake f = { .screen = { .ops = &fake_ops } };
	struct held h = { 0 };
	held_key(&h, &f.screen, 'a', 0, true);
	held_key(&h, &f.screen, 'a', 0, true); /* auto-repeat */
	held_key(&h, &f.screen, 'b', 48, true);
	held_key(&h, &f.screen, 'c', 0, true);
	held_key(&h, &f.screen, 'c', 0, false);
	held_pointer(&h, &f.screen, 5, 6, 5, 0);
	assert_int_equal(held_down(&f), 2);
	assert_int_equal(h.n, 2);
	held_release(&h, &f.screen, 0);
	assert_int_equal(held_down(&f), 0);
	assert_int_equal(f.buttons, 0);
	int events = f.events;
	held_release(&h, &f.screen, 0);
	assert_int_equal(f.events, events);
}

/* The same key may be released under another keysym: its scan code tells. */
static void code_identifies_a_key(void **state)
{
	(void)state;
	struct fake f = { .screen = { .ops = &fake_ops } };
	struct held h = { 0 };
	held_key(&h, &f.screen, 'a', 30, true);
	held_key(&h, &f.screen, 'A', 30, false);
	assert_int_equal(h.n, 0);
}

static void a_flood_leaves_nothing_down(void **state)
{
	(void)state;
	struct fake f = { .screen = { .ops = &fake_ops } };
	struct held h = { 0 };
	uint32_t seed = 3;
	for (int i = 0; i < 100000; i++) {
		seed = seed * 1664525u + 1013904223u;
		held_key(&h, &f.screen, seed >> 8 & 255, 0, seed >> 24 & 1);
	}
	assert_true(h.n <= HELD_MAX);
	held_release(&h, &f.screen, 0);
	assert_int_equal(held_down(&f), 0);
}

/* One viewer moves while another drags. */
static void a_drag_survives_another_mouse(void **state)
{
	(void)state;
	struct fake f = { .screen = { .ops = &fake_ops } };
	struct held a = { 0 }, b = { 0 };
	held_pointer(&a, &f.screen, 5, 6, 1, b.buttons);
	held_pointer(&b, &f.screen, 7, 8, 0, a.buttons);
	assert_int_equal(f.buttons, 1);
	held_pointer(&b, &f.screen, 7, 8, 4, a.buttons);
	assert_int_equal(f.buttons, 5);
	held_release(&b, &f.screen, a.buttons);
	assert_int_equal(f.buttons, 1);
	held_pointer(&a, &f.screen, 5, 6, 0, b.buttons);
	assert_int_equal(f.buttons, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_released),
		cmocka_unit_test(code_identifies_a_key),
		cmocka_unit_test(a_flood_leaves_nothing_down),
		cmocka_unit_test(a_drag_survives_another_mouse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
