#include <stdio.h>
#include <string.h>

#include "relay_house.h"

/* Existing runners, which say who they are and prove nothing. */

static const char runner_fields[] =
	"X-VNC-Client: true\r\nUser-Agent: python-vnc-runner\r\n"
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
	"Sec-WebSocket-Protocol: binary\r\n";

static struct guest *enter_runner(struct house *h)
{
	return guest_enter(h, "/ws/vnc/run1", runner_fields);
}

static void let_runners_in(struct house *h)
{
	h->config.legacy_runner = true;
	h->start_delivered = true;
	house_restart(h);
}

static void runners_are_let_in_after_a_start_only(void **state)
{
	struct house *h = *state;
	assert_int_equal(enter_runner(h)->status, 403);
	let_runners_in(h);
	h->start_delivered = false;
	assert_int_equal(enter_runner(h)->status, 403);
	assert_int_equal(relay_totals(h->relay).pending, 0);
	h->start_delivered = true;
	struct guest *runner = enter_runner(h);
	assert_int_equal(runner->status, 101);
	assert_non_null(strstr(runner->head, "Sec-WebSocket-Protocol: binary\r\n"));
	assert_null(strstr(runner->head, "Extensions"));
	/* it speaks first, and nobody takes its place while it lives */
	guest_say_binary(runner, "RFB 003.008\n");
	assert_int_equal(enter_runner(h)->status, 409);
	house_settle(h);
	assert_int_equal(runner->close_code, 0);
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	guest_expect(viewer, "RFB 003.008\n");
	guest_say(viewer, "text goes as binary");
	guest_expect(runner, "text goes as binary");
	assert_int_equal(runner->binary_frames, 1);
	guest_say(runner, "and back");
	guest_expect(viewer, "and back");
	guest_expect_close(guest_view(h, "run1", "control-bob"), 1013, "busy");
	/* its stream is of no use to the next viewer */
	guest_leave(viewer, 1000);
	guest_expect_close(runner, 1000, "");
	assert_int_equal(enter_runner(h)->status, 101);
}

static void a_viewer_may_be_there_first(void **state)
{
	struct house *h = *state;
	let_runners_in(h);
	struct guest *watcher = guest_view(h, "run1", "view-eve");
	struct guest *first = guest_view(h, "run1", "control-ann");
	struct guest *second = guest_view(h, "run1", "control-bob");
	struct guest *runner = enter_runner(h);
	guest_say_binary(runner, "RFB");
	guest_expect(first, "RFB");
	guest_expect_close(second, 1013, "busy");
	guest_expect_close(watcher, 1008, "an existing runner cannot be only watched");
	struct json *status = relay_status(h->relay, "run1");
	struct json_ref agent = json_get(json_of(status), "agent");
	assert_false(json_bool(json_get(agent, "authenticated"), true));
	assert_string_equal(json_get_text(json_of(status), "status"), "active");
	json_drop(status);
	guest_vanish(runner);
	guest_expect_close(first, 1001, "");
	buf_put_u8(&h->closed, 0);
	assert_non_null(strstr((const char *)h->closed.data, "\"kind\": \"runner\""));
}

static void only_watching_a_runner_is_refused(void **state)
{
	struct house *h = *state;
	let_runners_in(h);
	struct guest *runner = enter_runner(h);
	guest_expect_close(guest_view(h, "run1", "view-eve"), 1008,
		"an existing runner cannot be only watched");
	house_settle(h);
	assert_int_equal(runner->close_code, 0);
	assert_true(relay_close_run(h->relay, "run1", "VNC tunnel closed"));
	guest_expect_close(runner, 1000, "VNC tunnel closed");
}

static void a_runner_and_our_agent_exclude_each_other(void **state)
{
	struct house *h = *state;
	let_runners_in(h);
	struct guest *runner = enter_runner(h);
	assert_int_equal(guest_join(h, "run1", "agent1")->status, 409);
	guest_vanish(runner);
	house_settle(h);
	assert_int_equal(guest_agent(h, "run1", "agent1")->status, 101);
	assert_int_equal(enter_runner(h)->status, 409);
}

static void a_waiting_runner_is_pending(void **state)
{
	struct house *h = *state;
	let_runners_in(h);
	struct guest *runner = enter_runner(h);
	house_pass_time(h, 100); /* somebody may come yet */
	assert_int_equal(runner->close_code, 0);
	struct json *status = relay_status(h->relay, "run1");
	assert_string_equal(json_get_text(json_of(status), "status"), "pending");
	assert_true(json_bool(json_get(json_of(status), "clientConnected"), false));
	assert_int_equal(json_len(json_get(json_of(status), "viewers")), 0);
	json_drop(status);
}

/* A whole picture as one frame, larger than anything is kept. */
static void large_frames_pass(void **state)
{
	struct house *h = *state;
	let_runners_in(h);
	struct guest *runner = enter_runner(h);
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	static uint8_t picture[6 * 1024 * 1024];
	for (size_t i = 0; i < sizeof(picture); i++)
		picture[i] = (uint8_t)(i * 7 + i / 1000);
	guest_send(runner, 0x82, picture, sizeof(picture));
	HOUSE_UNTIL(h, viewer->got.len >= sizeof(picture) || viewer->eof);
	assert_int_equal(viewer->got.len, sizeof(picture));
	assert_memory_equal(viewer->got.data, picture, sizeof(picture));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOUSE_TEST(runners_are_let_in_after_a_start_only),
		HOUSE_TEST(a_viewer_may_be_there_first),
		HOUSE_TEST(only_watching_a_runner_is_refused),
		HOUSE_TEST(a_runner_and_our_agent_exclude_each_other),
		HOUSE_TEST(a_waiting_runner_is_pending),
		HOUSE_TEST(large_frames_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
