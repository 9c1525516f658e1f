#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pix/region.h"

static void clip_is_exact_at_the_edges(void **state)
{
	(void)state;
	struct rect r = rect_clip((struct rect){ 65530, 0, 10, 65535 }, 65535, 100);
	assert_true(rect_equal(r, (struct rect){ 65530, 0, 5, 100 }));
	assert_true(rect_empty(rect_clip((struct rect){ 100, 0, 1, 1 }, 100, 100)));
	assert_true(rect_empty(rect_clip((struct rect){ 0, 0, 0, 0 }, 100, 100)));
	assert_true(rect_contains((struct rect){ 0, 0, 9, 9 }, (struct rect){ 8, 8, 1, 1 }));
	assert_false(rect_contains((struct rect){ 0, 0, 9, 9 }, (struct rect){ 8, 8, 2, 1 }));
	struct rect u = rect_union((struct rect){ 5, 5, 1, 1 }, (struct rect){ 1, 9, 1, 1 });
	assert_true(rect_equal(u, (struct rect){ 1, 5, 5, 5 }));
}

static void regions_add_and_subtract(void **state)
{
	(void)state;
	struct region a, b;
	region_init_rect(&a, (struct rect){ 0, 0, 100, 100 });
	region_init_rect(&b, (struct rect){ 25, 25, 50, 50 });
	region_subtract(&a, &b);
	assert_int_equal(region_count(&a), 4);
	assert_false(region_intersects(&a, (struct rect){ 30, 30, 5, 5 }));
	assert_false(region_contains(&a, (struct rect){ 0, 0, 30, 30 }));
	assert_true(region_contains(&a, (struct rect){ 0, 0, 25, 100 }));
	region_add(&a, &b);
	assert_int_equal(region_count(&a), 1);
	assert_true(rect_equal(region_bounds(&a), (struct rect){ 0, 0, 100, 100 }));
	region_translate(&a, 10, -10);
	region_intersect_rect(&a, (struct rect){ 0, 0, 20, 20 });
	assert_true(rect_equal(region_at(&a, 0), (struct rect){ 10, 0, 10, 20 }));
	region_subtract_rect(&a, (struct rect){ 0, 0, 99, 99 });
	assert_true(region_empty(&a));
	assert_false(region_broken(&a));
	region_fini(&a);
	region_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clip_is_exact_at_the_edges),
		cmocka_unit_test(regions_add_and_subtract),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
