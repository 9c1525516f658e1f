#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel/tunnel_resume.h"

/* The nth allocation fails. */
static long fail_at, allocations;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return fail_at && ++allocations == fail_at ? NULL : __real_malloc(size);
}

/* One end, the wire that leads away from it, and what the other end wrote. */
struct end {
	struct tunnel_resume *t;
	struct buf wire;
	uint64_t wrote, got; /* byte counts; byte number n of a stream is pattern(n) */
	int refused, closed;
	enum tunnel_refusal reason;
};

struct pair {
	struct end agent, viewer;
	unsigned dice;
	uint8_t next_key;
};

static unsigned roll(struct pair *p, unsigned below)
{
	p->dice = p->dice * 1103515245u + 12345u;
	return (p->dice >> 8) % below;
}

static uint8_t pattern(uint64_t n)
{
	return (uint8_t)(n * 31 + (n >> 8) * 7 + (n >> 16));
}

static int set_up(void **state)
{
	static struct pair p;
	p = (struct pair){ .dice = 4711 };
	p.agent.t = tunnel_resume_create(TUNNEL_AGENT);
	p.viewer.t = tunnel_resume_create(TUNNEL_VIEWER);
	buf_init(&p.agent.wire, 4 * TUNNEL_TAIL_MAX);
	buf_init(&p.viewer.wire, 4 * TUNNEL_TAIL_MAX);
	fail_at = 0;
	*state = &p;
	return p.agent.t && p.viewer.t ? 0 : -1;
}

static int tear_down(void **state)
{
	struct pair *p = *state;
	tunnel_resume_destroy(p->agent.t);
	tunnel_resume_destroy(p->viewer.t);
	buf_fini(&p->agent.wire);
	buf_fini(&p->viewer.wire);
	return 0;
}

static void send_all(struct end *e)
{
	struct iovec parts[TUNNEL_OUT_PARTS];
	while (tunnel_resume_has_next(e->t)) {
		size_t n = tunnel_resume_next(e->t, parts);
		assert_true(n > 0);
		for (size_t i = 0; i < n; i++)
			buf_put(&e->wire, parts[i].iov_base, parts[i].iov_len);
	}
	assert_int_equal(tunnel_resume_next(e->t, parts), 0);
	assert_int_equal(buf_ok(&e->wire), OK);
}

static int hear(struct end *e, const uint8_t *data, size_t n)
{
	struct rd in = rd_of(data, n);
	struct tunnel_input heard;
	int err;
	while ((err = tunnel_resume_read(e->t, &in, &heard)) == OK) {
		for (size_t i = 0; i < heard.n; i++)
			assert_int_equal(heard.data[i], pattern(e->got++));
		e->refused += heard.event == TUNNEL_EVENT_REFUSED;
		e->closed += heard.event == TUNNEL_EVENT_CLOSED;
		e->reason = heard.reason;
		if (heard.event == TUNNEL_EVENT_REFUSED || heard.event == TUNNEL_EVENT_CLOSED)
			return OK;
	}
	if (err == ERR_AGAIN)
		assert_int_equal(in.left, 0);
	return err;
}

static void write_some(struct end *e, size_t n)
{
	static uint8_t bytes[TUNNEL_TAIL_MAX];
	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern(e->wrote + i);
	assert_int_equal(tunnel_resume_write(e->t, bytes, n), OK);
	e->wrote += n;
}

static int accept_opening(struct pair *p, const struct tunnel_record *r, enum tunnel_refusal *why)
{
	uint8_t fresh[TUNNEL_KEY] = { ++p->next_key, 0xaa };
	return tunnel_resume_accept(p->agent.t, r, fresh, why);
}

/* What the viewer's end opens a link with. */
static struct tunnel_record take_opening(struct pair *p)
{
	struct tunnel_record r;
	tunnel_resume_start(p->viewer.t);
	send_all(&p->viewer);
	struct rd in = rd_of(p->viewer.wire.data, p->viewer.wire.len);
	assert_int_equal(tunnel_record_parse(&in, &r), OK);
	assert_int_equal(in.left, 0);
	buf_reset(&p->viewer.wire);
	return r;
}

static void lose_link(struct pair *p)
{
	tunnel_resume_lost(p->agent.t);
	tunnel_resume_lost(p->viewer.t);
	buf_reset(&p->agent.wire);
	buf_reset(&p->viewer.wire);
}

static void open_link(struct pair *p)
{
	enum tunnel_refusal why;
	struct tunnel_record r = take_opening(p);
	assert_int_equal(accept_opening(p, &r, &why), OK);
}

