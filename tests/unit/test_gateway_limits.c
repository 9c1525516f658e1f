#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/limits.h"

enum { SECOND = 1000 * 1000 };

static struct limits *make(int per_min, int per_s)
{
	struct limits *l = limits_create(&(struct limits_config){ per_min, per_s });
	assert_non_null(l);
	return l;
}

static void a_bucket_empties_and_fills(void **state)
{
	struct limits *l = make(60, 10);
	uint64_t now = 1000ull * SECOND;
	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 1);
	assert_int_equal(limits_look(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 1);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.2", NULL, now), 0);
	assert_int_equal(limits_take(l, LIMITS_REFUSED, "192.0.2.1", NULL, now), 0);
	now += SECOND;
	assert_int_equal(limits_look(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 1);
	now += 3600ull * SECOND; /* it does not become more than full */
	for (int i = 0; i < 60; i++)
		assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, now), 1);
	limits_destroy(l);
}

static void agents_have_buckets_of_their_own(void **state)
{
	struct limits *l = make(0, 0);
	(void)state;
	for (int i = 0; i < 500; i++)
		assert_int_equal(limits_take(l, LIMITS_AGENT, "192.0.2.1", "a1", 5), 0);
	assert_int_not_equal(limits_take(l, LIMITS_AGENT, "192.0.2.1", "a1", 5), 0);
	assert_int_equal(limits_take(l, LIMITS_AGENT, "192.0.2.1", "a2", 5), 0);
	assert_int_equal(limits_take(l, LIMITS_AGENT, "192.0.2.2", "a1", 5), 0);
	assert_int_equal(limits_look(l, LIMITS_AGENT, "192.0.2.1", "a1", 5 + SECOND), 0);
	limits_destroy(l);
}

static void ipv6_counts_by_its_net(void **state)
{
	struct limits *l = make(1, 1);
	(void)state;
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "2001:db8::1", NULL, 5), 0);
	assert_int_not_equal(limits_take(l, LIMITS_ADDRESS, "2001:db8::ffff", NULL, 5), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "2001:db8:0:1::1", NULL, 5), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "unix", NULL, 5), 0);
	limits_destroy(l);
}

static void the_table_forgets_who_came_first(void **state)
{
	struct limits *l = make(1, 1);
	char address[32];
	(void)state;
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, 5), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.2", NULL, 5), 0);
	for (int i = 0; i < 64 * 1024 - 2; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.1", i / 256, i % 256);
		assert_int_equal(limits_take(l, LIMITS_ADDRESS, address, NULL, 5), 0);
	}
	/* full: asking again keeps one in it, so the next newcomer displaces the other */
	assert_int_not_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.1", NULL, 5), 0);
	assert_int_equal(limits_take(l, LIMITS_ADDRESS, "192.0.2.3", NULL, 5), 0);
	assert_int_not_equal(limits_look(l, LIMITS_ADDRESS, "192.0.2.1", NULL, 5), 0);
	assert_int_equal(limits_look(l, LIMITS_ADDRESS, "192.0.2.2", NULL, 5), 0);
	limits_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_empties_and_fills),
		cmocka_unit_test(agents_have_buckets_of_their_own),
		cmocka_unit_test(ipv6_counts_by_its_net),
		cmocka_unit_test(the_table_forgets_who_came_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
