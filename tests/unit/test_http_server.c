#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "visitor.h"

static const struct {
	const char *text;
	int status;
	bool stays; /* open for another request */
} requests[] = {
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "\r\n", 200, true },
	{ "GET /?secret HTTP/1.1\r\n" VISITOR_HOST "Origin: http://localhost:5900\r\n\r\n", 200,
		true },
	{ "HEAD / HTTP/1.1\r\n" VISITOR_HOST "\r\n", 200, true },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "Connection: close\r\n\r\n", 200, false },
	{ "GET / HTTP/1.0\r\n" VISITOR_HOST "\r\n", 200, false },
	{ "GET / HTTP/1.0\r\n" VISITOR_HOST "Connection: keep-alive\r\n\r\n", 200, true },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "Content-Length: 0\r\n\r\n", 200, true },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "If-None-Match: W/\"page\"\r\n\r\n", 304, true },
	{ "GET /nothing HTTP/1.1\r\n" VISITOR_HOST "\r\n", 404, true },
	{ "POST / HTTP/1.1\r\n" VISITOR_HOST "Content-Length: 0\r\n\r\n", 405, true },
	{ "POST / HTTP/1.1\r\n" VISITOR_HOST "Content-Length: 5\r\n\r\nhello", 405, true },
	{ "POST / HTTP/1.1\r\n" VISITOR_HOST "Content-Length: 65537\r\n\r\nhello", 413, false },
	{ "POST / HTTP/1.1\r\n" VISITOR_HOST "Expect: the worst\r\n\r\n", 417, true },
	{ "BREW / HTTP/1.1\r\n" VISITOR_HOST "\r\n", 405, true },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "Content-Length: 5\r\n\r\nhello", 400, false },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
		false },
	{ "HEAD / HTTP/1.0\r\n" VISITOR_HOST "Content-Length: 1\r\n\r\n", 400, false },
	{ "GET / HTTP/1.1\r\n\r\n", 400, false },
	{ "GET / HTTP/1.0\r\n\r\n", 400, false },
	{ "GET / HTTP/1.1\n", 400, false },
	{ "\x16\x03\x01", 400, false },
	{ "GET / HTTP/1.1\r\nHost: evil.example:5900\r\n\r\n", 421, true },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "Origin: http://evil.example\r\n\r\n", 403, true },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "Origin: null\r\n\r\n", 403, true },
	{ "GET / HTTP/1.1\r\n" VISITOR_HOST "Transfer-Encoding: gzip\r\n\r\n", 501, false },
	{ "GET / HTTP/2.0\r\n", 505, false },
	{ "GET /ws HTTP/1.1\r\nHost: evil.example:5900\r\n" VISITOR_UPGRADE "\r\n", 421, true },
	{ "GET /ws HTTP/1.1\r\n" VISITOR_HOST "Origin: http://evil.example\r\n" VISITOR_UPGRADE
	  "\r\n",
		403, true },
	{ "GET /ws HTTP/1.1\r\n" VISITOR_HOST "Upgrade: websocket\r\n\r\n", 400, false },
	{ "GET /ws HTTP/1.1\r\n" VISITOR_HOST
	  "Upgrade: websocket\r\nConnection: upgrade\r\n" VISITOR_KEY "\r\n",
		426, true },
	{ "POST /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "\r\n", 405, true },
	{ "GET /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "Content-Length: 5\r\n\r\n", 400,
		false },
};

static void assert_safe(const struct answer *a)
{
	static const char *const wanted[] = { "\r\nDate: ", "\r\nConnection: ",
		"\r\nContent-Security-Policy: default-src 'self';",
		"\r\nX-Content-Type-Options: nosniff", "\r\nReferrer-Policy: no-referrer\r\n",
		"\r\nCross-Origin-Opener-Policy: same-origin\r\n" };
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		assert_non_null(strstr(a->head, wanted[i]));
	if (a->status >= 400 && a->body_len > 0)
		assert_non_null(strstr(a->head, "\r\nContent-Type: text/plain"));
}