/* Passes at most `budget` bytes on, in pieces of random length; true: all was passed. */
static bool pass(struct pair *p, size_t budget)
{
	while (budget > 0) {
		send_all(&p->agent);
		send_all(&p->viewer);
		bool from_agent = roll(p, 2) == 0;
		if (p->agent.wire.len == 0 && p->viewer.wire.len == 0)
			return true;
		struct end *from = from_agent ? &p->agent : &p->viewer;
		struct end *to = from_agent ? &p->viewer : &p->agent;
		size_t n = 1 + roll(p, roll(p, 4) ? 40 : 100000);
		n = n < from->wire.len ? n : from->wire.len;
		n = n < budget ? n : budget;
		assert_int_equal(hear(to, from->wire.data, n), ERR_AGAIN);
		buf_consume(&from->wire, n);
		budget -= n;
	}
	return false;
}

static void settle(struct pair *p)
{
	while (!pass(p, 1000000))
		;
	tunnel_resume_ack(p->agent.t);
	tunnel_resume_ack(p->viewer.t);
	while (!pass(p, 1000000))
		;
}

static void bytes_pass_both_ways(void **state)
{
	struct pair *p = *state;
	assert_false(tunnel_resume_up(p->viewer.t));
	open_link(p);
	assert_true(tunnel_resume_up(p->agent.t));
	write_some(&p->agent, 200000);
	settle(p);
	assert_true(tunnel_resume_up(p->viewer.t));
	write_some(&p->viewer, 10);
	settle(p);
	assert_true(p->viewer.got == 200000 && p->agent.got == 10);
	assert_int_equal(tunnel_resume_unacked(p->agent.t), 0);
	assert_int_equal(tunnel_resume_unacked(p->viewer.t), 0);
}

/* The link dies at random bytes, in every state, again and again. */
static void every_byte_arrives_once_in_order(void **state)
{
	struct pair *p = *state;
	uint64_t total = 0;
	for (int round = 0; round < 600; round++) {
		for (int i = 0; i < 2; i++) {
			struct end *e = i ? &p->agent : &p->viewer;
			size_t n = roll(p, roll(p, 3) ? 3000 : 200000);
			size_t room = tunnel_resume_room(e->t);
			write_some(e, n < room ? n : room);
		}
		open_link(p);
		pass(p, roll(p, roll(p, 3) ? 300 : 300000));
		if (roll(p, 2))
			tunnel_resume_ack(p->agent.t);
		total += p->agent.wrote;
		lose_link(p);
	}
	open_link(p);
	settle(p);
	assert_true(p->agent.wrote > 1000000 && p->viewer.wrote > 1000000);
	assert_true(p->viewer.got == p->agent.wrote);
	assert_true(p->agent.got == p->viewer.wrote);
	assert_true(total > 0);
}

static void tail_has_a_ceiling(void **state)
{
	struct pair *p = *state;
	open_link(p);
	settle(p);
	write_some(&p->agent, TUNNEL_TAIL_MAX - 1);
	assert_int_equal(tunnel_resume_room(p->agent.t), 1);
	assert_int_equal(tunnel_resume_write(p->agent.t, "xy", 2), ERR_LIMIT);
	write_some(&p->agent, 1);
	assert_int_equal(tunnel_resume_room(p->agent.t), 0);
	assert_int_equal(tunnel_resume_write(p->agent.t, "x", 1), ERR_LIMIT);
	/* sent is not acknowledged: there is no room before the ACK */
	send_all(&p->agent);
	assert_int_equal(tunnel_resume_unacked(p->agent.t), TUNNEL_TAIL_MAX);
	settle(p);
	assert_int_equal(tunnel_resume_room(p->agent.t), TUNNEL_TAIL_MAX);
	assert_true(p->viewer.got == TUNNEL_TAIL_MAX);
}

static void acks_come_by_bytes_and_when_asked(void **state)
{
	struct pair *p = *state;
	open_link(p);
	settle(p);
	assert_false(tunnel_resume_ack_wanted(p->viewer.t));
	write_some(&p->agent, TUNNEL_ACK_BYTES - 1);
	send_all(&p->agent);
	assert_int_equal(hear(&p->viewer, p->agent.wire.data, p->agent.wire.len), ERR_AGAIN);
	buf_reset(&p->agent.wire);
	assert_true(tunnel_resume_ack_wanted(p->viewer.t));
	assert_false(tunnel_resume_has_next(p->viewer.t));
	write_some(&p->agent, 1);
	send_all(&p->agent);
	assert_int_equal(hear(&p->viewer, p->agent.wire.data, p->agent.wire.len), ERR_AGAIN);
	buf_reset(&p->agent.wire);
	assert_false(tunnel_resume_ack_wanted(p->viewer.t)); /* it goes without a timer */
	assert_true(tunnel_resume_has_next(p->viewer.t));
	settle(p);
	assert_int_equal(tunnel_resume_unacked(p->agent.t), 0);
}

