#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "http/proxy.h"

static void proxies_are_parsed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		int port;
		const char *login;
	} rows[] = {
		{ "proxy.example:3128", "proxy.example", 3128, "" },
		{ "http://proxy.example:3128/", "proxy.example", 3128, "" },
		{ "HTTP://proxy.example", "proxy.example", 1080, "" },
		{ "127.0.0.1:80", "127.0.0.1", 80, "" },
		{ "http://[::1]", "::1", 1080, "" },
		{ "[fe80::1]:8080", "fe80::1", 8080, "" },
		{ "me:secret@proxy", "proxy", 1080, "me:secret" },
		{ "http://me@proxy:1", "proxy", 1, "me:" },
		{ "me:a%40b%3ac%2f@proxy", "proxy", 1080, "me:a@b:c/" },
		{ "me:a@b@proxy", "proxy", 1080, "me:a@b" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proxy p;
		assert_int_equal(proxy_parse(rows[i].text, &p), OK);
		assert_string_equal(p.host, rows[i].host);
		assert_int_equal(p.port, rows[i].port);
		assert_string_equal(p.login, rows[i].login);
	}
}

static void what_is_no_http_proxy_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "", "http://", "https://proxy:3128", "socks5://proxy",
		"socks5://me:a@proxy", "https://me:a@proxy:1", "proxy/me@there", "http://proxy:0",
		"proxy:65536", "proxy:", "proxy:x", "proxy/path", "proxy?query", "pro xy",
		"proxy\n", "[::1", "me:%zz@proxy", "me:%00@proxy", "me@" };
	struct proxy p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(proxy_parse(rows[i], &p), ERR_PROTO);
}

static void long_ones_are_refused(void **state)
{
	(void)state;
	char text[2000];
	struct proxy p;
	for (size_t n = 1; n < 600; n++) {
		snprintf(text, sizeof(text), "%0*d", (int)n, 0);
		assert_int_equal(proxy_parse(text, &p) == OK, n < PROXY_HOST_MAX);
		snprintf(text, sizeof(text), "%0*d@proxy", (int)n, 0);
		assert_int_equal(proxy_parse(text, &p) == OK, n + 1 < PROXY_LOGIN_MAX);
	}
}

static const struct {
	const char *no_proxy, *host;
	bool exempt;
} exemptions[] = {
	{ NULL, "example.org", false },
	{ "", "example.org", false },
	{ "*", "example.org", true },
	{ "*", "192.0.2.7", true },
	{ "example.org", "example.org", true },
	{ "Example.ORG", "eXample.org", true },
	{ "example.org.", "example.org", true },
	{ "example.org", "example.org.", true },
	{ "example.org", "gate.example.org", true },
	{ ".example.org", "gate.example.org", true },
	{ ".example.org", "a.gate.example.org", true },
	{ ".example.org", "example.org", true },
	{ "example.org", "badexample.org", false },
	{ ".example.org", "badexample.org", false },
	{ "gate.example.org", "example.org", false },
	{ "example.org", "example.org.evil", false },
	{ "org", "example.org", true },
	{ ".", "example.org", false },
	{ ",, ,", "example.org", false },
	{ "a.example, b.example\tc.example,d.example", "b.example", true },
	{ "a.example, b.example\tc.example,d.example", "c.example", true },
	{ "a.example, b.example\tc.example,d.example", "d.example", true },
	{ "a.example, b.example\tc.example,d.example", "e.example", false },
	{ "192.0.2.7", "192.0.2.7", true },
	{ "192.0.2.7", "192.0.2.8", false },
	{ "2.7", "192.0.2.7", false },
	{ "192.0.2.0/24", "192.0.2.7", true },
	{ "192.0.2.0/24", "192.0.3.7", false },
	{ "192.0.2.8/29", "192.0.2.15", true },
	{ "192.0.2.8/29", "192.0.2.16", false },
	{ "192.0.2.7/32", "192.0.2.7", true },
	{ "192.0.2.7/33", "192.0.2.7", false },
	{ "192.0.2.7/-1", "192.0.2.7", false },
	{ "192.0.2.7/x", "192.0.2.7", false },
	{ "10.0.0.0/8,127.0.0.1", "127.0.0.1", true },
	{ "127.0.0.1", "localhost", false },
	{ "::1", "::1", true },
	{ "0:0::1", "::1", true },
	{ "fe80::/10", "febf::1", true },
	{ "fe80::/10", "fec0::1", false },
	{ "fe80::/128", "fe80::", true },
	{ "fe80::/129", "fe80::", false },
	{ "127.0.0.1", "::1", false },
};

static void some_hosts_are_exempt(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(exemptions); i++)
		if (proxy_exempts(exemptions[i].no_proxy, exemptions[i].host) !=
			exemptions[i].exempt)
			fail_msg("'%s' and %s", exemptions[i].no_proxy, exemptions[i].host);
}

static void entries_have_a_ceiling(void **state)
{
	(void)state;
	char text[1000];
	for (size_t n = 200; n < 300; n++) {
		snprintf(text, sizeof(text), "%0*d,example.org", (int)n, 0);
		assert_true(proxy_exempts(text, "example.org"));
		assert_false(proxy_exempts(text, "0"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxies_are_parsed),
		cmocka_unit_test(what_is_no_http_proxy_is_refused),
		cmocka_unit_test(long_ones_are_refused),
		cmocka_unit_test(some_hosts_are_exempt),
		cmocka_unit_test(entries_have_a_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
