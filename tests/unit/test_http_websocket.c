#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A masked binary frame of "hello". */
static const uint8_t hello_frame[] = { 0x82, 0x85, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4,
	'o' ^ 1 };

static void assert_echo(struct visitor *v)
{
	while (v->got.len < 7 && !v->eof)
		visitor_turn(v);
	assert_int_equal(v->got.len, 7);
	assert_memory_equal(v->got.data, "\x82\x05hello", 7);
	assert_int_equal(v->ws_got.len, 5);
	buf_consume(&v->got, 7);
}

static void upgrades_become_streams(void **state)
{
	struct visitor *v = *state;
	for (int with = 0; with < 2; with++) {
		v->protocol = with ? "binary" : "";
		visitor_connect(v, "", 0);
		struct answer a =
			visitor_ask(v, "GET /websockify?x HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE
				       "Sec-WebSocket-Protocol: binary\r\n"
				       "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
		assert_int_equal(a.status, 101);
		assert_non_null(
			strstr(a.head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
		assert_null(strstr(a.head, "Extensions"));
		const char *protocol = strstr(a.head, "Sec-WebSocket-Protocol: binary\r\n");
		assert_int_equal(protocol != NULL, with);
		assert_string_equal(v->path, "/websockify");
		assert_non_null(v->ws);
		visitor_say_bytes(v, hello_frame, sizeof(hello_frame));
		assert_echo(v);
		assert_int_equal(v->dones, 1);
		assert_null(v->conn);
	}
}

static void frames_may_follow_at_once(void **state)
{
	struct visitor *v = *state;
	static const char head[] = "GET / HTTP/1.1\r\n" VISITOR_HOST
				   "\r\nGET /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "\r\n";
	uint8_t all[sizeof(head) - 1 + sizeof(hello_frame)];
	memcpy(all, head, sizeof(head) - 1);
	memcpy(all + sizeof(head) - 1, hello_frame, sizeof(hello_frame));
	visitor_connect(v, "", 0);
	visitor_say_bytes(v, all, sizeof(all));
	assert_int_equal(visitor_hear(v, true).status, 200);
	assert_int_equal(visitor_hear(v, true).status, 101);
	assert_echo(v);
}

static void upgrades_are_refused_by_the_owner(void **state)
{
	struct visitor *v = *state;
	static const int refusals[] = { 403, 404, 503 };
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		v->refusal = refusals[i];
		visitor_connect(v, "", 0);
		struct answer a =
			visitor_ask(v, "GET /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "\r\n");
		assert_int_equal(a.status, refusals[i]);
		assert_non_null(strstr(a.head, "\r\nContent-Security-Policy: "));
		assert_int_equal(v->upgrades, 1);
		assert_int_equal(
			visitor_ask(v, "GET / HTTP/1.1\r\n" VISITOR_HOST "\r\n").status, 200);
	}
}

static void peer_may_vanish_at_every_byte(void **state)
{
	struct visitor *v = *state;
	static const char text[] =
		"GET / HTTP/1.1\r\n" VISITOR_HOST "\r\n"
		"GET /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "\r\n\x82\x85\1\2\3\4hello";
	for (size_t n = 0; n <= strlen(text); n++) {
		visitor_connect(v, "", 0);
		visitor_say_bytes(v, text, n);
		if (n % 2) /* half of them are heard before they vanish */
			visitor_turn(v);
		close(v->fd);
		v->fd = -1;
		while (v->dones == 0 || v->ws)
			visitor_turn(v);
		assert_int_equal(v->dones, 1);
		assert_true(v->ws_ends <= v->upgrades);
	}
}

static void every_allocation_may_fail(void **state)
{
	struct visitor *v = *state;
	static const char early[] = "GET / HTTP/1.1\r\n" VISITOR_HOST
				    "\r\nGET /ws HTTP/1.1\r\n" VISITOR_HOST VISITOR_UPGRADE "\r\n";
	/* the test's own memory is there before */
	assert_non_null(buf_room(&v->got, 65536));
	assert_non_null(buf_room(&v->ws_got, 65536));
	long n = 1;
	failing_for = v;
	for (bool echoed = false; !echoed; n++) {
		fail_at = n;
		allocations = 0;
		visitor_connect(v, early, 0);
		visitor_say_bytes(v, hello_frame, sizeof(hello_frame));
		while (v->conn || v->ws) {
			visitor_turn(v);
			echoed = v->got.len && memmem(v->got.data, v->got.len, "\x82\x05hello", 7);
			if (echoed)
				break;
		}
		visitor_hang_up(v);
		echoed = echoed && allocations < n;
	}
	failing_for = NULL;
	assert_true(n > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VISITOR_TEST(upgrades_become_streams),
		VISITOR_TEST(frames_may_follow_at_once),
		VISITOR_TEST(upgrades_are_refused_by_the_owner),
		VISITOR_TEST(peer_may_vanish_at_every_byte),
		VISITOR_TEST(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
