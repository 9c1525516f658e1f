#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "visitor.h"

/* The nth allocation fails. */
static long fail_at, allocations;
static struct visitor *failing_for;

void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool allocation_fails(void)
{
	return failing_for && failing_for->failing && ++allocations == fail_at;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(p, size);
}

/* What the owner of the exchanges did and saw. */
static struct {
	struct http_exchange *x; /* that waits */
	int gone;
	char target[200], peer[40];
	bool is_upgrade;
} seen;

static void on_gone(void *ctx)
{
	(void)ctx;
	seen.gone++;
	seen.x = NULL;
}

/* Answers with the request's body. */
static void echo(struct visitor *v, struct http_exchange *x)
{
	(void)v;
	struct http_text body = http_exchange_body(x), target = http_exchange_target(x);
	snprintf(seen.target, sizeof(seen.target), "%.*s", (int)target.n, target.p);
	snprintf(seen.peer, sizeof(seen.peer), "%s", http_exchange_peer(x));
	struct response r = {
		.status = 200, .type = "a/b", .body = (const uint8_t *)body.p, .body_len = body.n
	};
	http_answer(x, &r);
}

static void keep(struct visitor *v, struct http_exchange *x)
{
	(void)v;
	assert_null(seen.x);
	seen.x = x;
	seen.is_upgrade = http_exchange_is_upgrade(x);
	http_exchange_set_gone(x, on_gone, NULL);
}

static void answer_kept(struct visitor *v)
{
	struct http_exchange *x = seen.x;
	assert_non_null(x);
	seen.x = NULL;
	echo(v, x);
}

static void start(struct visitor *v, void (*on_request)(struct visitor *v, struct http_exchange *x))
{
	memset(&seen, 0, sizeof(seen));
	v->on_request = on_request;
	visitor_connect(v, "", 0);
}

#define POST "POST /echo?a=b%20c HTTP/1.1\r\n" VISITOR_HOST
#define HELLO POST "Content-Length: 5\r\n\r\nhello"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: u\r\n\r\n"

static void bodies_come_whole(void **state)
{
	struct visitor *v = *state;
	static const char *const texts[] = { HELLO, CHUNKED };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		start(v, echo);
		for (size_t at = 0; at < strlen(texts[i]); at++) {
			assert_int_equal(v->requests, 0);
			visitor_say_bytes(v, texts[i] + at, 1);
			loop_turn(v->loop);
		}
		struct answer a = visitor_hear(v, true);
		assert_int_equal(a.status, 200);
		assert_true(a.keep_alive);
		assert_string_equal(a.body, "hello");
		assert_string_equal(seen.target, "/echo?a=b%20c");
		assert_string_equal(seen.peer, "192.0.2.7");
		assert_string_equal(visitor_ask(v, texts[1 - i]).body, "hello");
		a = visitor_ask(v, "POST /x HTTP/1.1\r\n" VISITOR_HOST "\r\n");
		assert_int_equal(a.body_len, 0);
		assert_non_null(strstr(a.head, "\r\nContent-Length: 0\r\n"));
		assert_string_equal(seen.target, "/x");
	}
}

static void answers_may_come_later(void **state)
{
	struct visitor *v = *state;
	start(v, keep);
	visitor_say(v,
		HELLO CHUNKED "POST /third HTTP/1.1\r\n" VISITOR_HOST "Connection: close\r\n\r\n");
	for (int i = 0; i < 3; i++) {
		while (!seen.x)
			visitor_turn(v);
		for (int k = 0; k < 3; k++)
			visitor_turn(v);
		assert_int_equal(v->requests, i + 1);
		assert_int_equal(v->got.len, 0);
		answer_kept(v);
		struct answer a = visitor_hear(v, true);
		assert_string_equal(a.body, i < 2 ? "hello" : "");
		assert_int_equal(a.keep_alive, i < 2);
	}
	visitor_wait_for_end(v);
	assert_int_equal(seen.gone, 0);
}

static void who_leaves_while_he_waits_is_gone(void **state)
{
	struct visitor *v = *state;
	for (int with = 0; with < 2; with++) {
		start(v, keep);
		visitor_say(v, HELLO);
		while (!seen.x)
			visitor_turn(v);
		if (!with)
			http_exchange_set_gone(seen.x, NULL, NULL);
		close(v->fd);
		v->fd = -1;
		while (v->dones == 0)
			visitor_turn(v);
		assert_int_equal(seen.gone, with);
	}
	/* the owner's own end is told to nobody */
	start(v, keep);
	visitor_say(v, HELLO);
	while (!seen.x)
		visitor_turn(v);
	visitor_hang_up(v);
	assert_int_equal(seen.gone + v->dones, 0);
}

