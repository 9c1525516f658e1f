#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "desktop/move.h"

enum { W = 400, H = 300 };

static uint32_t before_px[W * H], now_px[W * H];
static const struct pix_view before = { before_px, W, W, H }, now = { now_px, W, W, H };

static uint32_t rnd(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Lines of black marks with blank rows between, like text. */
static void draw_row(uint32_t *row, int w, uint32_t line)
{
	uint32_t seed = line * 7919 + 1;
	bool blank = line % 16 >= 11;
	for (int x = 0; x < w; x++)
		row[x] = blank || rnd(&seed) % 3 ? 0xffffff : 0x101010;
}

static void draw_page(uint32_t *px, struct rect box, int scrolled)
{
	for (int y = 0; y < box.h; y++)
		draw_row(px + (box.y + y) * W + box.x, box.w, (uint32_t)(1000 + y + scrolled));
}

static void check_scroll(struct rect box, int dy)
{
	memset(before_px, 0x33, sizeof(before_px));
	memset(now_px, 0x33, sizeof(now_px));
	draw_page(before_px, box, 0);
	draw_page(now_px, box, -dy);
	struct move m;
	assert_true(move_find(&before, &now, box, &m));
	assert_int_equal(m.dy, dy);
	assert_int_equal(m.to.h, box.h - abs(dy));
	assert_int_equal(m.to.y, dy > 0 ? box.y + dy : box.y);
	move_apply(&m, &(struct pix_canvas){ before_px, W, W, H });
	for (int y = m.to.y; y < m.to.y + m.to.h; y++)
		assert_memory_equal(before_px + y * W, now_px + y * W, W * sizeof(uint32_t));
}

static void scrolls_are_found(void **state)
{
	(void)state;
	static const int distances[] = { 1, -1, 3, -7, 13, -13, 40, -64, 120 };
	for (size_t i = 0; i < sizeof(distances) / sizeof(*distances); i++) {
		check_scroll((struct rect){ 0, 0, W, H }, distances[i]);
		check_scroll((struct rect){ 33, 20, 301, 250 }, distances[i]);
	}
}

static void a_scroll_bar_does_not_hide_it(void **state)
{
	(void)state;
	struct rect box = { 0, 0, W, H };
	draw_page(before_px, box, 0);
	draw_page(now_px, box, 13);
	for (int y = 0; y < H; y++)
		for (int x = W - 12; x < W; x++)
			now_px[y * W + x] = y < 100 ? 0x808080 : 0xc0c0c0;
	struct move m;
	assert_true(move_find(&before, &now, box, &m));
	assert_int_equal(m.dy, -13);
}

static void what_does_not_scroll_is_left(void **state)
{
	(void)state;
	uint32_t seed = 5;
	struct move m;
	struct rect box = { 0, 0, W, H };
	for (int i = 0; i < W * H; i++) {
		before_px[i] = rnd(&seed) & 0xffffff;
		now_px[i] = rnd(&seed) & 0xffffff;
	}
	assert_false(move_find(&before, &now, box, &m));
	memcpy(now_px, before_px, sizeof(now_px));
	assert_false(move_find(&before, &now, box, &m));
	memset(before_px, 0, sizeof(before_px));
	memset(now_px, 0xff, sizeof(now_px));
	assert_false(move_find(&before, &now, box, &m));
	assert_false(move_find(&before, &now, (struct rect){ 0, 0, 10, H }, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrolls_are_found),
		cmocka_unit_test(a_scroll_bar_does_not_hide_it),
		cmocka_unit_test(what_does_not_scroll_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
