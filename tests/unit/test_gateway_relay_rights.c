#include <stdio.h>
#include <string.h>

#include "relay_house.h"

/* The agent's control WebSocket: who may have it, what it is told. */

static void notice(struct house *h, const char *kind, const char *text)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *body = json_parse(text, strlen(text), problem);
	assert_non_null(body);
	relay_notice(h->relay, kind, json_of(body));
	json_drop(body);
	house_settle(h);
}

static void a_second_agent_is_refused(void **state)
{
	struct house *h = *state;
	struct guest *first = guest_agent(h, "run1", "agent1");
	assert_int_equal(guest_join(h, "run1", "agent2")->status, 409);
	assert_int_equal(guest_join(h, "run2", "agent2")->status, 101);
	struct guest *viewer = guest_view(h, "run1", "control-a");
	struct guest *waiting = guest_view(h, "run1", "control-b");
	struct guest *data = guest_answer(h, first, 0, NULL);
	HOUSE_UNTIL(h, guest_text(first, "open", 1));
	/* the same one again takes over: what runs goes on, what waits is asked again */
	struct guest *second = guest_agent(h, "run1", "agent1");
	guest_expect_close(first, 4001, "replaced");
	guest_say_binary(data, "x");
	guest_expect(viewer, "x");
	assert_null(guest_text(second, "open", 1));
	struct guest *other = guest_answer(h, second, 0, NULL);
	assert_int_equal(other->status, 101);
	guest_say_binary(other, "y");
	guest_expect(waiting, "y");
	guest_vanish(second);
	house_settle(h);
	assert_int_equal(guest_join(h, "run1", "agent2")->status, 101); /* it is free now */
}

static void agents_without_a_name_prove_nothing(void **state)
{
	struct house *h = *state;
	static const char fields[] =
		"X-Signature: good\r\nX-Timestamp: 1\r\nX-Nonce: n\r\nX-Run-Id: run1\r\n"
		"X-Capability-Token: t\r\nSec-WebSocket-Protocol: porthole.agent.v1\r\n";
	assert_int_equal(guest_enter(h, "/ws/agent/run1", fields)->status, 101);
	assert_int_equal(guest_enter(h, "/ws/agent/run1", fields)->status, 409);
	assert_int_equal(guest_enter(h, "/ws/agent/run2", fields)->status, 403);
	assert_int_equal(guest_enter(h, "/ws/agent/run1?x=1", fields)->status, 400);
}

