#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/percent.h"
#include "http/query.h"
#include "http/route.h"

static struct http_text text_of(const char *s)
{
	return (struct http_text){ s, strlen(s) };
}

static int decode(const char *text, bool plus, char *out, size_t cap)
{
	size_t n = 0;
	char *copy = strdup(text); /* a read past the end is seen */
	assert_non_null(copy);
	int err = percent_decode((struct http_text){ copy, strlen(text) }, plus, out, cap, &n);
	free(copy);
	if (!err)
		assert_int_equal(strlen(out), n);
	return err;
}

static void bytes_are_decoded(void **state)
{
	(void)state;
	char out[8];
	assert_int_equal(decode("", false, out, 8), OK);
	assert_string_equal(out, "");
	assert_int_equal(decode("a%20B%2f", false, out, 8), OK);
	assert_string_equal(out, "a B/");
	assert_int_equal(decode("a+b", false, out, 8), OK);
	assert_string_equal(out, "a+b");
	assert_int_equal(decode("a+%2B", true, out, 8), OK);
	assert_string_equal(out, "a +");
	assert_int_equal(decode("%C3%a9%F0%9F%98%80", false, out, 8), OK);
	assert_string_equal(out, "\xc3\xa9\xf0\x9f\x98\x80");
	assert_int_equal(decode("1234567", false, out, 8), OK);
	assert_int_equal(decode("12345678", false, out, 8), ERR_LIMIT);
	assert_int_equal(decode("", false, out, 0), ERR_LIMIT);
	static const char *const bad[] = { "%", "%2", "%%", "%2g", "%g2", "% 2", "%00", "a%00b",
		"%0a", "%7F", "%ff", "%C0%AF", "%ED%A0%80", "%C3", "\x01", "\xff", "%u0041" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(decode(bad[i], true, out, 8), ERR_PROTO);
}

static void queries_are_walked(void **state)
{
	(void)state;
	static struct query_item item;
	struct http_text q = text_of("&a=1&&b&c=x%3Dy=z+w&%C3%A9=&");
	static const char *const rows[][2] = { { "a", "1" }, { "b", "" }, { "c", "x=y=z w" },
		{ "\xc3\xa9", "" } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(query_next(&q, &item), OK);
		assert_string_equal(item.name, rows[i][0]);
		assert_string_equal(item.value, rows[i][1]);
	}
	assert_int_equal(query_next(&q, &item), ERR_AGAIN);
	assert_int_equal(q.n, 0);
	q = (struct http_text){ NULL, 0 };
	assert_int_equal(query_next(&q, &item), ERR_AGAIN);
	static const char *const bad[] = { "=", "=x", "a=%", "%0=1", "a=%00", "a%00=1", "a=%ff" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		q = text_of(bad[i]);
		assert_int_equal(query_next(&q, &item), ERR_PROTO);
	}
}

static void queries_have_ceilings(void **state)
{
	(void)state;
	static struct query_item item;
	static char text[QUERY_NAME_MAX + QUERY_VALUE_MAX + 2];
	memset(text, 'x', sizeof(text));
	struct http_text q = { text, QUERY_NAME_MAX - 1 };
	assert_int_equal(query_next(&q, &item), OK);
	q = (struct http_text){ text, QUERY_NAME_MAX };
	assert_int_equal(query_next(&q, &item), ERR_LIMIT);
	text[1] = '=';
	q = (struct http_text){ text, 2 + QUERY_VALUE_MAX - 1 };
	assert_int_equal(query_next(&q, &item), OK);
	q = (struct http_text){ text, 2 + QUERY_VALUE_MAX };
	assert_int_equal(query_next(&q, &item), ERR_LIMIT);
}

static bool matches(const char *pattern, const char *path, struct route_captures *c)
{
	static struct route_path split;
	return route_split(text_of(path), &split) && route_match(pattern, &split, c);
}

static void paths_match_patterns(void **state)
{
	(void)state;
	struct route_captures c;
	assert_true(matches("/", "/", &c));
	assert_int_equal(c.n, 0);
	assert_true(matches("/api/runs", "/api/runs", &c));
	assert_true(matches("/api/runs", "/api/%72uns", &c));
	assert_true(matches("/api/runs/:id", "/api/runs/-a_9", &c));
	assert_int_equal(c.n, 1);
	assert_string_equal(c.texts[0].p, "-a_9");
	assert_true(matches(
		"/api/runs/:id/commands/:commandId/ack", "/api/runs/r%201/commands/c+2/ack", &c));
	assert_int_equal(c.n, 2);
	assert_string_equal(c.texts[0].p, "r 1");
	assert_string_equal(c.texts[1].p, "c+2");
	static const char *const other[][2] = { { "/", "/a" }, { "/a", "/" }, { "/a", "/A" },
		{ "/a", "/ab" }, { "/ab", "/a" }, { "/a/b", "/a" }, { "/a", "/a/b" },
		{ "/a/:x", "/a" }, { "/a/:x", "/a/b/c" }, { "/:x/b", "/a/c" } };
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		assert_false(matches(other[i][0], other[i][1], &c));
}

static void odd_paths_match_nothing(void **state)
{
	(void)state;
	static struct route_path split;
	static char text[4000];
	static const char *const bad[] = { "", "a", "//", "/a/", "/a//b", "//a", "/.", "/..",
		"/a/../b", "/%2e%2e/b", "/%2E/b", "/a%2fb", "/a%00", "/%", "/%f", "/%ff", "/a%0a" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(route_split(text_of(bad[i]), &split));
	assert_true(route_split(text_of("/..a"), &split));
	for (int i = 0; i < ROUTE_SEGMENTS_MAX; i++)
		strcat(text, "/a");
	assert_true(route_split(text_of(text), &split));
	assert_int_equal(split.n, ROUTE_SEGMENTS_MAX);
	strcat(text, "/a");
	assert_false(route_split(text_of(text), &split));
	memset(text, 'a', sizeof(text) - 1);
	text[0] = '/';
	assert_false(route_split(text_of(text), &split));
	assert_true(route_split((struct http_text){ text, ROUTE_BYTES_MAX }, &split));
	assert_false(route_split((struct http_text){ text, ROUTE_BYTES_MAX + 1 }, &split));
}

/* What a head has in its cookies. */
static const char *cookie(const char *fields, const char *name)
{
	static char text[500], value_text[100];
	struct http_request r;
	struct http_text value;
	int status;
	int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
	struct rd in = rd_of(text, (size_t)n);
	assert_int_equal(http_request_parse(&in, &r, &status), OK);
	if (!http_request_cookie(&r, name, &value))
		return "none";
	snprintf(value_text, sizeof(value_text), "%.*s", (int)value.n, value.p);
	return value_text;
}

static void cookies_are_found(void **state)
{
	(void)state;
	static const char one[] = "Cookie: a=1; sid=x=y; b ;sid=2;c=\r\n";
	assert_string_equal(cookie(one, "sid"), "x=y");
	assert_string_equal(cookie(one, "a"), "1");
	assert_string_equal(cookie(one, "c"), "");
	assert_string_equal(cookie(one, "b"), "none");
	assert_string_equal(cookie(one, "SID"), "none");
	assert_string_equal(cookie(one, "id"), "none");
	assert_string_equal(cookie("Cookie: a=1\r\ncookie: sid=2\r\n", "sid"), "2");
	assert_string_equal(cookie("Cookie:\r\nCookie: ;;=\r\n", "sid"), "none");
	assert_string_equal(cookie("", "sid"), "none");
}

static void repeated_fields_are_seen(void **state)
{
	(void)state;
	static const char text[] = "GET / HTTP/1.0\r\nX-A: 1\r\nX-B: 2\r\nx-a: 1\r\n\r\n";
	struct http_request r;
	int status;
	struct rd in = rd_of(text, strlen(text));
	assert_int_equal(http_request_parse(&in, &r, &status), OK);
	assert_true(http_request_field_is_repeated(&r, "X-a"));
	assert_false(http_request_field_is_repeated(&r, "X-B"));
	assert_false(http_request_field_is_repeated(&r, "X-C"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_decoded),
		cmocka_unit_test(queries_are_walked),
		cmocka_unit_test(queries_have_ceilings),
		cmocka_unit_test(paths_match_patterns),
		cmocka_unit_test(odd_paths_match_nothing),
		cmocka_unit_test(cookies_are_found),
		cmocka_unit_test(repeated_fields_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
