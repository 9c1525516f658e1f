#include <stdio.h>
#include <string.h>

#include "gatehouse.h"
#include "relay_double.h"
#include "store_double.h"

#define UPGRADE                                                                                    \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static int session_status, run_status;

static int answer(const char *op, const char **text)
{
	if (strcmp(op, "auth.me") == 0) {
		*text = session_status == 200 ? "{\"user\":{\"id\":\"u1\"}}"
					      : "{\"error\":\"Invalid or expired session\"}";
		return session_status;
	}
	*text = run_status == 200 ? "{}" : "{\"error\":\"Run not found\"}";
	return run_status;
}

static int set_up(void **state)
{
	store_double_reset();
	relay_double = (struct relay_double){ 0 };
	gatehouse_set_up(state, NULL);
	store_double.answer = answer;
	session_status = run_status = 200;
	return 0;
}

static int tear_down(void **state)
{
	gatehouse_tear_down(state);
	store_double_reset();
	return 0;
}

static struct reply open_live(struct gatehouse *h)
{
	return gatehouse_ask(h, "GET /ws", "Authorization: Bearer abc\r\n" UPGRADE, NULL);
}

static void say(struct gatehouse *h, const char *text)
{
	char frame[1024];
	size_t n = strlen(text);
	assert_true(n < 126);
	frame[0] = (char)0x81;
	frame[1] = (char)(0x80 | n);
	memset(frame + 2, 0, 4); /* a mask that changes nothing */
	memcpy(frame + 6, text, n);
	gatehouse_say(h, frame, n + 6);
}

/* The next frame's payload as a text. */
static const char *hear(struct gatehouse *h)
{
	static char text[4096];
	size_t at = 2, n;
	while (h->got.len < 4 && !h->eof)
		gatehouse_turn(h);
	assert_true(h->got.len >= 2);
	n = h->got.data[1];
	if (n == 126) {
		n = (size_t)h->got.data[2] << 8 | h->got.data[3];
		at = 4;
	}
	assert_true(n < sizeof(text));
	while (h->got.len < at + n && !h->eof)
		gatehouse_turn(h);
	bool close = (h->got.data[0] & 0x0f) == 8;
	unsigned code = close ? (unsigned)h->got.data[at] << 8 | h->got.data[at + 1] : 0;
	if (close)
		snprintf(text, sizeof(text), "%u %.*s", code, (int)n - 2,
			(const char *)h->got.data + at + 2);
	else
		snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)h->got.data + at);
	buf_consume(&h->got, at + n);
	return text;
}

static void expect(struct gatehouse *h, const char *text)
{
	assert_string_equal(hear(h), text);
}

static void start(struct gatehouse *h)
{
	assert_int_equal(open_live(h).status, 101);
	assert_non_null(strstr(hear(h), "\"type\": \"connected\""));
}

static void subscribe(struct gatehouse *h, const char *run)
{
	char text[128];
	snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"runId\":\"%s\"}", run);
	say(h, text);
	snprintf(text, sizeof(text), "{\"type\": \"subscribed\", \"runId\": \"%s\"}", run);
	expect(h, text);
}

static void a_session_is_needed(void **state)
{
	struct gatehouse *h = *state;
	session_status = 401;
	struct reply r = open_live(h);
	assert_int_equal(r.status, 401);
	assert_string_equal(reply_text(&r, "error"), "Invalid or expired session");
	store_double.refuse = true;
	assert_int_equal(open_live(h).status, 503);
}

static void who_subscribes_hears_of_the_run(void **state)
{
	struct gatehouse *h = *state;
	start(h);
	subscribe(h, "run1");
	assert_string_equal(store_double.asked[0].op, "run.get");
	assert_string_equal(store_double.asked[0].args, "{\"id\": \"run1\"}");
	assert_string_equal(store_double.asked[0].session, "abc");
	store_double_notice("event", "{\"runId\":\"run2\",\"id\":1,\"type\":\"info\"}");
	store_double_notice("event",
		"{\"runId\":\"run1\",\"id\":7,\"type\":\"info\",\"data\":\"hi\",\"timestamp\":5,"
		"\"sequence\":null}");
	expect(h, "{\"type\": \"event\", \"runId\": \"run1\", \"eventId\": 7, \"eventType\": "
		  "\"info\", "
		  "\"data\": \"hi\", \"timestamp\": 5, \"sequence\": null}");
	store_double_notice("command_queued",
		"{\"runId\":\"run1\",\"commandId\":\"c1\",\"command\":\"__STOP__\"}");
	assert_non_null(strstr(hear(h), "\"type\": \"command_queued\""));
	assert_non_null(strstr(hear(h), "\"type\": \"stop_requested\""));
	assert_string_equal(relay_double.kind, "command_queued");
	store_double_notice("client_changed", "{\"clientId\":\"k1\",\"status\":\"online\"}");
	assert_non_null(strstr(hear(h), "\"type\": \"client_updated\""));
	relay_double.config->on_change(relay_double.config->ctx, "run1");
	expect(h, "{\"type\": \"tunnel_changed\", \"runId\": \"run1\"}");
	subscribe(h, "run1"); /* again: said, and not asked */
	assert_int_equal(store_double.n_asked, 2);
	say(h, "{\"type\":\"unsubscribe\",\"runId\":\"run1\"}");
	expect(h, "{\"type\": \"unsubscribed\", \"runId\": \"run1\"}");
	store_double_notice("event", "{\"runId\":\"run1\",\"id\":8,\"type\":\"info\"}");
	say(h, "{\"type\":\"ping\"}");
	expect(h, "{\"type\": \"pong\"}");
}