/* The peer fills what it can while it waits. */
static void what_is_sent_ahead_is_bounded(void **state)
{
	struct visitor *v = *state;
	static char ahead[1024 * 1024];
	static const char request[] = HELLO;
	size_t n = strlen(request);
	for (size_t i = 0; i + n < sizeof(ahead); i += n)
		memcpy(ahead + i, request, n);
	start(v, keep);
	visitor_say(v, HELLO);
	while (!seen.x)
		visitor_turn(v);
	size_t taken = 0;
	for (int idle = 0; idle < 5; idle++) {
		ssize_t k;
		while ((k = send(v->fd, ahead + taken, 4096, MSG_DONTWAIT)) > 0)
			taken += (size_t)k, idle = 0;
		visitor_turn(v);
	}
	assert_true(taken < sizeof(ahead) - 4096);
	assert_int_equal(v->requests, 1);
	v->on_request = echo;
	answer_kept(v);
	for (size_t i = 0; i < taken / n + 1; i++)
		assert_string_equal(visitor_hear(v, true).body, "hello");
}

static void answers_are_copied(void **state)
{
	struct visitor *v = *state;
	start(v, keep);
	visitor_hang_up(v);
	visitor_connect(v, HELLO, 4096);
	while (!seen.x)
		visitor_turn(v);
	uint8_t *body = malloc(VISITOR_LARGE);
	assert_non_null(body);
	memcpy(body, visitor_large, VISITOR_LARGE);
	struct response r = {
		.status = 200, .type = "a/b", .body = body, .body_len = VISITOR_LARGE
	};
	struct http_exchange *x = seen.x;
	seen.x = NULL;
	http_answer(x, &r);
	memset(body, 0, VISITOR_LARGE);
	free(body);
	size_t head_len = 0;
	while (!visitor_head_of(v, &head_len) || v->got.len < head_len + VISITOR_LARGE) {
		assert_true(stream_queued(v->below) <= VISITOR_QUEUE_MAX);
		visitor_turn(v);
	}
	assert_memory_equal(v->got.data + head_len, visitor_large, VISITOR_LARGE);
}

static void answer_at_length(struct visitor *v, struct http_exchange *x)
{
	(void)v;
	static char line[12000] = "A: ";
	memset(line + 3, 'a', sizeof(line) - 4);
	const char *const fields[] = { line, NULL };
	struct response r = { .status = 200,
		.type = "a/b",
		.body = visitor_large,
		.body_len = 100000,
		.fields = fields };
	http_answer(x, &r);
}

/* A long head leaves less room for the start of the body. */
static void long_heads_fit_the_queue(void **state)
{
	struct visitor *v = *state;
	start(v, answer_at_length);
	visitor_hang_up(v);
	visitor_connect(v, HELLO, 4096);
	const char *end = NULL;
	while (!end || v->got.len < (size_t)(end - (char *)v->got.data) + 4 + 100000) {
		assert_false(v->eof);
		assert_true(stream_queued(v->below) <= VISITOR_QUEUE_MAX);
		visitor_turn(v);
		end = memmem(v->got.data, v->got.len, "\r\n\r\n", 4);
	}
	assert_memory_equal(end + 4, visitor_large, 100000);
}

static void answers_have_further_fields(struct visitor *v, struct http_exchange *x)
{
	(void)v;
	static const char *const fields[] = { "Retry-After: 10", "Bad: a\r\nSet-Cookie: x",
		"Set-Cookie: sid=1; HttpOnly", NULL };
	struct response r = { .status = 204, .fields = fields };
	http_answer(x, &r);
}

static void fields_are_sent(void **state)
{
	struct visitor *v = *state;
	start(v, answers_have_further_fields);
	struct answer a = visitor_ask(v, HELLO);
	assert_int_equal(a.status, 204);
	assert_non_null(strstr(a.head, "\r\nRetry-After: 10\r\n"));
	assert_non_null(strstr(a.head, "\r\nSet-Cookie: sid=1; HttpOnly\r\n"));
	assert_null(strstr(a.head, "Bad"));
	assert_null(strstr(a.head, "Content-Length"));
}

