#include <stdlib.h>
#include <string.h>

#include "relay_house.h"

/* The nth allocation fails while an agent and a viewer meet, talk and part. */
static long fail_at, allocations;
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* What the guests allocate for themselves is not meant. */
static bool fails(void)
{
	return house_in_loop && ++allocations == fail_at;
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

/* How far they come depends on what fails. */
static bool meet(struct house *h)
{
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_resume(h, "run1", "control-ann");
	house_settle(h);
	if (!viewer->upgraded || !guest_text(agent, "open", 0))
		return false;
	struct guest *data = guest_answer(h, agent, 0, NULL);
	if (!data->upgraded)
		return false;
	guest_say_binary(data, "RFB 003.008\n");
	guest_say_binary(viewer, "RFB 003.008\n");
	house_settle(h);
	bool met = viewer->got.len == 12 && data->got.len == 12;
	relay_give_control(h->relay, "run1", NULL);
	guest_leave(viewer, 1000);
	house_settle(h);
	return met && data->close_code == 1000;
}

static void every_allocation_may_fail(void **state)
{
	struct house *h = *state;
	bool whole = false;
	for (fail_at = 1; !whole; fail_at++) {
		allocations = 0;
		h->n_used = 0;
		bool met = meet(h);
		whole = allocations < fail_at;
		assert_true(met || !whole);
		for (int i = 0; i < h->n_guests; i++)
			guest_vanish(&h->guests[i]);
		HOUSE_UNTIL(h, relay_is_idle(h->relay));
		struct relay_totals t = relay_totals(h->relay);
		assert_int_equal(t.channels + t.agents + t.pending, 0);
		house_settle(h);
		house_dismiss(h);
	}
	assert_true(fail_at > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { HOUSE_TEST(every_allocation_may_fail) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
