/* What the benchmark reckons with: markers, medians, ratios, its film. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "../../bench/marker.h"
#include "../../bench/nature.h"
#include "../../bench/tally.h"

enum { W = MARKER_W + 40, H = MARKER_H + 40, AT_X = 13, AT_Y = 7, GREY = 0x808080 };

static void markers_read_as_painted(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 2, 0x5555, 0xaaaa, 0x8000, 0xffff };
	uint32_t px[W * H];
	struct pix_canvas c = { px, W, W, H };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		memset(px, 0x77, sizeof(px));
		assert_int_equal(marker_read(&c, AT_X, AT_Y), -1);
		marker_paint(pix_canvas_at(&c, AT_X, AT_Y), c.stride, numbers[i]);
		assert_int_equal(marker_read(&c, AT_X, AT_Y), (int)numbers[i]);
	}
	assert_int_equal(marker_read(&c, W - MARKER_W + 1, 0), -1);
	assert_int_equal(marker_read(&c, 0, H - MARKER_H + 1), -1);
}

/* One block of the old number, or of anything else, among the new ones. */
static void a_torn_marker_is_no_number(void **state)
{
	uint32_t px[W * H];
	struct pix_canvas c = { px, W, W, H };

	(void)state;
	for (int block = 0; block < MARKER_BITS; block++) {
		marker_paint(px, W, 0x1234);
		for (int y = 0; y < MARKER_BLOCK; y++)
			for (int x = 0; x < MARKER_BLOCK; x++)
				*pix_canvas_at(&c, block * MARKER_BLOCK + x, y) ^= 0xffffff;
		assert_int_equal(marker_read(&c, 0, 0), -1);
		*pix_canvas_at(&c, block * MARKER_BLOCK + MARKER_BLOCK / 2, MARKER_BLOCK / 2) =
			GREY;
		assert_int_equal(marker_read(&c, 0, 0), -1);
	}
}

static void a_film_goes_forth_and_back(void **state)
{
	static const int order[] = { 0, 1, 2, 1, 0, 1, 2, 1 };
	struct nature n;

	(void)state;
	assert_int_equal(nature_init(&n, 64, 32, 3), OK);
	for (uint32_t i = 0; i < ARRAY_LEN(order); i++)
		assert_int_equal(nature_frame(&n, i), order[i]);
	assert_memory_not_equal(n.px, n.px + 64 * 32, 64 * 32 * sizeof(*n.px));
	nature_fini(&n);
	nature_fini(&n);
}

static void draw_nothing(struct stage *s, uint32_t frame)
{
	(void)s, (void)frame;
}

static void no_arguments(struct contestant_line *l)
{
	l->argv[0] = NULL;
}

static const struct workload typing = { .name = "typing", .draw = draw_nothing, .lossless = true };
static const struct contestant ours = { "porthole", NULL, no_arguments },
			       theirs = { "X0tigervnc", NULL, no_arguments },
			       none = { "none", NULL, NULL };

static struct tally make_tally(int rounds)
{
	struct tally t;
	assert_int_equal(tally_init(&t, 1, 3, rounds), OK);
	t.workloads[0] = &typing;
	t.contestants[0] = &ours;
	t.contestants[1] = &theirs;
	t.contestants[2] = &none;
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < rounds; i++)
			*tally_at(&t, 0, c, i) = (struct trial){ .seconds = 2,
				.server_cpu_ms = 10,
				.x_cpu_ms = c == 2 ? 20 : 50,
				.drawn = c == 2 ? 20 : 40,
				.seen = 25,
				.received_kb = 50,
				.p50_ms = c == 0 ? 1 + i : 8,
				.p95_ms = NAN,
				.truth.exact = true };
	return t;
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

/* 10 of the server and 50 of the X server, less 1 for each of 40 frames drawn, over
 * 25 frames seen. */
static void cpu_leaves_out_what_drawing_costs(void **state)
{
	struct tally t = make_tally(3);
	(void)state;
	assert_true(near(tally_median(&t, METRIC_CPU, 0, 0), (10 + 50 - 40) / 25.0));
	assert_true(near(tally_median(&t, METRIC_KB, 0, 0), 2));
	assert_true(near(tally_median(&t, METRIC_FPS, 0, 0), 12.5));
	assert_true(isnan(tally_median(&t, METRIC_P95, 0, 0)));
	assert_true(isnan(tally_median(&t, METRIC_CPU, 0, 2)));
	tally_fini(&t);
}

static void ratios_are_of_medians(void **state)
{
	struct tally t = make_tally(4);
	(void)state;
	tally_at(&t, 0, 0, 3)->p50_ms = 1000;
	assert_true(near(tally_median(&t, METRIC_P50, 0, 0), 2.5));
	assert_true(near(tally_ratio(&t, METRIC_P50, 0, 1), 2.5 / 8));
	tally_at(&t, 0, 0, 3)->failed = true;
	assert_true(near(tally_median(&t, METRIC_P50, 0, 0), 2));
	assert_true(near(tally_bar(&t, &bars[0]), 0.25));
	assert_true(isnan(tally_bar(&t, &bars[1]))); /* no such workload */
	tally_fini(&t);
}

static void wrong_pictures_are_faults(void **state)
{
	struct tally t = make_tally(2);
	(void)state;
	assert_int_equal(tally_faults(&t), 0);
	tally_at(&t, 0, 1, 0)->truth.exact = false;
	tally_at(&t, 0, 2, 0)->truth.exact = false; /* nobody looked */
	assert_int_equal(tally_faults(&t), 1);
	tally_at(&t, 0, 2, 1)->failed = true;
	assert_int_equal(tally_faults(&t), 2);
	tally_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markers_read_as_painted),
		cmocka_unit_test(a_torn_marker_is_no_number),
		cmocka_unit_test(a_film_goes_forth_and_back),
		cmocka_unit_test(cpu_leaves_out_what_drawing_costs),
		cmocka_unit_test(ratios_are_of_medians),
		cmocka_unit_test(wrong_pictures_are_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