static void key_is_rotated(void **state)
{
	struct pair *p = *state;
	enum tunnel_refusal why = 0;
	open_link(p);
	settle(p);
	lose_link(p);
	struct tunnel_record first = take_opening(p), late = first;
	assert_int_equal(first.type, TUNNEL_RECORD_RESUME);
	assert_int_equal(first.epoch, 1);
	assert_int_equal(accept_opening(p, &first, &why), OK);
	/* WELCOME is lost: the same key goes again, with a later epoch only */
	assert_int_equal(accept_opening(p, &first, &why), ERR_AUTH);
	assert_int_equal(why, TUNNEL_REFUSED_GONE);
	lose_link(p);
	struct tunnel_record second = take_opening(p);
	assert_memory_equal(second.key, first.key, TUNNEL_KEY);
	assert_int_equal(second.epoch, 2);
	assert_int_equal(accept_opening(p, &second, &why), OK);
	assert_true(tunnel_resume_knows(p->agent.t, first.key));
	settle(p); /* WELCOME came, and the first ACK ends the key that was used */
	assert_false(tunnel_resume_knows(p->agent.t, first.key));
	late.epoch = 9;
	assert_int_equal(accept_opening(p, &late, &why), ERR_AUTH);
	lose_link(p);
	struct tunnel_record third = take_opening(p);
	assert_memory_not_equal(third.key, first.key, TUNNEL_KEY);
	assert_int_equal(accept_opening(p, &third, &why), OK);
}

/* An attempt that was held up comes when a later one has been accepted. */
static void later_attempt_wins(void **state)
{
	struct pair *p = *state;
	enum tunnel_refusal why;
	open_link(p);
	settle(p);
	lose_link(p);
	struct tunnel_record slow = take_opening(p);
	tunnel_resume_lost(p->viewer.t);
	open_link(p);
	assert_int_equal(accept_opening(p, &slow, &why), ERR_AUTH);
	write_some(&p->agent, 100);
	settle(p);
	assert_true(p->viewer.got == 100);
}

static void wrong_resumes_are_refused(void **state)
{
	struct pair *p = *state;
	enum tunnel_refusal why;
	open_link(p);
	write_some(&p->agent, 5000);
	settle(p);
	lose_link(p);
	struct tunnel_record good = take_opening(p), bad = good;
	bad.key[15] ^= 1;
	assert_int_equal(accept_opening(p, &bad, &why), ERR_AUTH);
	bad = good;
	bad.received = 4999; /* acknowledged more */
	assert_int_equal(accept_opening(p, &bad, &why), ERR_AUTH);
	bad.received = 5001; /* never sent */
	assert_int_equal(accept_opening(p, &bad, &why), ERR_AUTH);
	assert_int_equal(why, TUNNEL_REFUSED_GONE);
	bad = good;
	bad.version = 2;
	assert_int_equal(accept_opening(p, &bad, &why), ERR_AUTH);
	assert_int_equal(why, TUNNEL_REFUSED_VERSION);
	bad = (struct tunnel_record){ .type = TUNNEL_RECORD_HELLO, .version = 1 };
	assert_int_equal(accept_opening(p, &bad, &why), ERR_AUTH);
	bad.type = TUNNEL_RECORD_ACK;
	assert_int_equal(accept_opening(p, &bad, &why), ERR_PROTO);
	assert_int_equal(tunnel_resume_accept(p->viewer.t, &good, good.key, &why), ERR_PROTO);
	assert_int_equal(accept_opening(p, &good, &why), OK); /* nothing of that did harm */
	struct tunnel_resume *empty = tunnel_resume_create(TUNNEL_AGENT);
	static const uint8_t zero[TUNNEL_KEY];
	assert_false(tunnel_resume_knows(empty, zero));
	assert_int_equal(tunnel_resume_accept(empty, &good, zero, &why), ERR_AUTH);
	tunnel_resume_destroy(empty);
}

static int say(struct end *to, const struct tunnel_record *r)
{
	struct buf b;
	buf_init(&b, 100);
	tunnel_record_put(&b, r);
	int err = hear(to, b.data, b.len);
	buf_fini(&b);
	return err;
}

