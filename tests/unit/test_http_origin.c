#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/asset.h"
#include "http/origin.h"

static const char *const hosts[] = { "Desk.example", "[fe80::1]", "tunnel:8022", "192.0.2.7",
	NULL };
static const char *const origins[] = { "https://console.example", NULL };
static const struct origin_rules plain = {
	.tls = false, .port = 5900, .hosts = hosts, .origins = origins
};
static const struct origin_rules web = {
	.tls = false, .port = 80, .hosts = hosts, .origins = origins
};
static const struct origin_rules tls = { .tls = true, .port = 443, .hosts = NULL, .origins = NULL };

static int check(const struct origin_rules *rules, const char *host, const char *origin)
{
	char text[400];
	struct http_request r;
	int n = snprintf(text, sizeof(text), "GET / HTTP/1.0\r\n");
	if (host)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Host: %s\r\n", host);
	if (origin)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Origin: %s\r\n", origin);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
	struct rd in = rd_of(text, (size_t)n);
	int status = 0;
	if (http_request_parse(&in, &r, &status) != OK)
		return -status;
	return origin_check(rules, &r);
}

static void own_hosts_pass(void **state)
{
	(void)state;
	static const char *const good[] = { "localhost:5900", "LOCALHOST:5900", "127.0.0.1:5900",
		"[::1]:5900", "desk.example:5900", "DESK.EXAMPLE:5900", "[FE80::1]:5900",
		"tunnel:8022", "192.0.2.7:5900" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(check(&plain, good[i], NULL), 0);
	assert_int_equal(check(&web, "localhost", NULL), 0);
	assert_int_equal(check(&web, "[::1]", NULL), 0);
	assert_int_equal(check(&web, "desk.example:80", NULL), 0);
	assert_int_equal(check(&tls, "localhost", NULL), 0);
	assert_int_equal(check(&tls, "localhost:443", NULL), 0);
}

static void foreign_hosts_are_misdirected(void **state)
{
	(void)state;
	static const char *const bad[] = { "", ":", ":5900", "localhost",
		"localhost:", "localhost:80", "localhost:05900", "localhost:59000",
		"localhost:5900:5900", "localhost:+5900", "localhost:5900x", "localhost:4294973196",
		"localhost.:5900", "localhost.evil.example:5900", "evil.example:5900",
		"xlocalhost:5900", "127.0.0.1.evil.example:5900", "127.1:5900", "127.0.0.2:5900",
		"0.0.0.0:5900", "[::1]", "[::1:5900", "::1:5900", "[::1]x:5900", "[::]:5900",
		"[]:5900", "desk.example", "tunnel", "tunnel:5901", "tunnel:8022:5900",
		"fe80::1:5900", "2130706433:5900", "localhost%00:5900" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(check(&plain, bad[i], NULL), 421);
	assert_int_equal(check(&plain, NULL, NULL), 400);
	assert_int_equal(check(&tls, "localhost:80", NULL), 421);
	assert_int_equal(check(&tls, "desk.example", NULL), 421);
}

static void the_listen_address_is_a_host(void **state)
{
	(void)state;
	const struct origin_rules one = { .port = 5900, .listen = "192.0.2.7" };
	assert_int_equal(check(&one, "192.0.2.7:5900", "http://192.0.2.7:5900"), 0);
	assert_int_equal(check(&one, "192.0.2.8:5900", NULL), 421);
	assert_int_equal(check(&one, "192.0.2.7:5901", NULL), 421);
	const struct origin_rules six = { .port = 80, .listen = "[2001:db8::7]" };
	assert_int_equal(check(&six, "[2001:DB8::7]", NULL), 0);
	const struct origin_rules any = { .port = 5900, .listen = "0.0.0.0", .listen_any = true };
	static const char *const good[] = { "0.0.0.0:5900", "192.0.2.8:5900", "[2001:db8::7]:5900",
		"localhost:5900" };
	static const char *const bad[] = { "evil.example:5900", "192.0.2.8.evil.example:5900",
		"192.0.2:5900", "[192.0.2.8]:5900", "2001:db8::7:5900", "[fe80::1%eth0]:5900",
		"192.0.2.8:5901", "[]:5900" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(check(&any, good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(check(&any, bad[i], NULL), 421);
	assert_int_equal(check(&any, "192.0.2.8:5900", "http://203.0.113.9:5900"), 403);
}

static void origin_is_the_page_of_this_host(void **state)
{
	(void)state;
	assert_int_equal(check(&plain, "localhost:5900", "http://localhost:5900"), 0);
	assert_int_equal(check(&plain, "LocalHost:5900", "http://localhost:5900"), 0);
	assert_int_equal(check(&plain, "[::1]:5900", "http://[::1]:5900"), 0);
	assert_int_equal(check(&plain, "tunnel:8022", "http://tunnel:8022"), 0);
	assert_int_equal(check(&plain, "localhost:5900", "https://console.example"), 0);
	assert_int_equal(check(&web, "localhost", "http://localhost"), 0);
	assert_int_equal(check(&tls, "localhost", "https://localhost"), 0);
	static const char *const bad[] = { "", "null", "http://", "localhost:5900",
		"http:localhost:5900", "http://localhost", "http://localhost:59000",
		"http://localhost:5901", "https://localhost:5900", "http://127.0.0.1:5900",
		"http://evil.example", "http://localhost:5900/",
		"http://localhost:5900 http://evil.example", "http://localhost:5900.evil.example",
		"https://console.example.evil", "https://console.example:444",
		"ws://localhost:5900" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(check(&plain, "localhost:5900", bad[i]), 403);
	assert_int_equal(check(&tls, "localhost", "http://localhost"), 403);
	/* a foreign host is said first */
	assert_int_equal(check(&plain, "evil.example:5900", "http://evil.example:5900"), 421);
}

static const struct asset few[] = {
	{ .path = "/a" },
	{ .path = "/a/b" },
	{ .path = "/assets/x.js" },
	{ .path = "/index.html" },
};

static const char *found(const char *path)
{
	const struct asset_table t = { few, ARRAY_LEN(few) };
	const struct asset *a = asset_find(&t, path, strlen(path));
	return a ? a->path : "none";
}

static void assets_are_found_by_their_path_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(few); i++)
		assert_string_equal(found(few[i].path), few[i].path);
	assert_string_equal(found("/"), "/index.html");
	static const char *const absent[] = { "", "a", "/A", "/a/", "/index.htm", "/index.html2",
		"//index.html", "/./index.html", "/a/../index.html", "/%61", "/assets/",
		"/assets/x%2ejs", "/zzz", "/..", "/a%00" };
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		assert_string_equal(found(absent[i]), "none");
	const struct asset_table empty = { NULL, 0 };
	assert_null(asset_find(&empty, "/", 1));
	const struct asset_table t = { few, ARRAY_LEN(few) };
	assert_null(asset_find(&t, "/a\0b", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_hosts_pass),
		cmocka_unit_test(foreign_hosts_are_misdirected),
		cmocka_unit_test(the_listen_address_is_a_host),
		cmocka_unit_test(origin_is_the_page_of_this_host),
		cmocka_unit_test(assets_are_found_by_their_path_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