static void hello_has_rules(void **state)
{
	struct house *h = *state;
	static const struct {
		const char *text, *reason; /* NULL: any */
		unsigned code;
	} rows[] = {
		{ "nonsense", "not JSON", 1002 },
		{ "{\"type\":\"refused\",\"channel\":\"c\",\"reason\":\"r\"}", "hello comes first",
			1008 },
		{ "{\"type\":\"hello\"}", NULL, 1008 },
		{ "[]", NULL, 1008 },
		{ "{\"type\":\"hello\",\"version\":2,\"kinds\":[],\"agent\":\"a\"}",
			"this gateway speaks version 1", 1008 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct guest *g = guest_join(h, "run1", "agent1");
		guest_say(g, rows[i].text);
		guest_expect_close(g, rows[i].code, rows[i].reason ? rows[i].reason : g->reason);
		assert_true(strlen(g->reason) > 3);
	}
	struct guest *twice = guest_agent(h, "run1", "agent1");
	guest_say(twice, "{\"type\":\"hello\",\"version\":1,\"kinds\":[],\"agent\":\"a\"}");
	guest_expect_close(twice, 1008, "a second hello");
	struct guest *binary = guest_agent(h, "run1", "agent1");
	guest_say_binary(binary, "{}");
	guest_expect_close(binary, 1003, "");
	struct guest *silent = guest_join(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "view-a");
	house_pass_time(h, 11);
	guest_expect_close(silent, 1008, "no hello");
	assert_null(guest_text(silent, "open", 0)); /* nothing before hello */
	assert_int_equal(viewer->close_code, 0);
}

static void control_is_taken_and_handed_back(void **state)
{
	struct house *h = *state;
	char ann[80], bob[80], eve[80], late[80];
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	guest_answer(h, agent, 0, NULL);
	house_member(guest_text(agent, "open", 0), "channel", ann, sizeof(ann));
	guest_view(h, "run1", "control-bob");
	guest_answer(h, agent, 1, NULL);
	house_member(guest_text(agent, "open", 1), "channel", bob, sizeof(bob));
	guest_view(h, "run1", "view-eve");
	guest_answer(h, agent, 2, NULL);
	house_member(guest_text(agent, "open", 2), "channel", eve, sizeof(eve));

	assert_false(relay_give_control(h->relay, "run1", "nobody"));
	assert_false(relay_give_control(h->relay, "run1", eve)); /* view is all she has */
	assert_false(relay_give_control(h->relay, "run2", NULL));
	assert_true(relay_give_control(h->relay, "run1", ann));
	house_settle(h);
	const char *first = guest_text(agent, "\"type\": \"rights\"", 0);
	assert_non_null(strstr(first, bob));
	assert_non_null(strstr(first, "\"view\""));
	assert_null(guest_text(agent, "\"type\": \"rights\"", 1)); /* eve's do not change */

	/* who comes now has been granted control, and has it not for now */
	guest_view(h, "run1", "control-late");
	guest_answer(h, agent, 3, NULL);
	house_member(guest_text(agent, "open", 3), "channel", late, sizeof(late));
	assert_non_null(strstr(guest_text(agent, "open", 3), "\"control\""));
	assert_non_null(strstr(guest_text(agent, "\"type\": \"rights\"", 1), late));

	assert_true(relay_give_control(h->relay, "run1", bob));
	house_settle(h);
	assert_non_null(strstr(guest_text(agent, "\"type\": \"rights\"", 2), ann));
	assert_non_null(strstr(guest_text(agent, "\"type\": \"rights\"", 3), bob));
	assert_non_null(strstr(guest_text(agent, "\"type\": \"rights\"", 3), "\"control\""));
	/* bob leaves: all may again */
	assert_true(relay_close_channel(h->relay, "run1", bob));
	house_settle(h);
	assert_non_null(strstr(guest_text(agent, "\"type\": \"rights\"", 4), ann));
	assert_non_null(strstr(guest_text(agent, "\"type\": \"rights\"", 5), late));
	assert_null(guest_text(agent, "\"type\": \"rights\"", 6));
	assert_int_equal(viewer->close_code, 0);
	/* an agent that was away hears what holds */
	assert_true(relay_give_control(h->relay, "run1", late));
	struct guest *again = guest_agent(h, "run1", "agent1");
	assert_non_null(strstr(guest_text(again, ann, 0), "\"view\""));
	assert_non_null(strstr(guest_text(again, late, 0), "\"control\""));
}

static void one_viewer_is_disconnected(void **state)
{
	struct house *h = *state;
	char channel[80];
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	struct guest *other = guest_view(h, "run1", "control-bob");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	house_member(guest_text(agent, "open", 0), "channel", channel, sizeof(channel));
	assert_false(relay_close_channel(h->relay, "run2", channel));
	assert_true(relay_close_channel(h->relay, "run1", channel));
	assert_false(relay_close_channel(h->relay, "run1", channel));
	guest_expect_close(viewer, 1008, "disconnected");
	guest_expect_close(data, 1008, "disconnected");
	assert_int_equal(other->close_code, 0);
	assert_true(relay_close_run(h->relay, "run1", "VNC tunnel closed"));
	guest_expect_close(other, 1000, "VNC tunnel closed");
	assert_false(relay_close_run(h->relay, "run1", "VNC tunnel closed"));
	house_settle(h);
	assert_int_equal(agent->close_code, 0);
}

static void revoke_one_way(struct house *h, const char *text, bool all)
{
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *ann = guest_enter(h, "/ws/vnc/run1", "Authorization: Bearer s-ann\r\n");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	struct guest *bob = guest_enter(h, "/ws/vnc/run1", "Authorization: Bearer s-bob\r\n");
	house_settle(h);
	notice(h, "revoked", "{\"session\":\"\"}");
	notice(h, "revoked", "{\"user\":\"nobody\"}");
	assert_int_equal(ann->close_code, 0);
	notice(h, "revoked", text);
	guest_expect_close(ann, 1008, "access ended");
	guest_expect_close(data, 1008, "access ended");
	assert_int_equal(bob->close_code, all ? 1008 : 0);
	assert_int_equal(agent->close_code, all ? 1008 : 0);
	assert_null(guest_text(agent, "revoke", 0)); /* nothing of this could be resumed */
	guest_vanish(bob);
	guest_vanish(agent);
	house_settle(h);
}

static void revoked_channels_close(void **state)
{
	struct house *h = *state;
	revoke_one_way(h, "{\"session\":\"s-ann\"}", false);
	revoke_one_way(h, "{\"user\":\"ann\"}", false);
	revoke_one_way(h, "{\"run\":\"run1\"}", true);
	revoke_one_way(h, "{\"client\":\"client1\"}", true);
	struct guest *ticket = guest_view(h, "run1", "view-eve");
	notice(h, "revoked", "{\"ticket\":\"id-of-view-eve\"}");
	guest_expect_close(ticket, 1008, "access ended");
}

static void revoked_grants_cannot_be_resumed(void **state)
{
	struct house *h = *state;
	char first[80], second[80];
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *ann = guest_resume(h, "run1", "control-ann");
	guest_answer(h, agent, 0, NULL);
	house_member(guest_text(agent, "open", 0), "grant", first, sizeof(first));
	struct guest *gone = guest_resume(h, "run1", "view-ann");
	guest_answer(h, agent, 1, NULL);
	house_member(guest_text(agent, "open", 1), "grant", second, sizeof(second));
	guest_vanish(gone);
	house_settle(h);
	assert_null(guest_text(agent, "revoke", 0));
	notice(h, "revoked", "{\"user\":\"ann\"}");
	guest_expect_close(ann, 1008, "access ended");
	HOUSE_UNTIL(h, guest_text(agent, "revoke", 1));
	assert_true(guest_text(agent, first, 1) && guest_text(agent, second, 1));
	notice(h, "revoked", "{\"user\":\"ann\"}"); /* again: nothing new */
	assert_null(guest_text(agent, "revoke", 2));
	/* an agent that was away is told, for as long as it may keep the keys */
	struct guest *again = guest_agent(h, "run1", "agent1");
	assert_true(guest_text(again, "revoke", 1) && !guest_text(again, "revoke", 2));
	house_pass_time(h, 91);
	again = guest_agent(h, "run1", "agent1");
	assert_null(guest_text(again, "revoke", 0));
}

/* What an agent keeps for a viewer that has lost its way ends with the run, although
 * the agent's own link ends with it. */
static void an_agent_hears_of_grants_before_its_link_ends(void **state)
{
	struct house *h = *state;
	static const char *const whole[] = { "{\"run\":\"run1\"}", "{\"client\":\"client1\"}" };
	static const char *const kept_by[] = { "control-ann", "control-eve" };
	static const char *const open_by[] = { "control-bob", "control-joe" };
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		char kept[80], open[80];
		struct guest *agent = guest_agent(h, "run1", "agent1");
		struct guest *gone = guest_resume(h, "run1", kept_by[i]);
		guest_answer(h, agent, 0, NULL);
		house_member(guest_text(agent, "open", 0), "grant", kept, sizeof(kept));
		guest_vanish(gone);
		house_settle(h);
		struct guest *bob = guest_resume(h, "run1", open_by[i]);
		guest_answer(h, agent, 1, NULL);
		house_member(guest_text(agent, "open", 1), "grant", open, sizeof(open));
		notice(h, "revoked", whole[i]);
		guest_expect_close(bob, 1008, "access ended");
		guest_expect_close(agent, 1008, "access ended");
		assert_non_null(guest_text(agent, "revoke", 1));
		assert_null(guest_text(agent, "revoke", 2));
		assert_true(guest_text(agent, kept, 1) && guest_text(agent, open, 1));
		house_pass_time(h, 91);
	}
}

