#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/head.h"

static const char page[] = "GET /a/b.js?x=1&y HTTP/1.1\r\n"
			   "Host: localhost:5900\r\n"
			   "Accept-Encoding:gzip , br\t\r\n"
			   "Connection: keep-alive, Upgrade\r\n"
			   "accept-encoding: zstd\r\n"
			   "Empty:\r\n"
			   "\r\n";

/* Parses a copy of exactly n bytes, so that a read past them is seen. */
static int parse(const char *text, size_t n, struct http_request *r, int *status, size_t *left)
{
	static char *copy; /* texts point into it: kept until the next call */
	free(copy);
	copy = NULL;
	if (n > 0) {
		copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, text, n);
	}
	struct rd in = rd_of(copy, n);
	*status = 0;
	int err = http_request_parse(&in, r, status);
	*left = in.left;
	return err;
}

static int status_of(const char *text)
{
	struct http_request r;
	int status;
	size_t left;
	int err = parse(text, strlen(text), &r, &status, &left);
	return err == ERR_AGAIN ? -1 : status;
}

static void head_is_taken_apart(void **state)
{
	(void)state;
	struct http_request r;
	int status;
	size_t left;
	assert_int_equal(parse(page, strlen(page), &r, &status, &left), OK);
	assert_int_equal(left, 0);
	assert_true(http_text_is(r.method, "GET"));
	assert_true(http_text_is(r.path, "/a/b.js"));
	assert_true(http_text_is(r.query, "x=1&y"));
	assert_int_equal(r.minor, 1);
	assert_true(r.keep_alive);
	assert_int_equal(r.content_length, -1);
	assert_false(r.chunked);
	assert_int_equal(r.n_fields, 5);
	assert_true(http_text_is(*http_request_field(&r, "HOST"), "localhost:5900"));
	assert_true(http_text_is(*http_request_field(&r, "accept-encoding"), "gzip , br"));
	assert_true(http_text_is(*http_request_field(&r, "empty"), ""));
	assert_null(http_request_field(&r, "Hos"));
	assert_null(http_request_field(&r, "Origin"));
	assert_true(http_request_has_token(&r, "Accept-Encoding", "ZSTD"));
	assert_true(http_request_has_token(&r, "Accept-Encoding", "br"));
	assert_false(http_request_has_token(&r, "Accept-Encoding", "b"));
	assert_true(http_request_has_token(&r, "connection", "upgrade"));
}

static void every_prefix_asks_for_more(void **state)
{
	(void)state;
	struct http_request r;
	int status;
	size_t left;
	for (size_t n = 0; n < strlen(page); n++) {
		assert_int_equal(parse(page, n, &r, &status, &left), ERR_AGAIN);
		assert_int_equal(left, n);
	}
}

static void what_follows_stays(void **state)
{
	(void)state;
	struct http_request r;
	int status;
	size_t left;
	static const char two[] = "GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n";
	assert_int_equal(parse(two, strlen(two), &r, &status, &left), OK);
	assert_true(http_text_is(r.path, "/1"));
	assert_int_equal(left, strlen(two) / 2);
}

static void wrong_bytes_are_refused_at_once(void **state)
{
	(void)state;
	assert_int_equal(status_of("\x16"), 400);
	assert_int_equal(status_of("RFB 0"), 400);
	assert_int_equal(status_of("GET\t"), 400);
	assert_int_equal(status_of("GET h"), 400);
	assert_int_equal(status_of("GET /\n"), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\n"), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\rX"), 400);
	assert_int_equal(status_of("GET / h"), 400);
	assert_int_equal(status_of("GET / HTTP/1.2\r"), -1);
	assert_int_equal(status_of("GET / HTTP/1.2\r\n"), 505);
	assert_int_equal(status_of("GET / HTTP/1.1\r\n "), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\r\n:"), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\r\nA "), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\r\nA: \x01"), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\r\nContent-Length: 1x\r\n"), 400);
}

