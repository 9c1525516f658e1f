#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/address.h"

static const struct {
	const char *in, *out; /* out NULL: refused */
	int port;
	bool local;
} rows[] = {
	{ "127.0.0.1:5900", "127.0.0.1:5900", 5900, true },
	{ "127.8.7.6:1", "127.8.7.6:1", 1, true },
	{ "localhost:80", "127.0.0.1:80", 80, true },
	{ ":5901", "127.0.0.1:5901", 5901, true },
	{ "5902", "127.0.0.1:5902", 5902, true },
	{ "0", "127.0.0.1:0", 0, true },
	{ "0.0.0.0:65535", "0.0.0.0:65535", 65535, false },
	{ "192.0.2.7:22", "192.0.2.7:22", 22, false },
	{ "[::1]:5900", "[::1]:5900", 5900, true },
	{ "[::]:5900", "[::]:5900", 5900, false },
	{ "[2001:db8::1]:65535", "[2001:db8::1]:65535", 65535, false },
	{ "[::ffff:127.0.0.1]:7", "[::ffff:127.0.0.1]:7", 7, true },
	{ "[::ffff:192.0.2.1]:7", "[::ffff:192.0.2.1]:7", 7, false },
	{ "unix:/run/x.sock", "unix:/run/x.sock", 0, true },
	{ "unix:rel:ative", "unix:rel:ative", 0, true },
	{ "", NULL, 0, false },
	{ ":", NULL, 0, false },
	{ "localhost", NULL, 0, false },
	{ "localhost:", NULL, 0, false },
	{ "Localhost:1", NULL, 0, false },
	{ "example.org:80", NULL, 0, false },
	{ "127.0.0.1:65536", NULL, 0, false },
	{ "127.0.0.1:99999999999999999999", NULL, 0, false },
	{ "127.0.0.1:-1", NULL, 0, false },
	{ "127.0.0.1:+1", NULL, 0, false },
	{ "127.0.0.1: 1", NULL, 0, false },
	{ "127.0.0.1:0x10", NULL, 0, false },
	{ "127.0.0.1:1 ", NULL, 0, false },
	{ "127.0.0:1", NULL, 0, false },
	{ "127.0.0.256:1", NULL, 0, false },
	{ "::1:5900", NULL, 0, false },
	{ "[::1]", NULL, 0, false },
	{ "[::1]5900", NULL, 0, false },
	{ "[]:1", NULL, 0, false },
	{ "[::1:5900", NULL, 0, false },
	{ "[127.0.0.1]:1", NULL, 0, false },
	{ "[fe80::1%eth0]:1", NULL, 0, false },
	{ "unix:", NULL, 0, false },
};

static void addresses_parse_and_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a;
		char text[ADDRESS_TEXT_MAX];
		int err = address_parse(rows[i].in, &a);
		if (err != (rows[i].out ? OK : ERR_PROTO))
			fail_msg("%s: %s", rows[i].in, err_str(err));
		if (err)
			continue;
		address_text(&a, text);
		assert_string_equal(text, rows[i].out);
		assert_int_equal(address_port(&a), rows[i].port);
		assert_int_equal(address_is_local(&a), rows[i].local);
		bool any = strncmp(rows[i].in, "0.0.0.0", 7) == 0 ||
			   strncmp(rows[i].in, "[::]", 4) == 0;
		assert_int_equal(address_is_any(&a), any);
		assert_int_equal(address_is_unix(&a), strncmp(rows[i].in, "unix:", 5) == 0);
	}
}

static void long_hosts_and_paths_are_refused(void **state)
{
	(void)state;
	char text[300];
	struct address a;
	for (size_t n = 1; n < 200; n++) {
		memcpy(text, "unix:", 5);
		memset(text + 5, 'p', n);
		text[5 + n] = '\0';
		assert_int_equal(address_parse(text, &a), n <= 107 ? OK : ERR_PROTO);
		char out[ADDRESS_TEXT_MAX];
		if (n <= 107) {
			address_text(&a, out);
			assert_string_equal(out, text);
		}
		memset(text, '1', n);
		strcpy(text + n, ":80");
		assert_int_equal(address_parse(text, &a), ERR_PROTO);
		memset(text, ':', n);
		text[0] = '[';
		strcpy(text + n, "]:80");
		assert_int_equal(address_parse(text, &a), n == 3 ? OK : ERR_PROTO);
	}
}

static void port_can_be_changed(void **state)
{
	(void)state;
	struct address a;
	assert_int_equal(address_parse("127.0.0.1:5900", &a), OK);
	address_set_port(&a, 65535);
	assert_int_equal(address_port(&a), 65535);
	assert_int_equal(address_parse("[::1]:5900", &a), OK);
	address_set_port(&a, 5903);
	assert_int_equal(address_port(&a), 5903);
	assert_int_equal(address_parse("unix:x", &a), OK);
	address_set_port(&a, 5903);
	assert_int_equal(address_port(&a), 0);
}

/* Whom penalties and limits count as one. */
static void sources(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{ "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true },
		{ "2001:db8:0:1::1", "2001:db8:0:2::1", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "fe80::1%eth0", "fe80::2", true },
		{ "unix", "", true },
		{ "unix", "192.0.2.1", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		uint8_t a[ADDRESS_SOURCE], b[ADDRESS_SOURCE];
		address_source(pairs[i].a, a);
		address_source(pairs[i].b, b);
		assert_int_equal(memcmp(a, b, sizeof(a)) == 0, pairs[i].same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources),
		cmocka_unit_test(addresses_parse_and_print),
		cmocka_unit_test(long_hosts_and_paths_are_refused),
		cmocka_unit_test(port_can_be_changed),
	};
	return cmocka_run_group_tests_name("net/address", tests, NULL, NULL);
}