static void what_is_wrong_is_said(void **state)
{
	struct gatehouse *h = *state;
	static const char *const wrong[] = { "{}", "[]", "nonsense", "{\"type\":\"dance\"}",
		"{\"type\":\"subscribe\"}", "{\"type\":\"subscribe\",\"runId\":\"\"}" };
	start(h);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		say(h, wrong[i]);
		assert_non_null(strstr(hear(h), "\"type\": \"error\""));
	}
	run_status = 404;
	say(h, "{\"type\":\"subscribe\",\"runId\":\"none\"}");
	expect(h, "{\"type\": \"error\", \"runId\": \"none\", \"message\": \"Run not found\"}");
	store_double.refuse = true;
	say(h, "{\"type\":\"subscribe\",\"runId\":\"run1\"}");
	assert_non_null(strstr(hear(h), "\"type\": \"error\""));
}

static void there_are_so_many_subscriptions(void **state)
{
	struct gatehouse *h = *state;
	char run[16];
	start(h);
	for (int i = 0; i < 64; i++) {
		snprintf(run, sizeof(run), "run%d", i);
		subscribe(h, run);
	}
	say(h, "{\"type\":\"subscribe\",\"runId\":\"more\"}");
	assert_non_null(strstr(hear(h), "Too many subscriptions"));
	say(h, "{\"type\":\"unsubscribe\"}");
	expect(h, "{\"type\": \"unsubscribed\"}");
	subscribe(h, "more");
}

static void a_session_that_ends_ends_it(void **state)
{
	struct gatehouse *h = *state;
	start(h);
	store_double_notice("revoked", "{\"user\":\"another\"}");
	assert_int_equal(store_double.n_asked, 1);
	store_double_notice("revoked", "{\"session\":\"s\"}"); /* whose, the store knows */
	say(h, "{\"type\":\"ping\"}");
	expect(h, "{\"type\": \"pong\"}");
	session_status = 401;
	store_double_notice("revoked", "{\"user\":\"u1\"}");
	expect(h, "1008 access ended");
}

static void a_session_that_cannot_be_checked_ends_it(void **state)
{
	struct gatehouse *h = *state;
	start(h);
	store_double.refuse = true;
	store_double_notice("revoked", "{\"user\":\"u1\"}");
	expect(h, "1013 too much to do");
}

static void it_is_told_that_the_gateway_stops(void **state)
{
	struct gatehouse *h = *state;
	start(h);
	subscribe(h, "run1");
	gateway_drain(h->gateway);
	expect(h, "1001 gateway is stopping");
	while (!h->ended)
		gatehouse_turn(h);
}

static void who_leaves_is_not_missed(void **state)
{
	struct gatehouse *h = *state;
	start(h);
	subscribe(h, "run1");
	store_double.silent = true;
	say(h, "{\"type\":\"subscribe\",\"runId\":\"run2\"}");
	while (store_double.n_waiting == 0)
		gatehouse_turn(h);
	gatehouse_knock(h); /* leaves while the store is asked, and nothing is read */
	store_double_notice("event", "{\"runId\":\"run1\",\"id\":8,\"type\":\"info\"}");
	char text[512];
	int n = snprintf(text, sizeof(text),
		"GET /ws HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer a\r\n" UPGRADE "\r\n",
		h->host);
	gatehouse_say(h, text, (size_t)n);
	while (store_double.n_waiting < 2)
		gatehouse_turn(h);
	gatehouse_knock(h); /* before it was upgraded */
	while (store_double.n_waiting > 1)
		gatehouse_turn(h);
	gatehouse_close(h);
	assert_int_equal(store_double.n_waiting, 0);
}

static void all_hear_that_a_run_changes(void **state)
{
	struct gatehouse *h = *state;
	start(h);
	store_double_notice("run_changed", "{\"runId\":\"run2\",\"status\":\"running\"}");
	assert_non_null(strstr(hear(h), "\"type\": \"run_changed\""));
	relay_double.config->on_change(relay_double.config->ctx, "run2");
	expect(h, "{\"type\": \"tunnel_changed\", \"runId\": \"run2\"}");
	store_double_notice("run_deleted", "{\"runId\":\"run2\"}");
	assert_non_null(strstr(hear(h), "\"type\": \"run_deleted\""));
	store_double_notice("event", "{\"runId\":\"run2\",\"id\":1,\"type\":\"info\"}");
	say(h, "{\"type\":\"ping\"}");
	expect(h, "{\"type\": \"pong\"}");
}

static void who_does_not_read_is_dropped(void **state)
{
	struct gatehouse *h = *state;
	static char text[4096 + 64];
	start(h);
	subscribe(h, "run1");
	int n = snprintf(text, sizeof(text), "{\"runId\":\"run1\",\"data\":\"");
	memset(text + n, 'a', 4096);
	snprintf(text + n + 4096, sizeof(text) - (size_t)n - 4096, "\"}");
	for (int i = 0; i < 4000; i++) /* nothing is read meanwhile */
		store_double_notice("run_changed", text);
	while (!h->eof) {
		gatehouse_turn(h);
		buf_reset(&h->got);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_is_needed),
		TEST(who_subscribes_hears_of_the_run),
		TEST(what_is_wrong_is_said),
		TEST(there_are_so_many_subscriptions),
		TEST(a_session_that_ends_ends_it),
		TEST(a_session_that_cannot_be_checked_ends_it),
		TEST(it_is_told_that_the_gateway_stops),
		TEST(who_leaves_is_not_missed),
		TEST(all_hear_that_a_run_changes),
		TEST(who_does_not_read_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
