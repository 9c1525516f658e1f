#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clerk.h"
#include "gateway/store/principal.h"

static struct clerk k;
static const int ram = CLERK_RAM, sqlite = CLERK_SQLITE;
static char run[200], token[200];

static int open_clerk(void **state)
{
	clerk_open(&k, *(const int *)*state);
	clerk_run(&k, run, token);
	return 0;
}

static int close_clerk(void **state)
{
	(void)state;
	clerk_close(&k);
	return 0;
}

static struct clerk_signer runner(void)
{
	return (struct clerk_signer){ .key = k.secret, .run = run, .token = token };
}

static int add(const struct clerk_signer *s)
{
	return clerk_signed(&k, s, "event.add", "{'type':'info','data':'hi'}");
}

static long long count_events(void)
{
	assert_int_equal(clerk_local(&k, "event.list", "{'id':'%s'}", run), 200);
	return (long long)json_len(clerk_get(&k, "events"));
}

static void signed_requests_are_checked_in_order(void **state)
{
	struct clerk_signer s = runner();
	(void)state;
	assert_int_equal(add(&s), 200);
	assert_true(clerk_int(&k, "eventId") > 0);
	assert_string_equal(json_get_text(clerk_notice(&k, "event"), "data"), "hi");
	s.nonce = "";
	assert_int_equal(add(&s), 401);
	assert_string_equal(clerk_error(&k), "Missing authentication headers");
	s.nonce = "n1";
	const long long skews[][2] = { { -301, 401 }, { 301, 401 }, { -300, 200 } };
	for (size_t i = 0; i < ARRAY_LEN(skews); i++) {
		s.skew = skews[i][0];
		assert_int_equal(add(&s), skews[i][1]);
		if (skews[i][1] == 401)
			assert_string_equal(
				clerk_error(&k), "Request timestamp out of allowed range");
	}
	s.skew = 300;
	assert_int_equal(add(&s), 401);
	assert_string_equal(clerk_error(&k), "Nonce already used (replay attack detected)");
	s = runner();
	s.bad_signature = true;
	s.nonce = "n2";
	assert_int_equal(add(&s), 401);
	assert_string_equal(clerk_error(&k), "Invalid signature");
	s.bad_signature = false;
	assert_int_equal(add(&s), 200); /* a bad signature uses no nonce up */
	assert_int_equal(count_events(), 3);
}

static void nonces_are_of_few_characters(void **state)
{
	char longest[130];
	const char *const bad[] = { " ", "a b", "a.b", "a\xc3\xa4", "'", "a+b", "a=", longest };
	struct clerk_signer s = runner();
	(void)state;
	memset(longest, 'n', sizeof(longest));
	longest[129] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		s.nonce = bad[i];
		assert_int_equal(add(&s), 400);
		assert_string_equal(
			clerk_error(&k), "X-Nonce must be 1 to 128 of the characters A-Za-z0-9_-");
	}
	longest[128] = '\0';
	s.nonce = longest;
	assert_int_equal(add(&s), 200);
	s.nonce = "AZaz09_-";
	assert_int_equal(add(&s), 200);
}

static void a_run_and_its_token_are_demanded(void **state)
{
	struct clerk_signer s = { .key = k.secret };
	(void)state;
	assert_int_equal(add(&s), 400);
	assert_string_equal(clerk_error(&k), "Run ID required");
	s.run = run;
	assert_int_equal(add(&s), 403);
	s.token = "abab";
	assert_int_equal(add(&s), 403);
	assert_string_equal(clerk_error(&k), "Invalid capability token for run");
	s.run = "unknown";
	assert_int_equal(add(&s), 403);
	assert_string_equal(clerk_error(&k), "Invalid capability token for run");
	s = runner();
	s.method = "GET";
	s.path = "/api/runs/another/commands";
	assert_int_equal(clerk_signed(&k, &s, "run.commands", NULL), 403);
	assert_string_equal(clerk_error(&k), "Capability token mismatch");
	s.path = "/api/x";
	assert_int_equal(clerk_signed(&k, &s, "run.commands", "{'id':'another'}"), 403);
	assert_string_equal(clerk_error(&k), "Capability token mismatch");
	s.path = "/api/x?run=1";
	assert_int_equal(clerk_signed(&k, &s, "run.commands", NULL), 400);
}

