#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/upgrade.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define ASK "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static char accept_text[UPGRADE_ACCEPT_TEXT];

/* The status, 0 when accepted, -1 when no WebSocket is asked for. */
static int check(const char *line, const char *fields)
{
	char text[600];
	struct http_request r;
	int status;
	int n = snprintf(text, sizeof(text), "%s\r\nHost: a\r\n%s\r\n", line, fields);
	struct rd in = rd_of(text, (size_t)n);
	assert_int_equal(http_request_parse(&in, &r, &status), OK);
	return upgrade_is_wanted(&r) ? upgrade_check(&r, accept_text) : -1;
}

static int check_get(const char *fields)
{
	return check("GET /websockify HTTP/1.1", fields);
}

static int check_key(const char *key)
{
	char fields[200];
	snprintf(fields, sizeof(fields), ASK VERSION "Sec-WebSocket-Key: %s\r\n", key);
	return check_get(fields);
}

static void rfc_example_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(check_get(ASK KEY VERSION), 0);
	assert_string_equal(accept_text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_int_equal(check_get("upgrade: foo, WebSocket\r\nConnection: x\r\n"
				   "connection: keep-alive, UPGRADE\r\n" KEY VERSION),
		0);
}

/* Accept values of: printf KEYGUID | openssl sha1 -binary | base64 */
static void keys_are_sixteen_bytes_of_base64(void **state)
{
	(void)state;
	assert_int_equal(check_key("AAAAAAAAAAAAAAAAAAAAAA=="), 0);
	assert_string_equal(accept_text, "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
	assert_int_equal(check_key("/+/+/+/+/+/+/+/+/+/+/w=="), 0);
	assert_string_equal(accept_text, "YdypOIlszlAa8WZtOS9miNhQsaE=");
	static const char *const bad[] = { "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQA=", "dGhlIHNhbXBsZSBub25jZQAA",
		"dGhlIHNhbXBsZSBub2 jZQ==", "dGhlIHNhbXBsZSBub2-jZQ==", "=GhlIHNhbXBsZSBub25jZQ==",
		"dGhlIHNhbXBsZSBub25jZQdGhlIHNhbXBsZSBub25jZQ==" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(check_key(bad[i]), 400);
}

static void what_is_not_asked_for_is_not_given(void **state)
{
	(void)state;
	assert_int_equal(check_get(KEY VERSION), -1);
	assert_int_equal(check_get("Upgrade: h2c\r\nConnection: Upgrade\r\n"), -1);
	assert_int_equal(check_get("Upgrade: websockets\r\n"), -1);
}

static void wrong_handshakes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check("POST / HTTP/1.1", ASK KEY VERSION), 405);
	assert_int_equal(check("GET / HTTP/1.0", ASK KEY VERSION), 400);
	assert_int_equal(check_get("Upgrade: websocket\r\n" KEY VERSION), 400);
	assert_int_equal(check_get("Upgrade: websocket\r\nConnection: close\r\n" KEY VERSION), 400);
	assert_int_equal(check_get(ASK VERSION), 400);
	assert_int_equal(check_get(ASK KEY), 426);
	assert_int_equal(check_get(ASK KEY "Sec-WebSocket-Version: 8\r\n"), 426);
	assert_int_equal(check_get(ASK KEY "Sec-WebSocket-Version: 13, 8\r\n"), 426);
	assert_int_equal(check_get(ASK KEY "Sec-WebSocket-Version: 130\r\n"), 426);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_example_is_accepted),
		cmocka_unit_test(keys_are_sixteen_bytes_of_base64),
		cmocka_unit_test(what_is_not_asked_for_is_not_given),
		cmocka_unit_test(wrong_handshakes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
