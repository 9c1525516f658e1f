#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay_house.h"

/* Viewers and our agents: how they meet and part. */

static void viewer_meets_agent(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	assert_true(agent->upgraded);
	assert_non_null(strstr(agent->head, "Sec-WebSocket-Protocol: porthole.agent.v1\r\n"));
	assert_int_equal(viewer->status, 101);
	assert_non_null(strstr(viewer->head, "Sec-WebSocket-Protocol: binary\r\n"));
	assert_null(strstr(viewer->head, "ticket"));
	guest_say_binary(viewer, "early "); /* before the agent is there */
	guest_say_binary(viewer, "bytes");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	assert_int_equal(data->status, 101);
	guest_expect(data, "early bytes");
	guest_say_binary(data, "RFB 003.008\n");
	guest_expect(viewer, "RFB 003.008\n");
	const char *open = guest_text(agent, "open", 0);
	assert_non_null(strstr(open, "\"rights\": \"control\""));
	assert_non_null(strstr(open, "\"user\": \"ann\""));
	assert_non_null(strstr(open, "\"kind\": \"rfb\""));
	assert_true(h->changes > 0);
	guest_leave(viewer, 1000);
	guest_expect_close(data, 1000, "");
	assert_int_equal(relay_totals(h->relay).channels, 0);
}

static void agent_may_come_later(void **state)
{
	struct house *h = *state;
	struct guest *viewer = guest_view(h, "run1", "view-ann");
	guest_say_binary(viewer, "hello");
	house_settle(h);
	assert_int_equal(relay_totals(h->relay).pending, 1);
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	guest_expect(data, "hello");
	assert_non_null(guest_text(agent, "\"rights\": \"view\"", 0));
	assert_int_equal(relay_totals(h->relay).channels, 1);
	assert_int_equal(relay_totals(h->relay).agents, 1);
}

static void several_viewers_at_once(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewers[20], *data[20];
	for (int i = 0; i < 20; i++) {
		char ticket[40], text[40];
		snprintf(ticket, sizeof(ticket), "control-u%d", i);
		viewers[i] = guest_view(h, "run1", ticket);
		data[i] = guest_answer(h, agent, i, NULL);
		snprintf(text, sizeof(text), "from %d", i);
		guest_say_binary(data[i], text);
	}
	for (int i = 0; i < 20; i++) {
		char text[40];
		snprintf(text, sizeof(text), "from %d", i);
		guest_expect(viewers[i], text);
		guest_say_binary(viewers[i], text);
		guest_expect(data[i], text);
	}
	assert_int_equal(relay_totals(h->relay).channels, 20);
	guest_vanish(viewers[3]);
	guest_expect_close(data[3], 1001, "");
	guest_vanish(data[4]);
	guest_expect_close(viewers[4], 1001, "");
	guest_say_binary(viewers[5], "still here");
	guest_expect(data[5], "still here");
}