static void a_refused_request_is_used_up(void **state)
{
	struct clerk_signer s = runner();
	(void)state;
	s.nonce = "once";
	assert_int_equal(clerk_signed(&k, &s, "run.ack", "{'commandId':'none'}"), 404);
	assert_int_equal(clerk_signed(&k, &s, "run.ack", "{'commandId':'none'}"), 401);
	assert_string_equal(clerk_error(&k), "Nonce already used (replay attack detected)");
}

static void nonces_outlive_a_restart_and_are_swept(void **state)
{
	bool more;
	struct clerk_signer s = runner();
	(void)state;
	s.nonce = "kept";
	assert_int_equal(add(&s), 200);
	if (k.dir[0])
		clerk_reopen(&k);
	k.now += 600;
	s.skew = -600 + 300;
	assert_int_equal(db_begin(k.db), OK);
	assert_int_equal(core_sweep(k.core, &more, NULL, NULL), OK);
	assert_int_equal(db_commit(k.db), OK);
	assert_int_equal(add(&s), 401);
	assert_string_equal(clerk_error(&k), "Nonce already used (replay attack detected)");
	k.now += 61;
	assert_int_equal(db_begin(k.db), OK);
	assert_int_equal(core_sweep(k.core, &more, NULL, NULL), OK);
	assert_int_equal(db_commit(k.db), OK);
	s.skew = 0;
	assert_int_equal(add(&s), 200);
}

static void without_a_secret_runners_are_refused(void **state)
{
	struct clerk_signer s = runner();
	(void)state;
	if (!k.dir[0])
		return;
	s.key = k.secret;
	k.secret = NULL;
	clerk_reopen(&k);
	assert_int_equal(add(&s), 401);
	assert_non_null(strstr(clerk_error(&k), "takes no shared secret"));
}

static int marker(const char *json)
{
	struct clerk_signer s = runner();
	struct json *args = json_make_object();
	json_put_text(args, "data", json);
	char *text = json_print(args, false);
	json_drop(args);
	size_t n = strlen(text);
	text[n - 1] = '\0';
	int status = clerk_signed(&k, &s, "event.add", "%s,'type':'marker'}", text);
	free(text);
	return status;
}

static const char *status_of_run(void)
{
	assert_int_equal(clerk_local(&k, "run.get", "{'id':'%s'}", run), 200);
	return clerk_text(&k, "status");
}

static void markers_change_the_run(void **state)
{
	(void)state;
	assert_string_equal(status_of_run(), "pending");
	assert_int_equal(marker("{\"event\":\"started\",\"command\":\"vnc\"}"), 200);
	assert_string_equal(json_get_text(clerk_notice(&k, "run_changed"), "status"), "running");
	assert_string_equal(status_of_run(), "running");
	assert_int_equal(clerk_int(&k, "started_at"), k.now);
	assert_int_equal(marker("{\"event\":\"finished\",\"exitCode\":3}"), 200);
	assert_string_equal(status_of_run(), "failed");
	assert_int_equal(clerk_int(&k, "exit_code"), 3);
	assert_int_equal(marker("no JSON"), 200);
	assert_int_equal(marker("{\"event\":\"started\"}"), 200);
	assert_string_equal(status_of_run(), "running");
	assert_int_equal(json_kind_of(clerk_get(&k, "exit_code")), JSON_TYPE_NULL);
	assert_int_equal(marker("{\"event\":\"finished\",\"exitCode\":0}"), 200);
	assert_string_equal(status_of_run(), "done");
}

static long long add_numbered(const char *type, const char *data, int sequence)
{
	struct clerk_signer s = runner();
	assert_int_equal(clerk_signed(&k, &s, "event.add",
				 "{'type':'%s','data':'%s','sequence':%d}", type, data, sequence),
		200);
	return clerk_int(&k, "eventId");
}