static void commands_are_pushed(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	notice(h, "command_queued",
		"{\"runId\":\"run2\",\"commandId\":\"c0\",\"command\":\"__STOP__\"}");
	notice(h, "command_queued",
		"{\"runId\":\"run1\",\"commandId\":\"c1\",\"command\":\"__STOP__\"}");
	notice(h, "command_queued", "{\"runId\":\"run1\"}");
	notice(h, "event", "{\"runId\":\"run1\",\"id\":7}");
	guest_expect_text(
		agent, "{\"type\": \"command\", \"id\": \"c1\", \"command\": \"__STOP__\"}");
	assert_null(guest_text(agent, "command", 1));
}

static void an_agent_dies_in_the_middle_of_a_frame(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	static const uint8_t part[] = { 0x82, 0xff, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 'p', 'a',
		'r', 't' };
	guest_raw(data, part, sizeof(part));
	guest_expect(viewer, "part");
	guest_vanish(data);
	guest_vanish(agent);
	guest_expect_close(viewer, 1001, "");
	house_settle(h);
	assert_int_equal(relay_totals(h->relay).agents, 0);
	assert_int_equal(relay_totals(h->relay).channels, 0);
	/* and it is back */
	struct guest *again = guest_agent(h, "run1", "agent1");
	struct guest *next = guest_view(h, "run1", "control-bob");
	guest_say_binary(guest_answer(h, again, 0, NULL), "RFB");
	guest_expect(next, "RFB");
}