static void refuse(struct visitor *v, struct http_exchange *x)
{
	(void)v;
	struct response r = response_for_error(400);
	http_answer(x, &r);
}

static void a_400_ends_the_connection(void **state)
{
	struct visitor *v = *state;
	start(v, refuse);
	struct answer a = visitor_ask(v, HELLO HELLO);
	assert_int_equal(a.status, 400);
	assert_false(a.keep_alive);
	visitor_wait_for_end(v);
	assert_int_equal(v->requests, 1);
}

static const struct {
	const char *text;
	int status;
} bad_bodies[] = {
	{ POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400 },
	{ POST "Content-Length: 5, 5\r\n\r\nhello", 400 },
	{ POST "Content-Length: -1\r\n\r\n", 400 },
	{ POST "Content-Length: 99999999999999999999\r\n\r\n", 400 },
	{ POST "Content-Length : 5\r\n\r\nhello", 400 },
	{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400 },
	{ POST "Transfer-Encoding: identity\r\n\r\n", 501 },
	{ POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400 },
	{ POST "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", 400 },
	{ POST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", 413 },
	{ POST "Transfer-Encoding: chunked\r\n\r\n10001\r\n", 413 },
	{ POST "Content-Length: 65537\r\n\r\n", 413 },
	{ "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 9\r\n\r\n", 421 },
};

static void bad_bodies_end_the_connection(void **state)
{
	struct visitor *v = *state;
	for (int json = 0; json < 2; json++) {
		v->config.json_errors = json;
		for (size_t i = 0; i < ARRAY_LEN(bad_bodies); i++) {
			start(v, echo);
			struct answer a = visitor_ask(v, bad_bodies[i].text);
			assert_int_equal(a.status, bad_bodies[i].status);
			assert_false(a.keep_alive);
			assert_int_equal(strncmp(a.body, "{\"error\":\"", 10) == 0, json);
			assert_int_equal(strcmp(a.body + a.body_len - 2, "\"}") == 0, json);
			assert_int_equal(strstr(a.head, ": application/json\r\n") != NULL, json);
			visitor_wait_for_end(v);
			assert_int_equal(v->requests, 0);
		}
	}
}

static void without_bodies_none_is_taken(void **state)
{
	struct visitor *v = *state;
	v->config.body_max = 0;
	start(v, echo);
	assert_int_equal(visitor_ask(v, HELLO).status, 413);
	start(v, echo);
	assert_int_equal(visitor_ask(v, CHUNKED).status, 413);
	start(v, echo);
	assert_int_equal(visitor_ask(v, POST "Content-Length: 0\r\n\r\n").status, 200);
}

static void whole_ceiling_is_usable(void **state)
{
	struct visitor *v = *state;
	start(v, echo);
	visitor_say(v, POST "Content-Length: 65536\r\n\r\n");
	visitor_say_bytes(v, visitor_large, VISITOR_BODY_MAX);
	assert_int_equal(visitor_hear(v, true).body_len, VISITOR_BODY_MAX);
	visitor_say(v, POST "Transfer-Encoding: chunked\r\n\r\n10000\r\n");
	visitor_say_bytes(v, visitor_large, VISITOR_BODY_MAX);
	visitor_say(v, "\r\n0\r\n\r\n");
	struct answer a = visitor_hear(v, true);
	assert_int_equal(a.body_len, VISITOR_BODY_MAX);
	assert_memory_equal(a.body, visitor_large, sizeof(a.body) - 1);
}

static void bodies_share_a_budget(void **state)
{
	struct visitor *v = *state;
	struct http_budget budget = { .max = 100 * 1000, .used = 50 * 1000 };
	v->config.budget = &budget;
	start(v, echo);
	visitor_say(v, POST "Content-Length: 65536\r\n\r\n");
	visitor_say_bytes(v, visitor_large, VISITOR_BODY_MAX);
	assert_int_equal(visitor_hear(v, true).status, 503);
	visitor_wait_for_end(v);
	assert_int_equal(budget.used, 50 * 1000);
	/* a short one is none of it, and a long one gives it back */
	budget.used = budget.max;
	start(v, echo);
	assert_int_equal(visitor_ask(v, HELLO).status, 200);
	budget.used = 10 * 1000;
	visitor_say(v, POST "Content-Length: 60000\r\n\r\n");
	visitor_say_bytes(v, visitor_large, 50000);
	while (budget.used <= 50000)
		visitor_turn(v);
	visitor_say_bytes(v, visitor_large, 10000);
	assert_int_equal(visitor_hear(v, true).status, 200);
	while (budget.used > 10 * 1000)
		visitor_turn(v);
	assert_int_equal(budget.used, 10 * 1000);
	/* and so does one that breaks off */
	visitor_say(v, POST "Content-Length: 60000\r\n\r\n");
	visitor_say_bytes(v, visitor_large, 50000);
	while (budget.used <= 50000)
		visitor_turn(v);
	visitor_hang_up(v);
	while (budget.used > 10 * 1000)
		visitor_turn(v);
	v->config.budget = NULL;
}

static void answer_large(struct visitor *v, struct http_exchange *x)
{
	(void)v;
	const struct response r = {
		.status = 200, .type = "a/b", .body = visitor_large, .body_len = VISITOR_LARGE
	};
	http_answer(x, &r);
}

/* Sent ahead, so that no answer finds the connection idle. */
static void answers_share_the_budget(void **state)
{
	struct visitor *v = *state;
	struct http_budget budget = { .max = VISITOR_LARGE + 100 * 1000 };
	v->config.budget = &budget;
	v->on_request = answer_large;
	visitor_connect(v, HELLO HELLO HELLO, 4096);
	for (size_t heard = 0; heard < 3 * (size_t)VISITOR_LARGE; heard += v->got.len) {
		buf_reset(&v->got);
		visitor_turn(v);
		assert_true(budget.used <= budget.max);
	}
	while (budget.used > 0)
		visitor_turn(v);
	budget.used = 200 * 1000;
	visitor_connect(v, HELLO, 4096);
	while (!v->eof)
		visitor_turn(v);
	assert_true(v->got.len < VISITOR_LARGE);
	visitor_hang_up(v);
	v->config.budget = NULL;
}

static void who_waits_for_a_go_gets_it(void **state)
{
	struct visitor *v = *state;
	static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
	start(v, echo);
	visitor_say(v, POST "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
	while (v->got.len < strlen(go) && !v->eof)
		visitor_turn(v);
	assert_memory_equal(v->got.data, go, strlen(go));
	buf_consume(&v->got, strlen(go));
	assert_string_equal(visitor_ask(v, "hello").body, "hello");
	/* not who does not wait, nor who is refused */
	assert_int_equal(
		visitor_ask(v, POST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
			.status,
		200);
	assert_int_equal(
		visitor_ask(v, POST "Content-Length: 99999\r\nExpect: 100-continue\r\n\r\n").status,
		413);
}

static void slow_bodies_run_out_of_time(void **state)
{
	struct visitor *v = *state;
	v->config.head_timeout_ms = 200;
	start(v, echo);
	visitor_say(v, POST "Content-Length: 60000\r\n\r\n");
	while (v->got.len == 0 && !v->eof) {
		visitor_say(v, "b"); /* about 200 of them a second */
		visitor_turn(v);
		usleep(5000);
	}
	assert_int_equal(visitor_hear(v, true).status, 408);
	visitor_wait_for_end(v);
	/* one that comes fast enough may take much longer */
	start(v, echo);
	visitor_say(v, POST "Content-Length: 60000\r\n\r\n");
	for (int i = 0; i < 60; i++) {
		visitor_say_bytes(v, visitor_large, 1000);
		usleep(10000);
		visitor_turn(v);
	}
	assert_int_equal(visitor_hear(v, true).body_len, 60000);
}

static void draining_ends_what_idles(void **state)
{
	struct visitor *v = *state;
	start(v, echo);
	assert_int_equal(visitor_ask(v, HELLO).status, 200);
	http_conn_drain(v->conn);
	visitor_wait_for_end(v);
	start(v, keep);
	visitor_say(v, HELLO HELLO);
	while (!seen.x)
		visitor_turn(v);
	http_conn_drain(v->conn);
	visitor_turn(v);
	assert_int_equal(v->dones, 0);
	answer_kept(v);
	assert_false(visitor_hear(v, true).keep_alive);
	visitor_wait_for_end(v);
	assert_int_equal(v->requests, 1);
}

static void upgrades_may_wait(void **state)
{
	struct visitor *v = *state;
	start(v, keep);
	visitor_say(v, "GET /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "\r\nearly");
	while (!seen.x)
		visitor_turn(v);
	visitor_say(v, " bytes");
	for (int i = 0; i < 3; i++)
		visitor_turn(v);
	assert_true(seen.is_upgrade);
	struct buf early;
	struct stream *s = http_upgrade(seen.x, "binary", &early);
	assert_non_null(s);
	assert_int_equal(v->dones, 0); /* never from inside */
	assert_int_equal(early.len, 11);
	assert_memory_equal(early.data, "early bytes", 11);
	buf_fini(&early);
	while (v->dones == 0)
		visitor_turn(v);
	assert_int_equal(visitor_hear(v, false).status, 101);
	stream_close(s, false);
	/* and may be answered like any other request */
	start(v, keep);
	visitor_say(v, "GET /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "\r\n");
	while (!seen.x)
		visitor_turn(v);
	answer_kept(v);
	assert_int_equal(visitor_hear(v, true).status, 200);
}

/* One with many requests ready does not keep another one waiting. */
static void requests_take_turns(void **state)
{
	struct visitor *v = *state;
	static char many[30000];
	static const char request[] = HELLO;
	size_t n = strlen(request), count = sizeof(many) / n;
	for (size_t i = 0; i < count; i++)
		memcpy(many + i * n, request, n);
	start(v, echo);
	v->reading = false;
	assert_true(send(v->fd, many, count * n, MSG_DONTWAIT) > 0);
	int turns = 0, before = 0;
	while (v->requests < (int)count && turns < 100000) {
		loop_timer_start(v->tick, 1);
		loop_turn(v->loop);
		assert_true(v->requests - before <= 2);
		before = v->requests;
		turns++;
		v->reading = true;
		visitor_listen(v, SIZE_MAX);
		v->reading = false;
	}
	v->reading = true;
	assert_int_equal(v->requests, count);
}

static bool talk(struct visitor *v)
{
	static const char chunked[] = CHUNKED;
	bool answered = false;
	visitor_connect(v, HELLO, 4096);
	visitor_say(v, chunked);
	while (v->conn && !answered) {
		visitor_turn(v);
		answered = v->requests == 2 && v->got.len > 10 &&
			   memcmp(v->got.data + v->got.len - 5, "large", 5) == 0;
	}
	visitor_hang_up(v);
	return answered;
}

static void echo_largely(struct visitor *v, struct http_exchange *x)
{
	static uint8_t body[100000];
	memcpy(body + sizeof(body) - 5, "large", 5);
	struct response r = {
		.status = 200, .type = "a/b", .body = body, .body_len = sizeof(body)
	};
	(void)v;
	http_answer(x, &r);
}

static void every_allocation_may_fail(void **state)
{
	struct visitor *v = *state;
	v->on_request = echo_largely;
	assert_non_null(buf_room(&v->got, 500000)); /* the test's own memory */
	long n = 1;
	failing_for = v;
	for (bool answered = false; !answered; n++) {
		fail_at = n;
		allocations = 0;
		answered = talk(v) && allocations < n;
	}
	failing_for = NULL;
	assert_true(n > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VISITOR_TEST(bodies_come_whole),
		VISITOR_TEST(answers_may_come_later),
		VISITOR_TEST(who_leaves_while_he_waits_is_gone),
		VISITOR_TEST(what_is_sent_ahead_is_bounded),
		VISITOR_TEST(answers_are_copied),
		VISITOR_TEST(long_heads_fit_the_queue),
		VISITOR_TEST(fields_are_sent),
		VISITOR_TEST(a_400_ends_the_connection),
		VISITOR_TEST(bad_bodies_end_the_connection),
		VISITOR_TEST(without_bodies_none_is_taken),
		VISITOR_TEST(whole_ceiling_is_usable),
		VISITOR_TEST(bodies_share_a_budget),
		VISITOR_TEST(answers_share_the_budget),
		VISITOR_TEST(who_waits_for_a_go_gets_it),
		VISITOR_TEST(slow_bodies_run_out_of_time),
		VISITOR_TEST(draining_ends_what_idles),
		VISITOR_TEST(upgrades_may_wait),
		VISITOR_TEST(requests_take_turns),
		VISITOR_TEST(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