static void every_status_is_answered(void **state)
{
	struct visitor *v = *state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		visitor_connect(v, "", 0);
		struct answer a = visitor_ask(v, requests[i].text);
		assert_int_equal(a.status, requests[i].status);
		assert_int_equal(a.keep_alive, requests[i].stays);
		assert_safe(&a);
		assert_int_equal(v->upgrades, 0);
		if (!requests[i].stays) {
			visitor_wait_for_end(v);
			continue;
		}
		a = visitor_ask(v, "GET / HTTP/1.1\r\n" VISITOR_HOST "\r\n");
		assert_int_equal(a.status, 200);
		assert_string_equal(a.body, "<html>");
	}
}

static void long_heads_are_refused(void **state)
{
	struct visitor *v = *state;
	static char text[40000];
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	visitor_connect(v, "", 0);
	assert_int_equal(visitor_ask(v, text).status, 414);
	visitor_wait_for_end(v);
	static const char start[] = "GET / HTTP/1.1\r\n" VISITOR_HOST "A: ";
	memcpy(text, start, strlen(start));
	visitor_connect(v, "", 0);
	assert_int_equal(visitor_ask(v, text).status, 431);
	visitor_wait_for_end(v);
}

static void bytes_may_come_one_by_one(void **state)
{
	struct visitor *v = *state;
	static const char text[] =
		"GET / HTTP/1.1\r\n" VISITOR_HOST "Accept-Encoding: gzip\r\n\r\n";
	visitor_connect(v, "", 0);
	for (size_t i = 0; i < strlen(text); i++) {
		assert_int_equal(v->got.len, 0);
		visitor_say_bytes(v, text + i, 1);
		loop_turn(v->loop);
	}
	struct answer a = visitor_hear(v, true);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "compressed");
}

static void early_bytes_count(void **state)
{
	struct visitor *v = *state;
	static const char text[] =
		"GET / HTTP/1.1\r\n" VISITOR_HOST "\r\nGET /x HTTP/1.1\r\n" VISITOR_HOST "\r\n";
	visitor_connect(v, text, 0);
	assert_int_equal(visitor_hear(v, true).status, 200);
	assert_int_equal(visitor_hear(v, true).status, 404);
	visitor_connect(v, "GET / HT", 0);
	assert_int_equal(visitor_ask(v, "TP/1.1\r\n" VISITOR_HOST "\r\n").status, 200);
	visitor_connect(v, "NO", 0);
	visitor_hang_up(v); /* before the loop looked at it */
}

static void requests_sent_ahead_are_answered_in_order(void **state)
{
	struct visitor *v = *state;
	visitor_connect(v, "", 0);
	visitor_say(v,
		"GET / HTTP/1.1\r\n" VISITOR_HOST "\r\nGET /none HTTP/1.1\r\n" VISITOR_HOST "\r\n"
		"HEAD / HTTP/1.1\r\n" VISITOR_HOST
		"\r\nGET /assets/large.bin HTTP/1.1\r\n" VISITOR_HOST "\r\n"
		"GET / HTTP/1.1\r\n" VISITOR_HOST
		"Connection: close\r\n\r\nGET / HTTP/1.1\r\n" VISITOR_HOST "\r\n");
	assert_int_equal(visitor_hear(v, true).status, 200);
	assert_int_equal(visitor_hear(v, true).status, 404);
	assert_int_equal(visitor_hear(v, false).status, 200);
	struct answer a = visitor_hear(v, true);
	assert_int_equal(a.body_len, VISITOR_LARGE);
	assert_memory_equal(a.body, visitor_large, sizeof(a.body) - 1);
	a = visitor_hear(v, true);
	assert_int_equal(a.status, 200);
	assert_false(a.keep_alive);
	visitor_wait_for_end(v);
}

static void many_requests_sent_ahead_stay_in_bounds(void **state)
{
	struct visitor *v = *state;
	static const char text[] = "GET / HTTP/1.1\r\n" VISITOR_HOST "\r\n";
	enum { MANY = 3000 };
	visitor_connect(v, "", 0);
	for (int i = 0; i < MANY; i++)
		visitor_say(v, text);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(visitor_hear(v, true).status, 200);
	assert_int_equal(v->got.len, 0);
	assert_non_null(v->conn);
}