static void a_sequence_counts_once(void **state)
{
	static const char started[] = "{\\'event\\':\\'started\\'}";
	(void)state;
	long long first = add_numbered("marker", started, 0);
	assert_int_equal(add_numbered("marker", started, 0), first); /* the answer was lost */
	long long second = add_numbered("info", "a", 1);
	assert_true(second > first);
	assert_int_equal(add_numbered("info", "a", 1), second);
	assert_null(clerk_notice(&k, "event").value);
	/* A runner that begins anew counts from 0. */
	long long again = add_numbered("marker", started, 0);
	assert_true(again > second);
	long long third = add_numbered("info", "b", 1);
	assert_true(third > again);
	assert_int_equal(add_numbered("info", "b", 1), third);
	assert_int_equal(count_events(), 4);
}

static void secrets_are_not_kept(void **state)
{
	struct clerk_signer s = runner();
	(void)state;
	assert_int_equal(clerk_signed(&k, &s, "event.add",
				 "{'type':'stdout','data':'x password=hunter2 y'}"),
		200);
	assert_string_equal(
		json_get_text(clerk_notice(&k, "event"), "data"), "x password=[REDACTED] y");
	count_events();
	assert_string_equal(json_get_text(json_at(clerk_get(&k, "events"), 0), "data"),
		"x password=[REDACTED] y");
}

static void events_are_paged(void **state)
{
	struct clerk_signer s = runner();
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(add(&s), 200);
	long long last = clerk_int(&k, "eventId");
	assert_int_equal(clerk_local(&k, "event.list", "{'id':'%s','limit':'2','after':'%lld'}",
				 run, last - 3),
		200);
	assert_int_equal(json_len(clerk_get(&k, "events")), 2);
	assert_int_equal(
		json_int(json_get(json_at(clerk_get(&k, "events"), 0), "id"), 0), last - 2);
	assert_int_equal(clerk_local(&k, "event.list", "{'id':'none'}"), 404);
	assert_int_equal(clerk_local(&k, "event.list", "{'id':'%s','limit':1001}", run), 400);
}

static void queue(const char *command, char id[200])
{
	assert_int_equal(
		clerk_local(&k, "run.command", "{'id':'%s','command':'%s'}", run, command), 200);
	clerk_keep(&k, "commandId", id);
}

static size_t poll_commands(void)
{
	struct clerk_signer s = runner();
	s.address = "198.51.100.7";
	assert_int_equal(clerk_signed(&k, &s, "run.commands", NULL), 200);
	return json_len(clerk_get(&k, "commands"));
}

static void commands_are_fetched_and_acknowledged(void **state)
{
	char start[200], again[200], other[200];
	struct clerk_signer s = runner();
	const struct store_who gateway = { .kind = STORE_GATEWAY };
	static const char open[] = "{'runId':'%s','address':'198.51.100.7'}";
	(void)state;
	queue("__START_VNC_STREAM__", start);
	assert_string_equal(json_get_text(clerk_notice(&k, "command_queued"), "commandId"), start);
	queue("__START_VNC_STREAM__", again);
	assert_string_equal(start, again);
	queue("other", other);
	assert_int_equal(clerk_ask(&k, "runner.open", &gateway, open, run), 403);
	assert_int_equal(poll_commands(), 2);
	struct json_ref first = json_at(clerk_get(&k, "commands"), 0);
	assert_string_equal(json_get_text(first, "id"), start);
	assert_string_equal(json_get_text(first, "command"), "__START_VNC_STREAM__");
	assert_int_equal(clerk_ask(&k, "runner.open", &gateway, open, run), 200);
	assert_int_equal(clerk_ask(&k, "runner.open", &gateway,
				 "{'runId':'%s','address':'198.51.100.8'}", run),
		403);
	assert_int_equal(clerk_signed(&k, &s, "run.ack",
				 "{'commandId':'%s','result':'done','error':null}", start),
		200);
	assert_string_equal(json_get_text(clerk_notice(&k, "command_completed"), "result"), "done");
	assert_int_equal(clerk_ask(&k, "runner.open", &gateway, open, run), 403);
	assert_int_equal(clerk_signed(&k, &s, "run.ack", "{'commandId':'%s'}", start), 200);
	assert_null(clerk_notice(&k, "command_completed").value);
	assert_int_equal(clerk_signed(&k, &s, "run.ack", "{'commandId':'none'}"), 404);
	assert_int_equal(poll_commands(), 1);
}

