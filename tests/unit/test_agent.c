#include <stdio.h>
#include <string.h>

#include "outpost.h"

/* An agent's life at a gateway: joining, runs, commands, events, and its end. */

static void a_given_run_is_started_and_stopped(void **state)
{
	struct outpost *o = *state;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	const char *started = outpost_event(o, "marker", 0);
	assert_non_null(strstr(started, "\"event\": \"started\""));
	assert_non_null(strstr(started, "\"resolution\": \"200x100\""));
	outpost_command(o, "__STOP__");
	OUTPOST_UNTIL(o, o->ended);
	assert_false(o->failed);
	assert_string_equal(outpost_run_text(o, "status"), "done");
	assert_non_null(strstr(outpost_event(o, "marker", 1), "\"exitCode\": 0"));
}

static void a_stopped_claimed_run_is_followed_by_the_next(void **state)
{
	struct outpost *o = *state;
	char first[64];
	o->config.run_id = o->config.capability_token = NULL;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	outpost_command(o, "__STOP__");
	OUTPOST_UNTIL(o, !strcmp(outpost_run_text(o, "status"), "done"));
	snprintf(first, sizeof(first), "%s", o->run);
	outpost_make_run(o);
	assert_string_not_equal(first, o->run);
	OUTPOST_UNTIL(o, !strcmp(outpost_run_text(o, "status"), "running"));
	struct looker *l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	assert_false(o->ended);
	agent_finish(o->agent, 3);
	OUTPOST_UNTIL(o, o->ended);
	assert_false(o->failed);
	assert_string_equal(outpost_run_text(o, "status"), "failed");
}

static void it_is_told_of_commands_at_once(void **state)
{
	struct outpost *o = *state;
	o->config.poll_interval_ms = 0;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	outpost_settle(o);
	for (int i = 0; i < 3; i++)
		outpost_command(o, "__START_VNC_STREAM__");
	outpost_command(o, "__STOP__");
	OUTPOST_UNTIL(o, o->ended);
	assert_string_equal(outpost_run_text(o, "status"), "done");
}

static void a_deleted_run_ends_it(void **state)
{
	struct outpost *o = *state;
	char args[100];
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	struct looker *l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	snprintf(args, sizeof(args), "{'id': '%s'}", o->run);
	assert_int_equal(outpost_ask(o, "run.delete", args, NULL), 200);
	OUTPOST_UNTIL(o, o->ended);
	assert_true(o->failed);
	assert_non_null(strstr(o->why, o->run));
}

static void output_arrives_whole(void **state)
{
	struct outpost *o = *state;
	assert_non_null(outpost_join(o));
	/* Before the run has begun, and cut within a character. */
	agent_output(o->agent, false, "early \xc3", 7);
	outpost_until_joined(o);
	agent_output(o->agent, false, "\xa4\n", 2);
	agent_output(o->agent, true, "bad \xff byte", 10);
	OUTPOST_UNTIL(o, outpost_event(o, "stderr", 0));
	assert_string_equal(outpost_event(o, "stderr", 0), "bad \xef\xbf\xbd byte");
	OUTPOST_UNTIL(o, outpost_event(o, "stdout", 1));
	assert_string_equal(outpost_event(o, "stdout", 0), "early ");
	assert_string_equal(outpost_event(o, "stdout", 1), "\xc3\xa4\n");
	char line[100];
	for (int i = 0; i < 300; i++) {
		int n = snprintf(line, sizeof(line), "line %d of a chatty command, and more\n", i);
		agent_output(o->agent, false, line, (size_t)n);
	}
	agent_finish(o->agent, 7);
	OUTPOST_UNTIL(o, o->ended);
	const char *part = outpost_event(o, "stdout", 2);
	assert_true(strlen(part) > 4000);
	assert_int_equal(part[strlen(part) - 1], '\n');
	assert_non_null(strstr(outpost_event(o, "marker", 1), "\"exitCode\": 7"));
}

static void what_it_has_to_tell_waits_for_the_gateway(void **state)
{
	struct outpost *o = *state;
	static char much[8 * 1024];
	outpost_speed = 40;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	outpost_close_gateway(o);
	memset(much, 'x', sizeof(much));
	for (int i = 0; i < 600; i++)
		agent_output(o->agent, false, much, sizeof(much));
	assert_non_null(strstr(o->lines, "dropping"));
	outpost_settle(o);
	outpost_open_gateway(o);
	outpost_speed = 1;
	OUTPOST_UNTIL(o, strstr(o->lines, "messages were lost"));
	agent_finish(o->agent, 0);
	OUTPOST_UNTIL(o, o->ended);
	assert_string_equal(outpost_run_text(o, "status"), "done");
}

static void it_comes_back_to_a_gateway_that_was_away(void **state)
{
	struct outpost *o = *state;
	outpost_speed = 40;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	outpost_close_gateway(o);
	outpost_settle(o);
	o->lines[0] = '\0';
	outpost_open_gateway(o);
	OUTPOST_UNTIL(o, strstr(o->lines, "agent: connected to"));
	struct looker *l = outpost_look(o, true, false);
	OUTPOST_UNTIL(o, looker_shows(l));
}