static void nobody_enters_without_a_credential(void **state)
{
	struct house *h = *state;
	static const struct {
		const char *path, *fields;
		int status;
	} rows[] = {
		{ "/ws/vnc/run1", "", 401 },
		{ "/ws/vnc/run1", "Sec-WebSocket-Protocol: binary\r\n", 401 },
		{ "/ws/vnc/run1?ticket=nonsense", "", 401 },
		{ "/ws/vnc/run1", "Authorization: Bearer wrong\r\n", 401 },
		{ "/ws/vnc/run1", "Cookie: session=s-ann\r\n", 403 }, /* no Origin */
		{ "/ws/vnc/run1", "Cookie: session=s-ann\r\nOrigin: http://evil.example\r\n", 403 },
		{ "/ws/vnc/run1?ticket=view-ann", "Sec-WebSocket-Protocol: telnet\r\n", 400 },
		{ "/ws/vnc/run1", "X-VNC-Client: true\r\n", 403 },
		{ "/ws/agent/run1", "Sec-WebSocket-Protocol: porthole.agent.v1\r\n", 401 },
		{ "/ws/agent/run1", "", 400 },
		{ "/ws/agent/run1/abc", "Sec-WebSocket-Protocol: binary\r\n", 401 },
		{ "/ws/agent/run1/abc", "", 400 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct guest *g = guest_enter(h, rows[i].path, rows[i].fields);
		assert_int_equal(g->status, rows[i].status);
		if (!strstr(rows[i].fields, "evil"))
			assert_non_null(strstr(g->head, "{\"error\""));
	}
	assert_int_equal(h->changes, 0);
	struct json *stats = relay_stats(h->relay);
	assert_int_equal(json_len(json_get(json_of(stats), "tunnels")), 0);
	json_drop(stats);
}

static void tickets_come_in_three_ways_and_once(void **state)
{
	struct house *h = *state;
	assert_int_equal(guest_enter(h, "/ws/vnc/run1?x=1&ticket=view-a", "")->status, 101);
	assert_int_equal(guest_view(h, "run1", "view-b")->status, 101);
	assert_int_equal(guest_view(h, "run1", "view-b")->status, 401);
	struct guest *only = guest_enter(
		h, "/ws/vnc/run1", "Sec-WebSocket-Protocol: porthole.ticket.view-c\r\n");
	assert_int_equal(only->status, 101);
	assert_null(strstr(only->head, "Sec-WebSocket-Protocol"));
	struct guest *bearer = guest_enter(h, "/ws/vnc/run1",
		"Authorization: Bearer s-ann\r\nSec-WebSocket-Protocol: binary\r\n");
	assert_int_equal(bearer->status, 101);
	assert_int_equal(guest_enter(h, "/ws/vnc/run1",
				 "Cookie: session=s-ann\r\nOrigin: http://localhost:3100\r\n")
				 ->status,
		101);
	/* the first that we know */
	struct guest *order = guest_enter(h, "/ws/vnc/run1",
		"Sec-WebSocket-Protocol: telnet, porthole.v1\r\n"
		"Sec-WebSocket-Protocol: binary, porthole.ticket.view-d\r\n");
	assert_non_null(strstr(order->head, "Sec-WebSocket-Protocol: porthole.v1\r\n"));
	assert_int_equal(relay_totals(h->relay).pending, 6);
}

static void an_unknown_run_is_told_after_the_upgrade(void **state)
{
	struct house *h = *state;
	guest_expect_close(guest_view(h, "nowhere", "view-a"), 1008, "Invalid run or not VNC type");
	struct guest *g = guest_enter(h, "/ws/vnc/nowhere", "Authorization: Bearer s-ann\r\n");
	assert_int_equal(g->status, 101);
	guest_expect_close(g, 1008, "Invalid run or not VNC type");
	assert_int_equal(relay_totals(h->relay).pending, 0);
}

static void waiting_has_an_end(void **state)
{
	struct house *h = *state;
	struct guest *alone = guest_view(h, "run2", "view-a");
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *ignored = guest_view(h, "run1", "view-b");
	HOUSE_UNTIL(h, guest_text(agent, "open", 0));
	house_pass_time(h, 20);
	assert_int_equal(alone->close_code + ignored->close_code, 0);
	house_pass_time(h, 11);
	guest_expect_close(alone, 1013, "no agent");
	guest_expect_close(ignored, 1013, "agent did not answer");
	guest_expect_text(agent, "\"close\"");
	assert_int_equal(guest_answer(h, agent, 0, NULL)->status, 404);
	assert_int_equal(relay_totals(h->relay).pending, 0);
	assert_false(agent->eof);
}

static void agent_may_refuse(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "view-a");
	char channel[80], text[200];
	HOUSE_UNTIL(h, guest_text(agent, "open", 0));
	house_member(guest_text(agent, "open", 0), "channel", channel, sizeof(channel));
	snprintf(text, sizeof(text),
		"{\"type\":\"refused\",\"channel\":\"%s\",\"reason\":\"screen is locked\"}",
		channel);
	guest_say(agent, text);
	guest_expect_close(viewer, 1013, "screen is locked");
	guest_say(agent, text); /* of one that is gone: nothing */
	guest_say(agent, "{\"type\":\"unheard of\"}");
	house_settle(h);
	assert_int_equal(agent->close_code, 0);
	assert_null(guest_text(agent, "\"close\"", 0));
}

