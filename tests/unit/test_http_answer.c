#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/answer_head.h"
#include "http/url.h"

static const char switching[] = "HTTP/1.1 101 Switching Protocols\r\n"
				"Upgrade: websocket\r\nConnection:keep-alive, Upgrade \r\n"
				"A: 1\r\na: 2\r\nEmpty:\r\n\r\n";

/* Parses a copy of exactly n bytes, so that a read past them is seen. */
static int parse(const char *text, size_t n, struct answer_head *h, size_t *left)
{
	static char *copy; /* texts point into it: kept until the next call */
	free(copy);
	copy = n > 0 ? malloc(n) : NULL;
	if (copy)
		memcpy(copy, text, n);
	struct rd in = rd_of(copy, n);
	int err = answer_head_parse(&in, h);
	*left = in.left;
	return err;
}

static int result(const char *text)
{
	struct answer_head h;
	size_t left;
	return parse(text, strlen(text), &h, &left);
}

static void head_is_taken_apart(void **state)
{
	(void)state;
	struct answer_head h;
	size_t left;
	assert_int_equal(parse(switching, strlen(switching), &h, &left), OK);
	assert_int_equal(left, 0);
	assert_int_equal(h.status, 101);
	assert_int_equal(h.minor, 1);
	assert_true(http_text_is(h.reason, "Switching Protocols"));
	assert_int_equal(h.n_fields, 5);
	assert_true(answer_head_has_token(&h, "connection", "upgrade"));
	assert_false(answer_head_has_token(&h, "connection", "close"));
	assert_true(http_text_is(*answer_head_field(&h, "UPGRADE"), "websocket"));
	assert_null(answer_head_field(&h, "A")); /* twice */
	assert_null(answer_head_field(&h, "B"));
	assert_int_equal(h.content_length, -1);
	assert_false(h.chunked);

	static const char sized[] = "HTTP/1.0 404 \r\nContent-Length: 5\r\n\r\nhello";
	assert_int_equal(parse(sized, strlen(sized), &h, &left), OK);
	assert_int_equal(left, 5);
	assert_int_equal(h.content_length, 5);
	assert_int_equal(h.reason.n, 0);
	static const char chunked[] = "HTTP/1.1 200\r\ntransfer-encoding: Chunked\r\n\r\n";
	assert_int_equal(parse(chunked, strlen(chunked), &h, &left), OK);
	assert_true(h.chunked);
}

static void every_prefix_asks_for_more(void **state)
{
	(void)state;
	struct answer_head h;
	size_t left;
	for (size_t n = 0; n < strlen(switching); n++) {
		assert_int_equal(parse(switching, n, &h, &left), ERR_AGAIN);
		assert_int_equal(left, n);
	}
}

static void what_is_no_http_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "h", "RFB 003.008\n", "SSH", "HTTP/2", "HTTP/1.2",
		"HTTP/1.1\r", "HTTP/1.1  ", "HTTP/1.1 20x", "HTTP/1.1 099", "HTTP/1.1 600 ",
		"HTTP/1.1 2000", "HTTP/1.1 200 OK\n", "HTTP/1.1 200 OK\rx", "HTTP/1.1 200 O\x01",
		"HTTP/1.1 200 OK\r\n ", "HTTP/1.1 200 OK\r\nA : b", "HTTP/1.1 200 OK\r\nA\r\n",
		"HTTP/1.1 200 OK\r\nA: b\n", "HTTP/1.1 200 OK\r\nA: b\r\n c",
		"HTTP/1.1 200 OK\r\n:",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.0 200\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(result(rows[i]), ERR_PROTO);
}

static void ceilings_hold(void **state)
{
	(void)state;
	static char text[HTTP_HEAD_MAX + 10] = "HTTP/1.1 200 OK\r\nA: ";
	size_t start = strlen(text);
	memset(text + start, 'b', sizeof(text) - 1 - start);
	assert_int_equal(result(text), ERR_LIMIT);
	memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 5);
	assert_int_equal(result(text), OK);
	strcpy(text, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < HTTP_FIELDS_MAX; i++)
		strcat(text, "A: b\r\n");
	size_t n = strlen(text);
	strcpy(text + n, "\r\n");
	assert_int_equal(result(text), OK);
	strcpy(text + n, "A: b\r\n\r\n");
	assert_int_equal(result(text), ERR_LIMIT);
}

static void urls_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *scheme, *host, *authority, *target;
		int port;
		bool tls;
	} rows[] = {
		{ "ws://a", "ws", "a", "a", "", 80, false },
		{ "wss://a.example:8443/p/q?r=s:@", "ws", "a.example", "a.example:8443",
			"/p/q?r=s:@", 8443, true },
		{ "HTTPS://[::1]/", "http", "::1", "[::1]", "/", 443, true },
		{ "http://[fd00::1]:1?q", "http", "fd00::1", "[fd00::1]:1", "?q", 1, false },
		{ "http://a_b-c:65535", "http", "a_b-c", "a_b-c:65535", "", 65535, false },
	};
	struct url u;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(url_parse(rows[i].text, rows[i].scheme, &u), OK);
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_int_equal(u.tls, rows[i].tls);
		assert_true(http_text_is(u.authority, rows[i].authority));
		assert_true(http_text_is(u.target, rows[i].target));
	}
}

static void other_urls_are_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "", "http", "http:", "http:/a", "http://", "http:///",
		"ws://a", "httpss://a", "http://:80", "http://a:", "http://a:0", "http://a:65536",
		"http://a:+1", "http://a:000080", "http://[::1", "http://[]", "http://[g]",
		"http://::1/", "http://a@b", "http://a:b@c/", "http://a/#b", "http://a/b c",
		"http://a\\b", "http://a/\x7f", "http://a/\xc3\xa9", "http://\xc3\xa9/",
		"http://a%41/", " http://a", "http://a/\r\nB" };
	struct url u;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(url_parse(rows[i], "http", &u), ERR_PROTO);
	char text[URL_HOST_MAX + 20] = "http://";
	memset(text + 7, 'a', URL_HOST_MAX - 1);
	assert_int_equal(url_parse(text, "http", &u), OK);
	text[7 + URL_HOST_MAX - 1] = 'a';
	assert_int_equal(url_parse(text, "http", &u), ERR_PROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_is_taken_apart),
		cmocka_unit_test(every_prefix_asks_for_more),
		cmocka_unit_test(what_is_no_http_is_refused),
		cmocka_unit_test(ceilings_hold),
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(other_urls_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