static void a_gateway_that_is_not_there_yet_is_waited_for(void **state)
{
	struct outpost *o = *state;
	outpost_speed = 40;
	outpost_close_gateway(o);
	assert_non_null(outpost_join(o));
	OUTPOST_UNTIL(o, strstr(o->lines, "cannot register"));
	outpost_open_gateway(o);
	outpost_until_joined(o);
}

static void finishing_without_a_gateway_does_not_take_long(void **state)
{
	struct outpost *o = *state;
	outpost_speed = 40;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	outpost_close_gateway(o);
	agent_finish(o->agent, 0);
	agent_finish(o->agent, 0);
	OUTPOST_UNTIL(o, o->ended);
	assert_false(o->failed);
}

static void a_second_process_replaces_the_first(void **state)
{
	struct outpost *o = *state;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	struct agent *first = o->agent;
	o->lines[0] = '\0';
	o->agent = NULL;
	assert_non_null(outpost_join(o));
	OUTPOST_UNTIL(o, o->ended);
	assert_true(o->failed);
	assert_non_null(strstr(o->why, "another process"));
	agent_destroy(first);
	o->ended = false;
	struct looker *l = outpost_look(o, true, false);
	OUTPOST_UNTIL(o, looker_shows(l));
}

static void expect_refused(struct outpost *o, const char *part)
{
	assert_null(outpost_join(o));
	if (!strstr(o->error, part))
		fail_msg("'%s' lacks '%s'", o->error, part);
}

static void what_cannot_be_sent_is_refused_at_once(void **state)
{
	struct outpost *o = *state;
	struct agent_config good = o->config;
	o->config.agent_id = "my agent";
	expect_refused(o, "--agent-id");
	o->config = good;
	o->config.run_id = "a/b";
	expect_refused(o, "run id");
	o->config = good;
	o->config.capability_token = "two words";
	expect_refused(o, "capability token");
	o->config = good;
	o->config.client_token = "line\nbreak";
	expect_refused(o, "client token");
	o->config = good;
	o->config.run_id = NULL;
	expect_refused(o, "together");
	o->config = good;
	o->config.client_token = NULL;
	expect_refused(o, "credential");
	o->config = good;
	o->config.hmac_secret = "short";
	expect_refused(o, "32");
	o->config = good;
	o->config.gateway_url = "gateway.example.org";
	expect_refused(o, "URL");
	o->config = good;
	o->config.http.pin = "sha256:00";
	expect_refused(o, "https");
	o->config = good;
}

static void a_wrong_token_is_explained(void **state)
{
	struct outpost *o = *state;
	o->config.client_token = "0123";
	assert_non_null(outpost_join(o));
	OUTPOST_UNTIL(o, o->ended);
	assert_true(o->failed);
	assert_non_null(strstr(o->why, "client token"));
}

static void a_wrong_capability_token_is_explained(void **state)
{
	struct outpost *o = *state;
	o->config.capability_token = "0123";
	assert_non_null(outpost_join(o));
	OUTPOST_UNTIL(o, o->ended);
	assert_true(o->failed);
	assert_non_null(strstr(o->why, "capability token"));
}

/* After each number of turns, whatever is under way then. */
static void it_may_be_destroyed_at_any_time(void **state)
{
	struct outpost *o = *state;
	for (int turns = 0; turns < 60; turns++) {
		assert_non_null(outpost_join(o));
		o->n_lookers = 0;
		struct looker *a = outpost_look(o, true, true), *b = outpost_look(o, false, false);
		for (int i = 0; i < turns; i++)
			outpost_turn(o);
		if (turns % 3 == 0)
			looker_cut(a);
		if (turns % 5 == 0)
			agent_finish(o->agent, 0);
		outpost_leave(o);
		outpost_settle(o);
		looker_leave(a);
		looker_leave(b);
		tunnel_resume_destroy(a->resume);
		client_destroy(a->client);
		client_destroy(b->client);
		o->lines[0] = '\0';
		o->n_lookers = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTPOST_TEST(a_given_run_is_started_and_stopped),
		OUTPOST_TEST(a_stopped_claimed_run_is_followed_by_the_next),
		OUTPOST_TEST(it_is_told_of_commands_at_once),
		OUTPOST_TEST(a_deleted_run_ends_it),
		OUTPOST_TEST(output_arrives_whole),
		OUTPOST_TEST(what_it_has_to_tell_waits_for_the_gateway),
		OUTPOST_TEST(it_comes_back_to_a_gateway_that_was_away),
		OUTPOST_TEST(a_gateway_that_is_not_there_yet_is_waited_for),
		OUTPOST_TEST(finishing_without_a_gateway_does_not_take_long),
		OUTPOST_TEST(a_second_process_replaces_the_first),
		OUTPOST_TEST(what_cannot_be_sent_is_refused_at_once),
		OUTPOST_TEST(a_wrong_token_is_explained),
		OUTPOST_TEST(a_wrong_capability_token_is_explained),
		OUTPOST_TEST(it_may_be_destroyed_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