static void a_stop_does_not_end_the_next_runner(void **state)
{
	char stop[200];
	(void)state;
	assert_int_equal(marker("{\"event\":\"started\"}"), 200);
	queue("__STOP__", stop);
	assert_int_equal(poll_commands(), 1);
	assert_int_equal(marker("{\"event\":\"started\"}"), 200);
	assert_int_equal(poll_commands(), 0);
	queue("__STOP__", stop);
	assert_int_equal(marker("{\"event\":\"finished\",\"exitCode\":0}"), 200);
	assert_int_equal(poll_commands(), 0);
	assert_int_equal(
		clerk_local(&k, "run.command", "{'id':'%s','command':'__STOP__'}", run), 409);
}

static void runs_are_made_as_they_are_asked_for(void **state)
{
	(void)state;
	assert_int_equal(clerk_local(&k, "run.create",
				 "{'id':'my-run','worker_type':'claude','tags':['a'],'metadata':"
				 "{'x':1},'label':'L'}"),
		200);
	assert_string_equal(clerk_text(&k, "id"), "my-run");
	assert_int_equal(strlen(clerk_text(&k, "capabilityToken")), 64);
	assert_int_equal(clerk_local(&k, "run.create", "{'id':'my-run'}"), 409);
	assert_int_equal(clerk_local(&k, "run.create", "{'id':'a/b'}"), 400);
	assert_int_equal(clerk_local(&k, "run.create", "{'clientId':'none'}"), 400);
	assert_int_equal(clerk_local(&k, "run.get", "{'id':'my-run'}"), 200);
	assert_string_equal(clerk_text(&k, "worker_type"), "claude");
	assert_int_equal(json_int(json_get(clerk_get(&k, "metadata"), "x"), 0), 1);
	assert_string_equal(json_text(json_at(clerk_get(&k, "tags"), 0)), "a");
	assert_null(clerk_get(&k, "token_hash").value);
	assert_int_equal(clerk_local(&k, "run.vnc", "{'id':'my-run'}"), 400);
	assert_string_equal(clerk_error(&k), "Run is not a VNC worker");
	assert_int_equal(clerk_local(&k, "run.vnc", "{'id':'none'}"), 404);
	assert_int_equal(clerk_local(&k, "run.control", "{'id':'%s'}", run), 200);
}

