#include <stdlib.h>
#include <string.h>

#include "outpost.h"

/* The nth allocation fails, the gateway's and the lookers' too, while an agent joins and
 * is looked at: whatever comes of it, it ends in order and the next one works. */
static long fail_at, allocations;
static struct outpost *post;
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool fails(void)
{
	return fail_at && post->session->inside && ++allocations == fail_at;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

enum { TURNS = 60 };

static void try_it(struct outpost *o, long n)
{
	assert_non_null(outpost_join(o));
	struct looker *l = outpost_look(o, true, n % 2);
	allocations = 0;
	fail_at = n;
	for (int i = 0; i < TURNS; i++) {
		outpost_turn(o);
		if (i == TURNS / 2)
			looker_cut(l);
	}
	agent_output(o->agent, false, "text\n", 5);
	agent_finish(o->agent, 0);
	for (int i = 0; i < TURNS / 4; i++)
		outpost_turn(o);
	fail_at = 0;
	outpost_leave(o);
	outpost_settle(o);
}

static void every_so_many_allocations_one_fails(void **state)
{
	long n = 1, most = 0, worked = 0;
	(void)state;
	do {
		void *made;
		assert_int_equal(outpost_set_up(&made), 0);
		post = made;
		post->gateway_may_end = true; /* its store is lost with one of its allocations */
		try_it(post, n);
		most = allocations > most ? allocations : most;
		if (!post->gateway_ended) {
			outpost_make_run(post);
			assert_non_null(outpost_join(post));
			struct looker *l = outpost_look(post, true, true);
			OUTPOST_UNTIL(post, looker_shows(l));
			worked++;
		}
		outpost_tear_down(&made);
		n += 1 + n / 6;
	} while (n <= most);
	assert_true(n > 100 && worked > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_so_many_allocations_one_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