static void the_store_hears_of_an_agent_that_was_lost(void **state)
{
	struct house *h = *state;
	/* Who says good-bye has told the store himself how his run ended. */
	guest_leave(guest_agent(h, "run1", "a1"), 1000);
	house_settle(h);
	assert_int_equal(h->left, 0);
	struct guest *first = guest_agent(h, "run1", "a1");
	struct guest *second = guest_agent(h, "run1", "a1");
	guest_expect_close(first, 4001, "replaced");
	house_settle(h);
	assert_int_equal(h->left, 0);
	guest_vanish(second);
	HOUSE_UNTIL(h, h->left == 1);
	/* Back before the store had time to hear of it. */
	struct guest *third = guest_agent(h, "run1", "a1");
	h->store.busy = true;
	guest_vanish(third);
	HOUSE_UNTIL(h, relay_totals(h->relay).agents == 0);
	h->store.busy = false;
	guest_agent(h, "run1", "a1");
	house_pass_time(h, 2);
	house_settle(h);
	assert_int_equal(h->left, 1);
}

static void draining_tells_all(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	struct guest *alone = guest_view(h, "run2", "control-ann2");
	for (int i = 0; i < 38; i++) { /* more ends than are recorded at once */
		char ticket[40];
		snprintf(ticket, sizeof(ticket), "view-%d", i);
		guest_view(h, "run2", ticket);
	}
	house_settle(h);
	assert_false(relay_is_idle(h->relay));
	relay_drain(h->relay);
	guest_expect_close(viewer, 1001, "gateway is stopping");
	guest_expect_close(data, 1001, "gateway is stopping");
	guest_expect_close(alone, 1001, "gateway is stopping");
	guest_expect_close(agent, 1001, "gateway is stopping");
	HOUSE_UNTIL(h, relay_is_idle(h->relay));
	size_t lines = 0;
	for (size_t i = 0; i < h->closed.len; i++)
		lines += h->closed.data[i] == '\n';
	assert_int_equal(lines, 40);
	assert_int_equal(guest_view(h, "run1", "view-z")->status, 503);
	assert_int_equal(guest_join(h, "run1", "agent1")->status, 503);
}

static void a_busy_store_gets_the_records_later(void **state)
{
	struct house *h = *state;
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	h->store.busy = true;
	guest_vanish(viewer);
	house_settle(h);
	assert_false(relay_is_idle(h->relay));
	h->store.busy = false;
	HOUSE_UNTIL(h, relay_is_idle(h->relay));
	assert_true(h->closed.len > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOUSE_TEST(a_second_agent_is_refused),
		HOUSE_TEST(agents_without_a_name_prove_nothing),
		HOUSE_TEST(hello_has_rules),
		HOUSE_TEST(control_is_taken_and_handed_back),
		HOUSE_TEST(one_viewer_is_disconnected),
		HOUSE_TEST(revoked_channels_close),
		HOUSE_TEST(revoked_grants_cannot_be_resumed),
		HOUSE_TEST(an_agent_hears_of_grants_before_its_link_ends),
		HOUSE_TEST(commands_are_pushed),
		HOUSE_TEST(an_agent_dies_in_the_middle_of_a_frame),
		HOUSE_TEST(the_store_hears_of_an_agent_that_was_lost),
		HOUSE_TEST(draining_tells_all),
		HOUSE_TEST(a_busy_store_gets_the_records_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