static void channels_are_checked(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_resume(h, "run1", "view-a");
	char channel[80], path[200];
	HOUSE_UNTIL(h, guest_text(agent, "open", 0));
	assert_non_null(guest_text(agent, "porthole.v1", 0));
	assert_int_equal(guest_answer(h, agent, 0, "agent2")->status, 403);
	house_member(guest_text(agent, "open", 0), "channel", channel, sizeof(channel));
	snprintf(path, sizeof(path), "/ws/agent/run1/%s", channel);
	static const char good[] = "X-Signature: good\r\nX-Timestamp: 1\r\nX-Nonce: n\r\n"
				   "X-Run-Id: run1\r\nX-Agent-Id: agent1\r\n"
				   "X-Capability-Token: t\r\n";
	char fields[500];
	snprintf(fields, sizeof(fields), "%sSec-WebSocket-Protocol: binary\r\n", good);
	assert_int_equal(guest_enter(h, path, fields)->status, 400); /* the other protocol */
	snprintf(fields, sizeof(fields), "%sX-Nonce: m\r\nSec-WebSocket-Protocol: porthole.v1\r\n",
		good);
	assert_int_equal(guest_enter(h, path, fields)->status, 400); /* a field twice */
	snprintf(fields, sizeof(fields), "%sSec-WebSocket-Protocol: porthole.v1\r\n", good);
	assert_int_equal(guest_enter(h, "/ws/agent/run1/other", fields)->status, 404);
	snprintf(path, sizeof(path), "/ws/agent/run2/%s", channel);
	assert_int_equal(guest_enter(h, path, fields)->status, 403); /* signed for run1 */
	snprintf(path, sizeof(path), "/ws/agent/run1/%s?x", channel);
	assert_int_equal(guest_enter(h, path, fields)->status, 400); /* a query */
	assert_int_equal(guest_answer(h, agent, 0, NULL)->status, 101);
	assert_int_equal(guest_answer(h, agent, 0, NULL)->status, 409);
	assert_int_equal(viewer->close_code, 0);
}

static void limits_hold(void **state)
{
	struct house *h = *state;
	h->config.max_channels_per_run = 2;
	h->config.max_channels = 4;
	h->config.max_channels_per_address = 3;
	house_restart(h);
	guest_view(h, "run1", "view-a");
	guest_view(h, "run1", "view-b");
	guest_expect_close(guest_view(h, "run1", "view-c"), 1013, "busy");
	guest_view(h, "run2", "view-d");
	guest_expect_close(guest_view(h, "run2", "view-e"), 1013, "busy"); /* the address */
	h->address = "192.0.2.8";
	struct guest *last = guest_view(h, "run2", "view-f");
	house_settle(h);
	assert_int_equal(last->close_code, 0);
	guest_leave(last, 1000);
	h->config.max_channels = 1;
	house_restart(h);
	guest_view(h, "run1", "view-g");
	guest_expect_close(guest_view(h, "run2", "view-h"), 1013, "busy");
}

static void whoever_leaves_while_the_store_thinks_is_forgotten(void **state)
{
	struct house *h = *state;
	h->store.mute = true;
	struct guest *g = guest_knock(h, "/ws/vnc/run1?ticket=view-a", "");
	HOUSE_UNTIL(h, h->store.waiting == 1);
	guest_vanish(g);
	HOUSE_UNTIL(h, h->store.waiting == 0);
	guest_knock(h, "/ws/vnc/run1?ticket=view-b", "");
	HOUSE_UNTIL(h, h->store.waiting == 1); /* and one that waits when all ends */
	h->store.busy = true;
	struct guest *busy = guest_enter(h, "/ws/vnc/run1?ticket=view-c", "");
	assert_int_equal(busy->status, 503);
	assert_non_null(strstr(busy->head, "Retry-After"));
}