static void runs_are_listed_newest_first(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		k.now++;
		assert_int_equal(
			clerk_local(&k, "run.create",
				"{'id':'r%d','label':'Number %d','tags':['t%d']}", i, i, i),
			200);
	}
	assert_int_equal(clerk_local(&k, "run.list", "{'limit':2}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 4);
	assert_true(json_bool(clerk_get(&k, "hasMore"), false));
	assert_string_equal(json_get_text(json_at(clerk_get(&k, "runs"), 0), "id"), "r2");
	assert_int_equal(clerk_local(&k, "run.list", "{'limit':2,'offset':2}"), 200);
	assert_false(json_bool(clerk_get(&k, "hasMore"), true));
	assert_int_equal(clerk_local(&k, "run.list", "{'search':'NUMBER 1'}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 1);
	assert_int_equal(clerk_local(&k, "run.list", "{'tag':'t1'}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 1);
	assert_int_equal(clerk_local(&k, "run.list", "{'tag':'t'}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 0);
	assert_int_equal(clerk_local(&k, "run.list", "{'status':'running'}"), 200);
	assert_int_equal(clerk_int(&k, "total"), 0);
	assert_int_equal(clerk_local(&k, "run.list", "{'status':'no'}"), 400);
}

static void deleting_a_run_leaves_nothing_of_it(void **state)
{
	struct clerk_signer s = runner();
	char command[200];
	(void)state;
	assert_int_equal(add(&s), 200);
	queue("x", command);
	assert_int_equal(clerk_local(&k, "ticket.create", "{'id':'%s','rights':'view'}", run), 200);
	assert_int_equal(clerk_local(&k, "run.delete", "{'id':'%s'}", run), 200);
	assert_string_equal(json_get_text(clerk_notice(&k, "run_deleted"), "runId"), run);
	assert_string_equal(json_get_text(clerk_notice(&k, "revoked"), "run"), run);
	assert_int_equal(clerk_local(&k, "run.get", "{'id':'%s'}", run), 404);
	assert_int_equal(add(&s), 403);
}

/* A client: its id and token. */
static void make_client(const char *agent, char id[200], char client_token[200])
{
	assert_int_equal(
		clerk_local(&k, "client.create", "{'displayName':'D','agentId':'%s'}", agent), 200);
	clerk_keep(&k, "id", id);
	clerk_keep(&k, "token", client_token);
}

static void clients_register_and_claim(void **state)
{
	char id[200], client_token[200];
	(void)state;
	make_client("agent-1", id, client_token);
	assert_int_equal(
		clerk_local(&k, "client.create", "{'displayName':'D','agentId':'agent-1'}"), 400);
	assert_string_equal(clerk_error(&k), "Agent ID already exists");
	struct clerk_signer s = { .key = k.secret, .client_token = client_token };
	assert_int_equal(
		clerk_signed(&k, &s, "client.register",
			"{'displayName':'Box','agentId':'agent-1','capabilities':['vnc']}"),
		200);
	assert_string_equal(clerk_text(&k, "id"), id);
	assert_int_equal(clerk_signed(&k, &s, "client.heartbeat", "{'agentId':'agent-2'}"), 403);
	assert_string_equal(clerk_error(&k), "Invalid client token");
	assert_int_equal(clerk_signed(&k, &s, "client.heartbeat", "{'agentId':'agent-1'}"), 200);
	assert_int_equal(clerk_signed(&k, &s, "client.heartbeat", NULL), 400);
	assert_int_equal(clerk_signed(&k, &s, "run.claim", "{'agentId':'agent-1'}"), 200);
	struct json_ref claimed = clerk_get(&k, "run");
	assert_string_equal(json_get_text(claimed, "id"), run);
	assert_string_not_equal(json_get_text(claimed, "capabilityToken"), token);
	snprintf(token, sizeof(token), "%s", json_get_text(claimed, "capabilityToken"));
	struct clerk_signer r = runner();
	assert_int_equal(add(&r), 200);
	/* Leased for a minute. */
	assert_int_equal(clerk_signed(&k, &s, "run.claim", "{'agentId':'agent-1'}"), 200);
	assert_int_equal(json_kind_of(clerk_get(&k, "run")), JSON_TYPE_NULL);
	k.now += 61;
	assert_int_equal(clerk_signed(&k, &s, "run.claim", "{'agentId':'agent-1'}"), 200);
	assert_string_equal(json_get_text(clerk_get(&k, "run"), "id"), run);
	assert_int_equal(clerk_local(&k, "client.list", NULL), 200);
	assert_string_equal(
		json_get_text(json_at(clerk_get(&k, "clients"), 0), "status"), "offline");
}

static void others_do_not_claim_what_is_for_one(void **state)
{
	char mine[200], my_token[200], other[200], other_token[200];
	(void)state;
	make_client("mine", mine, my_token);
	make_client("other", other, other_token);
	assert_int_equal(clerk_local(&k, "run.delete", "{'id':'%s'}", run), 200);
	assert_int_equal(clerk_local(&k, "run.create", "{'id':'r','clientId':'%s'}", mine), 200);
	struct clerk_signer s = { .key = k.secret, .client_token = other_token };
	assert_int_equal(clerk_signed(&k, &s, "run.claim", "{'agentId':'other'}"), 200);
	assert_int_equal(json_kind_of(clerk_get(&k, "run")), JSON_TYPE_NULL);
	s.client_token = my_token;
	assert_int_equal(
		clerk_signed(&k, &s, "run.claim", "{'agentId':'mine','workerType':'claude'}"), 200);
	assert_int_equal(json_kind_of(clerk_get(&k, "run")), JSON_TYPE_NULL);
	assert_int_equal(clerk_signed(&k, &s, "run.claim", "{'agentId':'mine'}"), 200);
	assert_string_equal(json_get_text(clerk_get(&k, "run"), "id"), "r");
}

static void claims(struct clerk_signer *s, const char *id)
{
	s->run = s->token = NULL;
	assert_int_equal(clerk_signed(&k, s, "run.claim", "{'agentId':'mine'}"), 200);
	struct json_ref claimed = clerk_get(&k, "run");
	if (!id) {
		assert_int_equal(json_kind_of(claimed), JSON_TYPE_NULL);
		return;
	}
	assert_string_equal(json_get_text(claimed, "id"), id);
	snprintf(token, sizeof(token), "%s", json_get_text(claimed, "capabilityToken"));
	s->run = run;
	s->token = token;
}

static void begins(struct clerk_signer *s)
{
	assert_int_equal(clerk_signed(&k, s, "event.add",
				 "{'type':'marker','data':'{\\\"event\\\":\\\"started\\\"}'}"),
		200);
}

static void an_agent_that_was_killed_claims_its_run_again(void **state)
{
	char id[200], client_token[200], key[65];
	(void)state;
	make_client("mine", id, client_token);
	principal_agent_key(client_token, key);
	struct clerk_signer s = { .key = key, .agent_id = id }, at_work;
	claims(&s, run);
	begins(&s);
	for (int i = 0; i < 4; i++) { /* it is there as long as it asks */
		k.now += 30;
		at_work = s;
		assert_int_equal(clerk_signed(&k, &s, "run.commands", NULL), 200);
		claims(&s, NULL);
		s = at_work;
	}
	k.now += 76;
	claims(&s, run);
	begins(&s);
	assert_int_equal(clerk_signed(&k, &at_work, "run.commands", NULL), 200);
	assert_int_equal(clerk_signed(&k, &s, "event.add",
				 "{'type':'marker','data':'{\\\"event\\\":\\\"finished\\\","
				 "\\\"exitCode\\\":0}'}"),
		200);
	k.now += 76;
	claims(&s, NULL);
}

static void an_agent_that_left_claims_its_run_at_once(void **state)
{
	const struct store_who gateway = { .kind = STORE_GATEWAY };
	char id[200], client_token[200], key[65], old_token[200];
	(void)state;
	make_client("mine", id, client_token);
	principal_agent_key(client_token, key);
	struct clerk_signer s = { .key = key, .agent_id = id }, at_work;
	assert_int_equal(clerk_ask(&k, "agent.left", &gateway, "{'runId':'unknown'}"), 200);
	assert_int_equal(clerk_ask(&k, "agent.left", &gateway, "{'runId':'%s'}", run), 200);
	assert_int_equal(clerk_local(&k, "agent.left", "{'runId':'%s'}", run), 403);
	claims(&s, run); /* nobody had claimed it */
	begins(&s);
	at_work = s;
	snprintf(old_token, sizeof(old_token), "%s", token);
	at_work.token = old_token;
	/* It only lost its network, and is back before another of its client asks. */
	assert_int_equal(clerk_ask(&k, "agent.left", &gateway, "{'runId':'%s'}", run), 200);
	assert_int_equal(clerk_signed(&k, &at_work, "agent.join", NULL), 200);
	claims(&s, NULL);
	/* Its own run comes before one that waits longer. */
	assert_int_equal(clerk_local(&k, "run.create", "{'id':'new'}"), 200);
	assert_int_equal(clerk_ask(&k, "agent.left", &gateway, "{'runId':'%s'}", run), 200);
	s.run = s.token = NULL;
	assert_int_equal(
		clerk_signed(&k, &s, "run.claim", "{'agentId':'mine','workerType':'claude'}"), 200);
	assert_int_equal(json_kind_of(clerk_get(&k, "run")), JSON_TYPE_NULL);
	claims(&s, run);
	assert_int_equal(clerk_signed(&k, &at_work, "agent.join", NULL), 403);
	claims(&s, "new");
	/* What has ended is nobody's. */
	assert_int_equal(clerk_ask(&k, "agent.left", &gateway, "{'runId':'new'}"), 200);
	claims(&s, NULL);
}

static void an_existing_runner_is_left_alone(void **state)
{
	char id[200], client_token[200];
	(void)state;
	make_client("mine", id, client_token);
	struct clerk_signer s = { .key = k.secret, .client_token = client_token };
	claims(&s, run);
	begins(&s);
	k.now += 3600;
	claims(&s, NULL);
}

static void our_agents_have_keys_of_their_own(void **state)
{
	char id[200], client_token[200], other[200], other_token[200], key[65], other_key[65];
	(void)state;
	make_client("mine", id, client_token);
	make_client("other", other, other_token);
	principal_agent_key(client_token, key);
	principal_agent_key(other_token, other_key);
	struct clerk_signer s = runner();
	s.key = key;
	s.agent_id = id;
	assert_int_equal(add(&s), 403); /* nobody's run, not yet his */
	s.run = s.token = NULL;
	assert_int_equal(
		clerk_signed(&k, &s, "client.register", "{'displayName':'Box','agentId':'mine'}"),
		200);
	assert_int_equal(clerk_signed(&k, &s, "client.heartbeat", "{'agentId':'other'}"), 403);
	assert_int_equal(clerk_signed(&k, &s, "run.claim", "{'agentId':'mine'}"), 200);
	snprintf(
		token, sizeof(token), "%s", json_get_text(clerk_get(&k, "run"), "capabilityToken"));
	s.run = run;
	s.token = token;
	assert_int_equal(add(&s), 200);
	assert_int_equal(clerk_signed(&k, &s, "agent.join", NULL), 200);
	assert_string_equal(clerk_text(&k, "clientId"), id);
	struct clerk_signer shared = s;
	shared.key = k.secret;
	shared.agent_id = NULL;
	assert_int_equal(add(&shared), 200);
	assert_int_equal(clerk_signed(&k, &shared, "agent.join", NULL), 403);
	struct clerk_signer thief = s;
	thief.key = other_key;
	thief.agent_id = other;
	assert_int_equal(add(&thief), 403);
	thief.agent_id = id;
	assert_int_equal(add(&thief), 401);
	thief.agent_id = "none";
	assert_int_equal(add(&thief), 401);
	assert_string_equal(clerk_error(&k), "Invalid signature");
	assert_int_equal(
		clerk_local(&k, "client.update", "{'id':'%s','operatorEnabled':false}", id), 200);
	assert_string_equal(json_get_text(clerk_notice(&k, "revoked"), "client"), id);
	assert_int_equal(add(&s), 403);
	assert_int_equal(clerk_local(&k, "client.delete", "{'id':'%s'}", id), 200);
	assert_int_equal(add(&s), 401);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_prestate_setup_teardown(                                                  \
		test, open_clerk, close_clerk, (void *)(uintptr_t)&ram),                           \
		cmocka_unit_test_prestate_setup_teardown(                                          \
			test, open_clerk, close_clerk, (void *)(uintptr_t)&sqlite)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(signed_requests_are_checked_in_order),
		BOTH(nonces_are_of_few_characters),
		BOTH(a_run_and_its_token_are_demanded),
		BOTH(a_refused_request_is_used_up),
		BOTH(nonces_outlive_a_restart_and_are_swept),
		BOTH(without_a_secret_runners_are_refused),
		BOTH(markers_change_the_run),
		BOTH(a_sequence_counts_once),
		BOTH(secrets_are_not_kept),
		BOTH(events_are_paged),
		BOTH(commands_are_fetched_and_acknowledged),
		BOTH(a_stop_does_not_end_the_next_runner),
		BOTH(runs_are_made_as_they_are_asked_for),
		BOTH(runs_are_listed_newest_first),
		BOTH(deleting_a_run_leaves_nothing_of_it),
		BOTH(clients_register_and_claim),
		BOTH(others_do_not_claim_what_is_for_one),
		BOTH(an_agent_that_was_killed_claims_its_run_again),
		BOTH(an_agent_that_left_claims_its_run_at_once),
		BOTH(an_existing_runner_is_left_alone),
		BOTH(our_agents_have_keys_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