/* A record where it may not come ends the session. */
static void records_out_of_place_end_it(void **state)
{
	for (int type = TUNNEL_RECORD_HELLO; type <= TUNNEL_RECORD_REFUSED; type++) {
		for (int at_agent = 0; at_agent < 2; at_agent++) {
			struct pair *p = *state;
			open_link(p);
			settle(p);
			struct tunnel_record r = {
				.type = (enum tunnel_record_type)type, .version = 1, .reason = 1
			};
			struct end *to = at_agent ? &p->agent : &p->viewer;
			assert_int_equal(say(to, &r), ERR_PROTO);
			assert_true(tunnel_resume_is_over(to->t));
			assert_false(tunnel_resume_has_next(to->t));
			tear_down(state);
			set_up(state);
		}
	}
	for (int type = TUNNEL_RECORD_DATA; type <= TUNNEL_RECORD_CLOSE; type++) {
		struct pair *p = *state;
		struct tunnel_record r = { .type = (enum tunnel_record_type)type, .data_len = 1 };
		struct tunnel_record opening = take_opening(p);
		assert_int_equal(say(&p->viewer, &r), ERR_PROTO); /* before WELCOME */
		enum tunnel_refusal why;
		assert_int_equal(accept_opening(p, &opening, &why), OK);
		assert_int_equal(say(&p->agent, &r), ERR_PROTO); /* the agent's is not sent yet */
		tear_down(state);
		set_up(state);
	}
}

static void wrong_acks_end_it(void **state)
{
	static const uint64_t wrong[] = { 99, 301, UINT64_MAX };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct pair *p = *state;
		open_link(p);
		write_some(&p->agent, 100);
		settle(p);
		write_some(&p->agent, 200);
		send_all(&p->agent);
		write_some(&p->agent, 200); /* written, not sent */
		struct tunnel_record ack = { .type = TUNNEL_RECORD_ACK, .received = 300 };
		assert_int_equal(say(&p->agent, &ack), ERR_AGAIN);
		assert_int_equal(tunnel_resume_unacked(p->agent.t), 200);
		ack.received = wrong[i];
		assert_int_equal(say(&p->agent, &ack), ERR_PROTO);
		tear_down(state);
		set_up(state);
	}
	struct pair *p = *state;
	struct tunnel_record welcome = { .type = TUNNEL_RECORD_WELCOME, .received = 1 };
	take_opening(p);
	assert_int_equal(say(&p->viewer, &welcome), ERR_PROTO); /* we sent nothing */
}

static void close_comes_after_the_bytes(void **state)
{
	struct pair *p = *state;
	open_link(p);
	settle(p);
	write_some(&p->agent, 150000);
	tunnel_resume_finish(p->agent.t);
	assert_int_equal(tunnel_resume_room(p->agent.t), 0);
	assert_int_equal(tunnel_resume_write(p->agent.t, "x", 1), ERR_IO);
	assert_false(tunnel_resume_is_over(p->agent.t));
	send_all(&p->agent);
	assert_true(tunnel_resume_is_over(p->agent.t));
	assert_int_equal(hear(&p->viewer, p->agent.wire.data, p->agent.wire.len), OK);
	assert_true(p->viewer.got == 150000);
	assert_int_equal(p->viewer.closed, 1);
	assert_true(tunnel_resume_is_over(p->viewer.t));
	assert_int_equal(hear(&p->viewer, p->agent.wire.data, 1), ERR_PROTO);
	enum tunnel_refusal why;
	tunnel_resume_lost(p->viewer.t);
	struct tunnel_record again = { .type = TUNNEL_RECORD_RESUME, .version = 1, .epoch = 7 };
	assert_int_equal(accept_opening(p, &again, &why), ERR_AUTH);
}

static void refusal_reaches_the_viewer(void **state)
{
	struct pair *p = *state;
	take_opening(p);
	struct tunnel_record r = { .type = TUNNEL_RECORD_REFUSED, .reason = TUNNEL_REFUSED_FULL };
	assert_int_equal(say(&p->viewer, &r), OK);
	assert_int_equal(p->viewer.refused, 1);
	assert_int_equal(p->viewer.reason, TUNNEL_REFUSED_FULL);
	assert_true(tunnel_resume_is_over(p->viewer.t));
	assert_int_equal(tunnel_resume_write(p->viewer.t, "x", 1), ERR_IO);
}

static void failing_allocations_lose_nothing(void **state)
{
	struct pair *p = *state;
	static const uint8_t bytes[100000];
	open_link(p);
	write_some(&p->agent, 3000);
	allocations = 0;
	fail_at = 1;
	assert_int_equal(tunnel_resume_write(p->agent.t, bytes, sizeof(bytes)), ERR_NOMEM);
	fail_at = 0;
	write_some(&p->agent, 3000);
	settle(p);
	assert_true(p->viewer.got == 6000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_pass_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			every_byte_arrives_once_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tail_has_a_ceiling, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			acks_come_by_bytes_and_when_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(key_is_rotated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(later_attempt_wins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_resumes_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(records_out_of_place_end_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_acks_end_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(close_comes_after_the_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refusal_reaches_the_viewer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			failing_allocations_lose_nothing, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
