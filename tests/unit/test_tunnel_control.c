#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel/tunnel_control.h"

static char problem[TUNNEL_PROBLEM_MAX];
static bool is_json;

static int parse(const char *text, enum tunnel_side from, struct tunnel_message *m)
{
	return tunnel_message_parse(text, strlen(text), from, m, &is_json, problem);
}

static const struct sample {
	enum tunnel_side from;
	const char *text;
} samples[] = {
	{ TUNNEL_FROM_AGENT, "{\"type\": \"hello\", \"version\": 1, \"kinds\": [\"rfb\"], "
			     "\"agent\": \"porthole 1\"}" },
	{ TUNNEL_FROM_AGENT, "{\"type\": \"refused\", \"channel\": \"c\", \"reason\": \"no\"}" },
	{ TUNNEL_FROM_GATEWAY,
		"{\"type\": \"open\", \"rights\": \"view\", \"channel\": \"c-_1\", \"kind\": "
		"\"rfb\", "
		"\"user\": \"zo\xc3\xab\", \"grant\": \"g\", \"protocol\": \"porthole.v1\"}" },
	{ TUNNEL_FROM_GATEWAY, "{\"type\": \"close\", \"channel\": \"c\", \"reason\": \"over\"}" },
	{ TUNNEL_FROM_GATEWAY,
		"{\"type\": \"rights\", \"rights\": \"control\", \"channel\": \"c\"}" },
	{ TUNNEL_FROM_GATEWAY, "{\"type\": \"revoke\", \"grant\": \"g\"}" },
	{ TUNNEL_FROM_GATEWAY,
		"{\"type\": \"command\", \"id\": \"i\", \"command\": \"__STOP__\"}" },
};

static void what_is_printed_is_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct tunnel_message m;
		assert_int_equal(parse(samples[i].text, samples[i].from, &m), OK);
		assert_int_equal(m.type, TUNNEL_HELLO + (int)i);
		char *text = tunnel_message_print(&m);
		assert_string_equal(text, samples[i].text);
		free(text);
		tunnel_message_fini(&m);
		tunnel_message_fini(&m);
	}
}

static void members_are_taken(void **state)
{
	(void)state;
	struct tunnel_message m;
	assert_int_equal(parse(samples[0].text, TUNNEL_FROM_AGENT, &m), OK);
	assert_int_equal(m.version, 1);
	assert_int_equal(json_len(m.kinds), 1);
	assert_string_equal(json_text(json_at(m.kinds, 0)), "rfb");
	tunnel_message_fini(&m);
	assert_int_equal(parse(samples[2].text, TUNNEL_FROM_GATEWAY, &m), OK);
	assert_string_equal(m.channel, "c-_1");
	assert_int_equal(m.rights, TUNNEL_VIEW);
	assert_string_equal(m.protocol, TUNNEL_RESUME_PROTOCOL);
	tunnel_message_fini(&m);
	assert_int_equal(parse(samples[4].text, TUNNEL_FROM_GATEWAY, &m), OK);
	assert_int_equal(m.rights, TUNNEL_CONTROL);
	tunnel_message_fini(&m);
}

static void every_prefix_is_not_json(void **state)
{
	(void)state;
	struct tunnel_message m;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		for (size_t n = 0; n < strlen(samples[i].text); n++) {
			assert_int_equal(tunnel_message_parse(samples[i].text, n, samples[i].from,
						 &m, &is_json, problem),
				ERR_PROTO);
			assert_false(is_json);
			assert_null(m.tree);
		}
}

static void what_is_unknown_is_ignored(void **state)
{
	(void)state;
	static const char *const texts[] = { "{\"type\":\"later\"}", "{\"type\":\"\",\"x\":{}}",
		"{\"type\":\"open\"}" /* of the gateway only */ };
	struct tunnel_message m;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(parse(texts[i], TUNNEL_FROM_AGENT, &m), OK);
		assert_int_equal(m.type, TUNNEL_UNKNOWN);
		tunnel_message_fini(&m);
	}
	assert_int_equal(parse("{\"type\":\"revoke\",\"grant\":\"g\",\"more\":[1]}",
				 TUNNEL_FROM_GATEWAY, &m),
		OK);
	assert_string_equal(m.grant, "g");
	tunnel_message_fini(&m);
}

static void misshapen_messages_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "[]", "1", "{}", "{\"type\":1}", "null",
		"{\"type\":\"revoke\"}", "{\"type\":\"revoke\",\"grant\":\"a b\"}",
		"{\"type\":\"revoke\",\"grant\":7}", "{\"type\":\"revoke\",\"grant\":\"\"}",
		"{\"type\":\"rights\",\"channel\":\"c\",\"rights\":\"all\"}",
		"{\"type\":\"rights\",\"channel\":\"c\"}",
		("{\"type\":\"open\",\"rights\":\"view\",\"channel\":\"c\",\"kind\":\"rfb\","
		 "\"user\":\"u\",\"grant\":\"g\",\"protocol\":\"telnet\"}") };
	struct tunnel_message m;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		problem[0] = 0;
		assert_int_equal(parse(texts[i], TUNNEL_FROM_GATEWAY, &m), ERR_PROTO);
		assert_true(is_json);
		assert_true(strlen(problem) > 5);
		assert_null(m.tree);
	}
	assert_int_equal(parse("{\"type\":\"hello\",\"version\":0,\"kinds\":[],\"agent\":\"\"}",
				 TUNNEL_FROM_AGENT, &m),
		ERR_PROTO);
	assert_non_null(strstr(problem, "version"));
}

static void text_that_is_not_utf8_is_not_printed(void **state)
{
	(void)state;
	struct tunnel_message m = { .type = TUNNEL_CLOSE, .channel = "c", .reason = "\xff" };
	assert_null(tunnel_message_print(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_parsed),
		cmocka_unit_test(members_are_taken),
		cmocka_unit_test(every_prefix_is_not_json),
		cmocka_unit_test(what_is_unknown_is_ignored),
		cmocka_unit_test(misshapen_messages_are_refused),
		cmocka_unit_test(text_that_is_not_utf8_is_not_printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