static bool keeps_alive(const char *version, const char *connection)
{
	char text[200];
	struct http_request r;
	int status;
	size_t left;
	snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: a\r\n%s\r\n", version, connection);
	assert_int_equal(parse(text, strlen(text), &r, &status, &left), OK);
	return r.keep_alive;
}

static void connection_decides_what_comes_after(void **state)
{
	(void)state;
	assert_true(keeps_alive("1.1", ""));
	assert_false(keeps_alive("1.0", ""));
	assert_true(keeps_alive("1.0", "Connection: Keep-Alive\r\n"));
	assert_false(keeps_alive("1.1", "Connection: foo,Close\r\n"));
	assert_false(keeps_alive("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
	assert_false(keeps_alive("1.0", "Connection: keep-alive, close\r\n"));
}

static void bodies_are_announced(void **state)
{
	(void)state;
	struct http_request r;
	int status;
	size_t left;
	static const char sized[] = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 042\r\n\r\nx";
	static const char chunked[] =
		"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n";
	assert_int_equal(parse(sized, strlen(sized), &r, &status, &left), OK);
	assert_int_equal(r.content_length, 42);
	assert_int_equal(left, 1);
	assert_int_equal(parse(chunked, strlen(chunked), &r, &status, &left), OK);
	assert_true(r.chunked);
	assert_int_equal(r.content_length, -1);
}

/* "GET /aaa" of exactly n bytes and then `tail`. */
static int status_of_line(size_t n, const char *tail)
{
	char *text = malloc(n + strlen(tail) + 1);
	assert_non_null(text);
	memset(text, 'a', n);
	memcpy(text, "GET /", 5);
	memcpy(text + n, tail, strlen(tail) + 1);
	int status = status_of(text);
	free(text);
	return status;
}

static void ceilings_hold(void **state)
{
	(void)state;
	static const char rest[] = " HTTP/1.0\r\n";
	size_t most = HTTP_LINE_MAX - strlen(" HTTP/1.0");
	assert_int_equal(status_of_line(most, rest), -1);
	assert_int_equal(status_of_line(most + 1, rest), 414);
	assert_int_equal(status_of_line(HTTP_LINE_MAX + 1, ""), -1);
	assert_int_equal(status_of_line(HTTP_LINE_MAX + 2, ""), 414);
	/* what is beyond the ceiling is never looked at */
	assert_int_equal(status_of_line(HTTP_LINE_MAX + 2, "\x01"), 414);

	char head[HTTP_HEAD_MAX + 1] = "GET / HTTP/1.0\r\nA: ";
	size_t start = strlen(head);
	memset(head + start, 'b', sizeof(head) - 1 - start);
	assert_int_equal(status_of(head), 431);
	memcpy(head + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(status_of(head), 0);
	memcpy(head + HTTP_HEAD_MAX - 4, "b\r\n\r", 4);
	assert_int_equal(status_of(head), 431);
	head[HTTP_HEAD_MAX - 1] = 0;
	assert_int_equal(status_of(head), -1);
}

static void lists_are_walked(void **state)
{
	(void)state;
	static const char list[] = " , a ,,b\tc\t, ,d";
	struct http_text all = { list, strlen(list) }, item;
	assert_true(http_text_next(&all, &item) && http_text_is(item, "a"));
	assert_true(http_text_next(&all, &item) && http_text_is(item, "b\tc"));
	assert_true(http_text_next(&all, &item) && http_text_is(item, "d"));
	assert_false(http_text_next(&all, &item));
	assert_true(http_text_has_token((struct http_text){ list, strlen(list) }, "D"));
	assert_false(http_text_has_token((struct http_text){ list, strlen(list) }, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_is_taken_apart),
		cmocka_unit_test(every_prefix_asks_for_more),
		cmocka_unit_test(what_follows_stays),
		cmocka_unit_test(wrong_bytes_are_refused_at_once),
		cmocka_unit_test(connection_decides_what_comes_after),
		cmocka_unit_test(bodies_are_announced),
		cmocka_unit_test(ceilings_hold),
		cmocka_unit_test(lists_are_walked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
