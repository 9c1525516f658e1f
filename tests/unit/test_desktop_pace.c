#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "desktop/pace.h"

/* Updates every `every_us` where the pace allows, over a path and a viewer that
 * answer each after trip_us, or queue_us after the one before. Returns how many
 * were under way at the most. */
static unsigned play(
	struct pace *p, uint64_t every_us, uint64_t trip_us, uint64_t queue_us, unsigned *sent)
{
	uint64_t due[256], last = 0;
	unsigned first = 0, most = 0;
	uint8_t numbers[256];
	*sent = 0;
	for (uint64_t now = 1; now < 3000000; now += 100) {
		while (first < *sent && due[first % 256] <= now) {
			pace_answered(p, numbers[first % 256], now);
			first++;
		}
		if (now % every_us > 100 || !pace_open(p))
			continue;
		uint64_t at = now + trip_us > last + queue_us ? now + trip_us : last + queue_us;
		last = due[*sent % 256] = at;
		numbers[*sent % 256] = pace_sent(p, now);
		(*sent)++;
		if (*sent - first > most)
			most = *sent - first;
	}
	return most;
}

static void a_long_path_is_filled(void **state)
{
	(void)state;
	struct pace p = { 0 };
	unsigned sent, most = play(&p, 16700, 100000, 0, &sent);
	assert_true(sent > 150); /* of about 180 */
	assert_true(most >= 6 && most <= 9);
}

static void a_slow_viewer_has_two(void **state)
{
	(void)state;
	struct pace p = { 0 };
	unsigned sent, most = play(&p, 16700, 20000, 50000, &sent);
	assert_int_equal(most, 2);
	assert_true(sent >= 55 && sent <= 64); /* what it can take: 60 */
}

static void strange_answers_are_no_matter(void **state)
{
	(void)state;
	struct pace p = { 0 };
	pace_answered(&p, 0, 5);
	assert_int_equal(p.base_us, 0);
	uint8_t a = pace_sent(&p, 1000), b = pace_sent(&p, 2000);
	assert_false(pace_open(&p));
	pace_answered(&p, (uint8_t)(b + 1), 3000);
	pace_answered(&p, (uint8_t)(a - 1), 3000);
	assert_int_equal(p.n, 2);
	pace_answered(&p, b, 3000); /* and with it the one before */
	assert_int_equal(p.n, 0);
	assert_int_equal(p.base_us, 1000);
	pace_answered(&p, b, 3000);
	for (int i = 0; i < 1000; i++)
		pace_sent(&p, 5000);
	assert_int_equal(p.n, PACE_MAX);
	assert_false(pace_open(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_path_is_filled),
		cmocka_unit_test(a_slow_viewer_has_two),
		cmocka_unit_test(strange_answers_are_no_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