static void status_tells_what_is_there(void **state)
{
	struct house *h = *state;
	struct json *s = relay_status(h->relay, "run1");
	char *text = json_print(s, false);
	assert_string_equal(text,
		"{\"runId\": \"run1\", \"available\": false, \"status\": \"disconnected\", "
		"\"clientConnected\": false, \"viewerConnected\": false, "
		"\"wsUrl\": \"/ws/vnc/run1\", \"stats\": null, \"viewers\": [], \"agent\": null}");
	free(text);
	json_drop(s);
	struct guest *agent = guest_agent(h, "run1", "agent1");
	s = relay_status(h->relay, "run1");
	assert_string_equal(json_get_text(json_of(s), "status"), "pending");
	json_drop(s);
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	guest_say_binary(data, "12345");
	guest_say_binary(viewer, "123");
	guest_expect(viewer, "12345");
	guest_expect(data, "123");
	s = relay_status(h->relay, "run1");
	struct json_ref stats = json_get(json_of(s), "stats");
	struct json_ref one = json_at(json_get(json_of(s), "viewers"), 0);
	assert_string_equal(json_get_text(json_of(s), "status"), "active");
	assert_int_equal(json_int(json_get(stats, "bytesFromClient"), -1), 5);
	assert_int_equal(json_int(json_get(stats, "bytesToViewer"), -1), 5);
	assert_int_equal(json_int(json_get(stats, "bytesFromViewer"), -1), 3);
	assert_int_equal(json_int(json_get(stats, "totalBytes"), -1), 8);
	assert_int_equal(strlen(json_get_text(stats, "clientConnectedAt")), 24);
	assert_string_equal(json_get_text(one, "user"), "ann");
	assert_string_equal(json_get_text(one, "address"), "192.0.2.7");
	assert_string_equal(json_get_text(json_get(json_of(s), "agent"), "agentId"), "agent1");
	json_drop(s);
	s = relay_stats(h->relay);
	assert_int_equal(json_int(json_get(json_of(s), "activeTunnels"), -1), 1);
	assert_int_equal(json_int(json_get(json_of(s), "pendingTunnels"), -1), 0);
	json_drop(s);
}

static void every_end_is_recorded(void **state)
{
	struct house *h = *state;
	struct guest *agent = guest_agent(h, "run1", "agent1");
	struct guest *viewer = guest_view(h, "run1", "control-ann");
	struct guest *data = guest_answer(h, agent, 0, NULL);
	guest_say_binary(data, "12345");
	guest_expect(viewer, "12345");
	guest_leave(viewer, 1000);
	HOUSE_UNTIL(h, h->closed.len > 0);
	buf_put_u8(&h->closed, 0);
	const char *text = (const char *)h->closed.data;
	static const char *const parts[] = { "\"runId\": \"run1\"", "\"user\": \"ann\"",
		"\"rights\": \"control\"", "\"bytesFromClient\": 5", "\"framesFromClient\": 1",
		"\"bytesFromViewer\": 0", "\"peers\": [\"192.0.2.7\", \"192.0.2.7\"]",
		"\"reason\": \"viewer left\"", "\"openedAt\": ", "\"kind\": \"rfb\"" };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		assert_non_null(strstr(text, parts[i]));
	struct relay_totals t = relay_totals(h->relay);
	assert_true(t.bytes_to_viewers == 5 && t.frames_to_viewers == 1 && t.opened == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOUSE_TEST(viewer_meets_agent),
		HOUSE_TEST(agent_may_come_later),
		HOUSE_TEST(several_viewers_at_once),
		HOUSE_TEST(nobody_enters_without_a_credential),
		HOUSE_TEST(tickets_come_in_three_ways_and_once),
		HOUSE_TEST(an_unknown_run_is_told_after_the_upgrade),
		HOUSE_TEST(waiting_has_an_end),
		HOUSE_TEST(agent_may_refuse),
		HOUSE_TEST(channels_are_checked),
		HOUSE_TEST(limits_hold),
		HOUSE_TEST(whoever_leaves_while_the_store_thinks_is_forgotten),
		HOUSE_TEST(status_tells_what_is_there),
		HOUSE_TEST(every_end_is_recorded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