static void slow_reader_gets_the_whole_file(void **state)
{
	struct visitor *v = *state;
	visitor_connect(v, "", 4096);
	v->reading = false;
	visitor_say(v, "GET /assets/large.bin HTTP/1.1\r\n" VISITOR_HOST "\r\n");
	for (int i = 0; i < 20; i++)
		visitor_turn(v);
	while (v->got.len < VISITOR_LARGE) {
		assert_non_null(v->below);
		assert_true(stream_queued(v->below) <= VISITOR_QUEUE_MAX);
		v->reading = false;
		visitor_turn(v);
		v->reading = true;
		visitor_listen(v, 5000);
	}
	size_t head_len;
	assert_non_null(visitor_head_of(v, &head_len));
	while (v->got.len < head_len + VISITOR_LARGE)
		visitor_turn(v);
	assert_memory_equal(v->got.data + head_len, visitor_large, VISITOR_LARGE);
	assert_int_equal(v->got.len, head_len + VISITOR_LARGE);
}

static void reader_that_never_reads_is_dropped(void **state)
{
	struct visitor *v = *state;
	v->config.idle_timeout_ms = 100;
	visitor_connect(v, "", 4096);
	v->reading = false;
	visitor_say(v, "GET /assets/large.bin HTTP/1.1\r\n" VISITOR_HOST "\r\n");
	while (v->dones == 0)
		visitor_turn(v);
	v->reading = true;
	while (!v->eof)
		visitor_turn(v);
	assert_true(v->got.len < VISITOR_LARGE);
}

static void slow_heads_run_out_of_time(void **state)
{
	struct visitor *v = *state;
	v->config.head_timeout_ms = 150;
	visitor_connect(v, "", 0);
	visitor_wait_for_end(v); /* who says nothing is told nothing */
	/* a byte does not move the deadline */
	visitor_connect(v, "", 0);
	visitor_say(v, "GET / HTTP/1.1\r\n" VISITOR_HOST "A: ");
	while (v->got.len == 0 && !v->eof) {
		visitor_say(v, "b");
		visitor_turn(v);
		usleep(2000); /* or the head would become too long before it is too late */
	}
	struct answer a = visitor_hear(v, true);
	assert_int_equal(a.status, 408);
	assert_false(a.keep_alive);
	visitor_wait_for_end(v);
	/* a second head has a deadline of its own */
	v->config.idle_timeout_ms = 40 * 1000;
	visitor_connect(v, "", 0);
	assert_int_equal(visitor_ask(v, "GET / HTTP/1.1\r\n" VISITOR_HOST "\r\n").status, 200);
	assert_int_equal(visitor_ask(v, "G").status, 408);
	visitor_wait_for_end(v);
}

static void idle_connections_are_closed(void **state)
{
	struct visitor *v = *state;
	v->config.idle_timeout_ms = 100;
	visitor_connect(v, "", 0);
	assert_int_equal(visitor_ask(v, "GET / HTTP/1.1\r\n" VISITOR_HOST "\r\n").status, 200);
	visitor_wait_for_end(v);
}

static void destroy_is_safe_at_any_time(void **state)
{
	struct visitor *v = *state;
	static const char text[] = "GET /assets/large.bin HTTP/1.1\r\n" VISITOR_HOST "\r\n";
	http_conn_destroy(NULL);
	for (size_t n = 0; n <= strlen(text); n += 7) {
		visitor_connect(v, "", 4096);
		v->reading = false;
		visitor_say_bytes(v, text, n);
		visitor_turn(v);
		visitor_hang_up(v);
		visitor_turn(v);
		assert_int_equal(v->dones, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VISITOR_TEST(every_status_is_answered),
		VISITOR_TEST(long_heads_are_refused),
		VISITOR_TEST(bytes_may_come_one_by_one),
		VISITOR_TEST(early_bytes_count),
		VISITOR_TEST(requests_sent_ahead_are_answered_in_order),
		VISITOR_TEST(many_requests_sent_ahead_stay_in_bounds),
		VISITOR_TEST(slow_reader_gets_the_whole_file),
		VISITOR_TEST(reader_that_never_reads_is_dropped),
		VISITOR_TEST(slow_heads_run_out_of_time),
		VISITOR_TEST(idle_connections_are_closed),
		VISITOR_TEST(destroy_is_safe_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
