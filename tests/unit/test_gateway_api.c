#include <stdio.h>
#include <string.h>

#include "gatehouse.h"
#include "relay_double.h"
#include "store_double.h"

#define BEARER "Authorization: Bearer abcdef\r\n"
#define COOKIE "Cookie: a=b; session=abcdef\r\n"
#define SIGNED                                                                                     \
	"X-Signature: 00\r\nX-Timestamp: 1700000000\r\nX-Nonce: n1\r\nX-Run-Id: run1\r\n"          \
	"X-Capability-Token: t\r\n"
#define UPGRADE                                                                                    \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static int status_to_give = 200;
static const char *text_to_give = "{\"ok\": true}";

static int answer(const char *op, const char **text)
{
	(void)op;
	*text = text_to_give;
	return status_to_give;
}

static int set_up(void **state)
{
	store_double_reset();
	relay_double = (struct relay_double){ 0 };
	gatehouse_set_up(state, NULL);
	store_double.answer = answer;
	status_to_give = 200;
	text_to_give = "{\"ok\": true}";
	return 0;
}

static int tear_down(void **state)
{
	gatehouse_tear_down(state);
	store_double_reset();
	return 0;
}

/* What of a request reaches the store, row by row. */
static const struct {
	const char *line, *fields, *body;
	const char *op, *args;
	enum store_who_kind kind;
} mappings[] = {
	{ "GET /api/auth/status", NULL, NULL, "setup.status", "{}", STORE_NOBODY },
	{ "POST /api/auth/setup", "X-Setup-Code: c1\r\n", "{\"username\": \"u\"}", "setup.complete",
		"{\"username\": \"u\", \"setupCode\": \"c1\"}", STORE_NOBODY },
	{ "POST /api/auth/setup", "X-Setup-Code: c1\r\n", "{\"setupCode\": \"c2\"}",
		"setup.complete", "{\"setupCode\": \"c2\"}", STORE_NOBODY },
	{ "GET /api/auth/me", BEARER, NULL, "auth.me", "{}", STORE_SESSION },
	{ "GET /api/auth/me", COOKIE, NULL, "auth.me", "{}", STORE_SESSION },
	{ "GET /api/auth/me", "Authorization: Signature keyId=\"/a/keys/b\"\r\nDate: d\r\n", NULL,
		"auth.me", "{}", STORE_KEY },
	{ "POST /api/auth/password", BEARER, "{\"password\": \"a\"}", "user.password",
		"{\"password\": \"a\"}", STORE_SESSION },
	{ "POST /api/auth/totp", BEARER, "{\"enable\": true}", "user.totp", "{\"enable\": true}",
		STORE_SESSION },
	{ "PATCH /api/users/u%2D1", BEARER, "{\"id\": \"other\", \"role\": \"viewer\"}",
		"user.update", "{\"id\": \"u-1\", \"role\": \"viewer\"}", STORE_SESSION },
	{ "DELETE /api/users/u1", BEARER, NULL, "user.delete", "{\"id\": \"u1\"}", STORE_SESSION },
	{ "GET /api/keys?username=a%20b&other=c", BEARER, NULL, "key.list",
		"{\"username\": \"a b\"}", STORE_SESSION },
	{ "GET /api/runs?limit=5&offset=&search=x+y", BEARER, NULL, "run.list",
		"{\"limit\": \"5\", \"search\": \"x y\"}", STORE_SESSION },
	{ "POST /api/runs", BEARER, "{\"worker_type\": \"vnc\"}", "run.create",
		"{\"worker_type\": \"vnc\"}", STORE_SESSION },
	{ "GET /api/runs/_-a", BEARER, NULL, "run.get", "{\"id\": \"_-a\"}", STORE_SESSION },
	{ "POST /api/runs/run1/stop", BEARER, NULL, "run.command",
		"{\"id\": \"run1\", \"command\": \"__STOP__\"}", STORE_SESSION },
	{ "POST /api/runs/run1/stop", BEARER "Content-Type: application/json\r\n", "",
		"run.command", "{\"id\": \"run1\", \"command\": \"__STOP__\"}", STORE_SESSION },
	{ "POST /api/runs/run1/vnc/tickets", BEARER, "{\"rights\": \"view\"}", "ticket.create",
		"{\"rights\": \"view\", \"id\": \"run1\"}", STORE_SESSION },
	{ "DELETE /api/runs/run1/links/l1", BEARER, NULL, "link.delete",
		"{\"id\": \"run1\", \"link\": \"l1\"}", STORE_SESSION },
	{ "POST /api/ingest/event", SIGNED, "{\"type\": \"info\"}", "event.add",
		"{\"type\": \"info\"}", STORE_SIGNED },
	{ "POST /api/runs/run1/commands/c1/ack", SIGNED, "{\"result\": null, \"error\": \"e\"}",
		"run.ack",
		"{\"result\": null, \"error\": \"e\", \"id\": \"run1\", \"commandId\": \"c1\"}",
		STORE_SIGNED },
	{ "POST /api/runs/claim", SIGNED, "{\"agentId\": \"agent-1\"}", "run.claim",
		"{\"agentId\": \"agent-1\"}", STORE_SIGNED },
	{ "POST /api/links/ticket", NULL, "{\"code\": \"c\"}", "link.ticket", "{\"code\": \"c\"}",
		STORE_NOBODY },
	{ "GET /api/audit?from=1&to=2", BEARER, NULL, "audit.list",
		"{\"from\": \"1\", \"to\": \"2\"}", STORE_SESSION },
	{ "GET /me/machines?name=a&limit=2", BEARER, NULL, "machine.list",
		"{\"name\": \"a\", \"limit\": \"2\", \"account\": \"me\"}", STORE_SESSION },
	{ "GET /me/machines/m1", BEARER, NULL, "machine.get",
		"{\"account\": \"me\", \"id\": \"m1\"}", STORE_SESSION },
};

static void requests_become_operations(void **state)
{
	struct gatehouse *h = *state;
	for (size_t i = 0; i < ARRAY_LEN(mappings); i++) {
		struct reply r =
			gatehouse_ask(h, mappings[i].line, mappings[i].fields, mappings[i].body);
		const struct double_asked *a = &store_double.asked[0];
		assert_int_equal(r.status, 200);
		assert_int_equal(store_double.n_asked, i + 1);
		assert_string_equal(a->op, mappings[i].op);
		assert_string_equal(a->args, mappings[i].args);
		assert_int_equal(a->kind, mappings[i].kind);
		assert_string_equal(a->address, "127.0.0.1");
		if (a->kind == STORE_SESSION)
			assert_string_equal(a->session, "abcdef");
	}
}

/* What is refused before the store is asked. */
static const struct {
	const char *line, *fields, *body;
	int status;
	const char *error;
} refusals[] = {
	{ "GET /api/runs", NULL, NULL, 401, "Authentication required" },
	{ "GET /api/runs", "Authorization: Basic YTpi\r\n", NULL, 401, "Authentication required" },
	{ "GET /api/runs", "Authorization: Bearer\r\n", NULL, 401, "Authentication required" },
	{ "GET /api/runs", "Cookie: session=\r\n", NULL, 401, "Authentication required" },
	{ "GET /api/runs", SIGNED, NULL, 401, "Authentication required" },
	{ "POST /api/ingest/event", BEARER, "{}", 401, "Missing authentication headers" },
	{ "POST /api/ingest/event?a", SIGNED, "{}", 400, NULL },
	{ "POST /api/ingest/event?", SIGNED, "{}", 400, NULL },
	{ "POST /api/ingest/event", SIGNED "x-run-id: run1\r\n", "{}", 400, NULL },
	{ "POST /api/ingest/event", SIGNED "X-Other: 1\r\nx-other: 2\r\n", "{}", 400, NULL },
	{ "POST /api/ingest/event", SIGNED "Content-Type: Multipart/form-data; boundary=a\r\n",
		"{}", 400, NULL },
	{ "POST /api/runs", COOKIE, "{}", 403, NULL },
	{ "POST /api/runs", COOKIE "Sec-Fetch-Site: cross-site\r\n", "{}", 403, NULL },
	{ "POST /api/runs", COOKIE "Sec-Fetch-Site: same-site\r\n", "{}", 403, NULL },
	{ "DELETE /api/runs/run1", COOKIE, NULL, 403, NULL },
	{ "POST /api/runs", COOKIE "Origin: http://evil.example\r\n", "{}", 403, NULL },
	{ "GET /api/nothing", BEARER, NULL, 404, NULL },
	{ "GET /api/runs/", BEARER, NULL, 404, NULL },
	{ "GET /api//runs", BEARER, NULL, 404, NULL },
	{ "GET /api/../api/runs", BEARER, NULL, 404, NULL },
	{ "GET /api/runs/%00", BEARER, NULL, 404, NULL },
	{ "GET /api/runs/%zz", BEARER, NULL, 404, NULL },
	{ "GET /ws/nothing", BEARER, NULL, 404, NULL },
	{ "GET /api/runs/"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		BEARER, NULL, 404, NULL },
	{ "POST /api/runs", BEARER "Content-Type: text/plain\r\n", "{}", 415, NULL },
	{ "POST /api/runs", BEARER "Content-Type: application/x-www-form-urlencoded\r\n", "a=b",
		415, NULL },
	{ "POST /api/runs", BEARER, "{", 400, NULL },
	{ "POST /api/runs", BEARER, "[]", 400, "The body must be a JSON object" },
	{ "POST /api/runs", BEARER, "null", 400, "The body must be a JSON object" },
	{ "POST /api/runs", BEARER, "{\"a\": 1, \"a\": 2}", 400, NULL },
	{ "GET /api/runs?limit=%zz", BEARER, NULL, 400, NULL },
	{ "POST /api/runs/run1/vnc/control", BEARER, "{}", 400, NULL },
	{ "POST /api/runs/run1/vnc/control", BEARER, "{\"channel\": 3}", 400, NULL },
	{ "GET /ws", BEARER, NULL, 426, NULL },
	{ "GET /ws/vnc/run1", NULL, NULL, 426, NULL },
	{ "GET /ws", UPGRADE, NULL, 401, "Authentication required" },
	{ "GET /ws", COOKIE UPGRADE, NULL, 403, NULL },
	{ "GET /ws/agent/run1", UPGRADE, NULL, 401, "Missing authentication headers" },
	{ "GET /ws/agent/run1?a=b", SIGNED UPGRADE, NULL, 400, NULL },
};

static void bad_requests_get_no_further(void **state)
{
	struct gatehouse *h = *state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct reply r =
			gatehouse_ask(h, refusals[i].line, refusals[i].fields, refusals[i].body);
		const char *error = reply_text(&r, "error");
		if (r.status != refusals[i].status || !*error)
			fail_msg("%s: %d %s", refusals[i].line, r.status, r.body);
		if (refusals[i].error)
			assert_string_equal(error, refusals[i].error);
		assert_int_equal(store_double.n_asked, 0);
	}
}

static void cookies_go_with_proof_of_our_page(void **state)
{
	struct gatehouse *h = *state;
	static const char *const proofs[] = { "Sec-Fetch-Site: same-origin\r\n",
		"X-Requested-With: fetch\r\n" };
	char fields[256];
	for (size_t i = 0; i < ARRAY_LEN(proofs); i++) {
		snprintf(fields, sizeof(fields), COOKIE "%s", proofs[i]);
		assert_int_equal(gatehouse_ask(h, "POST /api/runs", fields, "{}").status, 200);
	}
	snprintf(fields, sizeof(fields), COOKIE "Origin: http://%s\r\n", h->host);
	assert_int_equal(gatehouse_ask(h, "POST /api/runs", fields, "{}").status, 200);
	assert_int_equal(store_double.n_asked, 3);
}

static void methods_that_do_not_go_are_named(void **state)
{
	struct gatehouse *h = *state;
	struct reply r = gatehouse_ask(h, "PUT /api/runs/run1", BEARER, "{}");
	assert_int_equal(r.status, 405);
	assert_true(reply_has(&r, "Allow: GET, HEAD, PATCH, DELETE"));
	assert_true(*reply_text(&r, "error"));
	r = gatehouse_ask(h, "GET /api/auth/login", NULL, NULL);
	assert_int_equal(r.status, 405);
	assert_true(reply_has(&r, "Allow: POST"));
	assert_int_equal(store_double.n_asked, 0);
}

static void large_bodies_are_refused(void **state)
{
	struct gatehouse *h = *state;
	struct reply r;
	char text[256];
	int n = snprintf(text, sizeof(text),
		"POST /api/runs HTTP/1.1\r\nHost: %s\r\n" BEARER
		"Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n",
		h->host);
	gatehouse_knock(h);
	gatehouse_say(h, text, (size_t)n);
	r = gatehouse_hear(h);
	assert_int_equal(r.status, 413);
	assert_true(*reply_text(&r, "error"));
}

static void errors_of_the_store_are_passed_on(void **state)
{
	struct gatehouse *h = *state;
	struct reply r;
	status_to_give = 401;
	text_to_give = "{\"error\": \"TOTP code required\", \"totpRequired\": true}";
	r = gatehouse_ask(h, "POST /api/auth/login", NULL, "{}");
	assert_int_equal(r.status, 401);
	assert_string_equal(reply_text(&r, "error"), "TOTP code required");
	assert_non_null(strstr(r.body, "\"totpRequired\": true"));
	status_to_give = 429;
	text_to_give = "{\"error\": \"Too many attempts\", \"retryAfter\": 17}";
	r = gatehouse_ask(h, "POST /api/auth/login", NULL, "{}");
	assert_int_equal(r.status, 429);
	assert_true(reply_has(&r, "Retry-After: 17"));
	store_double.refuse = true;
	r = gatehouse_ask(h, "GET /api/auth/status", NULL, NULL);
	assert_int_equal(r.status, 503);
	assert_true(reply_has(&r, "Retry-After: 1"));
	store_double.refuse = false;
	status_to_give = 404;
	text_to_give = "{\"error\": \"Machine not found\"}";
	r = gatehouse_ask(h, "GET /me/machines/m1", BEARER, NULL);
	assert_int_equal(r.status, 404);
	assert_string_equal(reply_text(&r, "code"), "ResourceNotFound");
	assert_string_equal(reply_text(&r, "error"), "Machine not found");
}

static void a_login_sets_the_cookie(void **state)
{
	struct gatehouse *h = *state;
	static const char wanted[] =
		"Set-Cookie: session=tok; Max-Age=86400; Path=/; HttpOnly; SameSite=Strict";
	text_to_give = "{\"token\": \"tok\", \"user\": {\"id\": \"u1\"}, \"expiresAt\": 5}";
	struct reply r = gatehouse_ask(h, "POST /api/auth/login", NULL, "{\"username\": \"a\"}");
	assert_int_equal(r.status, 200);
	assert_true(reply_has(&r, wanted));
	assert_string_equal(r.body, "{\"ok\": true, \"user\": {\"id\": \"u1\"}, \"expiresAt\": 5}");
	r = gatehouse_ask(
		h, "POST /api/auth/exchange", NULL, "{\"code\": \"a\", \"bearer\": true}");
	assert_null(strstr(r.head, "Set-Cookie"));
	assert_string_equal(reply_text(&r, "token"), "tok");
	r = gatehouse_ask(h, "POST /api/auth/logout", BEARER, NULL);
	assert_non_null(strstr(r.head, "Set-Cookie: session=; Max-Age=0; Path=/;"));
	assert_null(strstr(h->lines, "tok"));
	gatehouse_close(h);
	h->config.public_url = "https://gw.example.org/";
	gatehouse_open(h);
	snprintf(h->host, sizeof(h->host), "gw.example.org");
	r = gatehouse_ask(h, "POST /api/auth/login", "Origin: https://gw.example.org\r\n", "{}");
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.head, "SameSite=Strict; Secure\r\n"));
	assert_string_equal(gateway_url(h->gateway), "https://gw.example.org");
}

static void signed_requests_go_with_all_their_fields(void **state)
{
	struct gatehouse *h = *state;
	text_to_give = "{\"commands\": [{\"id\": \"c1\"}]}";
	struct reply r = gatehouse_ask(h, "GET /api/runs/run1/commands", SIGNED, NULL);
	assert_string_equal(r.body, "[{\"id\": \"c1\"}]");
	assert_string_equal(store_double.asked[0].run_id, "run1");
	assert_string_equal(store_double.asked[0].body_sha256,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(store_double.asked[0].args, "{\"id\": \"run1\"}");
}

static void bodies_are_hashed_as_they_came(void **state)
{
	struct gatehouse *h = *state;
	gatehouse_ask(h, "POST /api/ingest/event", SIGNED,
		"{\"type\": \"info\", \"data\": \"hi\", \"sequence\": 0}");
	assert_string_equal(store_double.asked[0].body_sha256,
		"2d7ed75e93eeb5d78bc7ae50dcf7c682468a05f650edc36ae553dbc84094be96");
	assert_string_equal(store_double.asked[0].path, "/api/ingest/event");
	assert_string_equal(store_double.asked[0].nonce, "n1");
}

static void vnc_rows_ask_and_then_act(void **state)
{
	struct gatehouse *h = *state;
	text_to_give = "{\"commandId\": \"c9\"}";
	struct reply r = gatehouse_ask(h, "POST /api/runs/run1/vnc/start", BEARER, NULL);
	assert_string_equal(reply_text(&r, "command"), "__START_VNC_STREAM__");
	assert_string_equal(reply_text(&r, "commandId"), "c9");
	assert_string_equal(reply_text(&r, "wsUrl"), "/ws/vnc/run1");
	assert_int_equal(store_double.n_asked, 1); /* an SSH key signs for one thing */
	assert_string_equal(store_double.asked[0].op, "run.command");
	assert_string_equal(store_double.asked[0].session, "abcdef");
	r = gatehouse_ask(h, "GET /api/runs/run1/vnc", BEARER, NULL);
	assert_string_equal(reply_text(&r, "runId"), "run1");
	r = gatehouse_ask(h, "DELETE /api/runs/run1/vnc", BEARER, NULL);
	assert_string_equal(reply_text(&r, "message"), "VNC tunnel closed");
	assert_string_equal(relay_double.called, "close run1 VNC tunnel closed");
	r = gatehouse_ask(h, "DELETE /api/runs/run1/vnc/viewers/ch1", BEARER, NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(relay_double.called, "disconnect run1 ch1");
	r = gatehouse_ask(h, "DELETE /api/runs/run1/vnc/viewers/nobody", BEARER, NULL);
	assert_int_equal(r.status, 404);
	r = gatehouse_ask(h, "POST /api/runs/run1/vnc/control", BEARER, "{\"channel\": \"ch1\"}");
	assert_int_equal(r.status, 200);
	assert_string_equal(relay_double.called, "control run1 ch1");
	gatehouse_ask(h, "POST /api/runs/run1/vnc/control", BEARER, "{\"channel\": null}");
	assert_string_equal(relay_double.called, "control run1 (all)");
	r = gatehouse_ask(h, "GET /api/vnc/stats", BEARER, NULL);
	assert_string_equal(r.body, "{\"activeTunnels\": 3}");
	relay_double.called[0] = '\0';
	status_to_give = 403;
	text_to_give = "{\"error\": \"Insufficient permissions\"}";
	r = gatehouse_ask(h, "DELETE /api/runs/run1/vnc", BEARER, NULL);
	assert_int_equal(r.status, 403);
	assert_string_equal(relay_double.called, "");
}

static void pages_get_the_shapes_they_know(void **state)
{
	struct gatehouse *h = *state;
	text_to_give = "{\"events\": [1], \"stats\": {\"pending\": 1, \"failed\": 4, "
		       "\"clientsOnline\": 2}, "
		       "\"activity\": [{\"id\": 4, \"action\": \"run_stop\", \"runId\": \"r\", "
		       "\"timestamp\": 9}], \"activeRuns\": [3], \"needsAttention\": [7, 8]}";
	static const char *const rows[][2] = {
		{ "GET /api/runs/run1/events?after=1", "[1]" },
		{ "GET /api/dashboard/stats", "\"total\": 5}" },
		{ "GET /api/dashboard/stats", "\"online\": 2}" },
		{ "GET /api/dashboard/activity", "[{\"type\": \"run_event\", \"id\": \"audit-4\", "
						 "\"timestamp\": 9, \"data\": {\"runId\": \"r\", "
						 "\"eventType\": \"run_stop\"}}]" },
		{ "GET /api/dashboard/active-runs", "[3]" },
		{ "GET /api/dashboard/needs-attention", "{\"failedRuns\": [7, 8], " },
		{ "GET /api/dashboard/needs-attention", "\"counts\": {\"failedRuns\": 2, " },
		{ "GET /api/alerts", "{\"unacknowledged\": 0, \"alerts\": []}" },
		{ "GET /api/alerts/rules", "[]" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply r = gatehouse_ask(h, rows[i][0], BEARER, NULL);
		assert_int_equal(r.status, 200);
		assert_non_null(strstr(r.body, rows[i][1]));
	}
}

static void runs_are_machines(void **state)
{
	struct gatehouse *h = *state;
	text_to_give = "{\"machines\": [{\"id\": \"m1\", \"name\": \"a\", \"runId\": \"run1\"}],"
		       "\"total\": 9, \"limit\": 1}";
	struct reply r = gatehouse_ask(h, "GET /me/machines?limit=1", BEARER, NULL);
	assert_true(reply_has(&r, "X-Resource-Count: 9"));
	assert_true(reply_has(&r, "X-Query-Limit: 1"));
	assert_non_null(strstr(r.body, "\"state\": \"stopped\""));
	relay_double.agent = true;
	r = gatehouse_ask(h, "GET /me/machines", BEARER, NULL);
	assert_non_null(strstr(r.body, "\"state\": \"running\""));
	text_to_give = "{\"id\": \"m1\", \"runId\": \"run1\"}";
	r = gatehouse_ask(h, "GET /me/machines/m1/vnc", BEARER, NULL);
	assert_int_equal(r.status, 400);
	assert_string_equal(reply_text(&r, "code"), "UpgradeRequired");
	r = gatehouse_ask(h, "GET /me/machines/m1/vnc", BEARER UPGRADE, NULL);
	assert_int_equal(r.status, 101);
	assert_string_equal(relay_double.called, "viewer run1");
	relay_double.agent = false;
	r = gatehouse_ask(h, "GET /me/machines/m1/vnc", BEARER UPGRADE, NULL);
	assert_int_equal(r.status, 400);
	assert_string_equal(reply_text(&r, "code"), "MachineStopped");
	text_to_give = "{\"id\": \"m1\"}";
	r = gatehouse_ask(h, "GET /me/machines/m1/vnc", BEARER UPGRADE, NULL);
	assert_string_equal(reply_text(&r, "code"), "MachineHasNoVNC");
	r = gatehouse_ask(h, "GET /runs/machines", NULL, NULL);
	assert_string_equal(r.body, "<html>");
}

static void upgrades_go_to_the_tunnels(void **state)
{
	struct gatehouse *h = *state;
	assert_int_equal(gatehouse_ask(h, "GET /ws/vnc/run1?ticket=x", UPGRADE, NULL).status, 101);
	assert_string_equal(relay_double.called, "viewer run1");
	assert_int_equal(gatehouse_ask(h, "GET /ws/agent/run1", SIGNED UPGRADE, NULL).status, 101);
	assert_string_equal(relay_double.called, "agent run1");
	assert_int_equal(
		gatehouse_ask(h, "GET /ws/agent/run1/ch1", SIGNED UPGRADE, NULL).status, 101);
	assert_string_equal(relay_double.called, "channel run1 ch1");
	assert_int_equal(store_double.n_asked, 0);
}

static void pages_and_health(void **state)
{
	struct gatehouse *h = *state;
	assert_string_equal(gatehouse_ask(h, "GET /", NULL, NULL).body, "<console>");
	assert_string_equal(gatehouse_ask(h, "GET /runs/abc", NULL, NULL).body, "<html>");
	assert_int_equal(gatehouse_ask(h, "GET /nothing", NULL, NULL).status, 404);
	struct reply r = gatehouse_ask(h, "GET /api/health", NULL, NULL);
	assert_string_equal(reply_text(&r, "status"), "ok");
	assert_non_null(strstr(r.body, "\"connections\": {\"clients\": 0, \"subscriptions\": 0}"));
	assert_int_equal(store_double.n_asked, 0);
}

static void metrics_are_for_few(void **state)
{
	struct gatehouse *h = *state;
	text_to_give =
		"{\"runs\": {\"pending\": 2}, \"users\": 7, \"user\": {\"role\": \"viewer\"},"
		"\"bad \\\"name\": 1}";
	struct reply r = gatehouse_ask(h, "GET /metrics", NULL, NULL); /* our own user */
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.head, "text/plain; version=0.0.4"));
	assert_int_equal(store_double.asked[0].kind, STORE_GATEWAY);
	assert_non_null(strstr(r.body, "\nporthole_runs{status=\"pending\"} 2\n"));
	assert_non_null(strstr(r.body, "\nporthole_users 7\n"));
	assert_non_null(strstr(r.body, "\nporthole_tunnel_bytes_total{to=\"viewer\"} 12345\n"));
	assert_null(strstr(r.body, "bad"));
	r = gatehouse_ask(h, "GET /metrics", "X-Forwarded-For: 192.0.2.1\r\n", NULL);
	assert_int_equal(r.status, 401);
	r = gatehouse_ask(h, "GET /metrics", BEARER, NULL);
	assert_int_equal(r.status, 403);
	text_to_give = "{\"user\": {\"role\": \"admin\"}}";
	r = gatehouse_ask(h, "GET /metrics", BEARER, NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(store_double.asked[0].op, "counts");
}

static void who_asks_too_often_waits(void **state)
{
	struct gatehouse *h = *state;
	gatehouse_close(h);
	h->config.rate_address_per_min = 3;
	gatehouse_open(h);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gatehouse_ask(h, "GET /api/auth/status", NULL, NULL).status, 200);
	struct reply r = gatehouse_ask(h, "GET /api/auth/status", NULL, NULL);
	assert_int_equal(r.status, 429);
	assert_true(strstr(r.head, "\r\nRetry-After: "));
	assert_int_equal(gatehouse_ask(h, "GET /api/runs", NULL, NULL).status, 429);
	/* who is known is not counted, while what he shows is good */
	assert_int_equal(gatehouse_ask(h, "GET /api/runs", BEARER, NULL).status, 200);
	status_to_give = 401;
	text_to_give = "{\"error\": \"Invalid or expired session\"}";
	for (int i = 0; i < 3; i++)
		assert_int_equal(gatehouse_ask(h, "GET /api/runs", BEARER, NULL).status, 401);
	int asked = store_double.n_asked;
	assert_int_equal(gatehouse_ask(h, "GET /api/runs", BEARER, NULL).status, 429);
	assert_int_equal(store_double.n_asked, asked);
	assert_int_equal(gatehouse_ask(h, "GET /api/runs/run1/vnc", BEARER, NULL).status, 401);
	assert_int_equal(gatehouse_ask(h, "GET /api/health", NULL, NULL).status, 200);
}

static void proxies_say_who_it_is(void **state)
{
	struct gatehouse *h = *state;
	static const char *const proxies[] = { "127.0.0.1", "198.51.100.7", NULL };
	static const char *const rows[][2] = {
		{ "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1" },
		{ "X-Forwarded-For: 10.0.0.1, 192.0.2.1\r\n", "192.0.2.1" },
		{ "X-Forwarded-For: 10.0.0.1,192.0.2.1 , 198.51.100.7\r\n", "192.0.2.1" },
		{ "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 198.51.100.7\r\n", "192.0.2.1" },
		{ "X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1" },
		{ "X-Forwarded-For: 192.0.2.1:80\r\n", "192.0.2.1" },
		{ "X-Forwarded-For: 192.0.2.1, unknown\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: ,\r\n", "127.0.0.1" },
		{ "", "127.0.0.1" },
	};
	gatehouse_ask(h, "GET /api/auth/status", rows[0][0], NULL);
	assert_string_equal(store_double.asked[0].address, "127.0.0.1");
	gatehouse_close(h);
	h->config.proxies = proxies;
	gatehouse_open(h);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		gatehouse_ask(h, "GET /api/auth/status", rows[i][0], NULL);
		assert_string_equal(store_double.asked[0].address, rows[i][1]);
	}
}

static void who_leaves_is_forgotten(void **state)
{
	struct gatehouse *h = *state;
	char text[256];
	int n = snprintf(text, sizeof(text), "GET /api/runs HTTP/1.1\r\nHost: %s\r\n" BEARER "\r\n",
		h->host);
	store_double.silent = true;
	gatehouse_knock(h);
	gatehouse_say(h, text, (size_t)n);
	while (store_double.n_asked == 0)
		gatehouse_turn(h);
	gatehouse_knock(h); /* the one before is gone */
	while (store_double.n_forgotten == 0)
		gatehouse_turn(h);
	gatehouse_say(h, text, (size_t)n);
	while (store_double.n_asked < 2)
		gatehouse_turn(h);
	gatehouse_close(h); /* while it waits */
	assert_int_equal(store_double.n_waiting, 0);
}

static void nothing_secret_is_logged(void **state)
{
	struct gatehouse *h = *state;
	gatehouse_ask(h, "GET /api/runs?search=hush1", "Authorization: Bearer hush2\r\n", NULL);
	gatehouse_ask(h, "GET /ws/vnc/run1?ticket=hush3",
		"Sec-WebSocket-Protocol: binary, porthole.ticket.hush4\r\n" UPGRADE, NULL);
	gatehouse_ask(h, "POST /api/auth/login", "Cookie: session=hush5\r\n",
		"{\"password\": \"hush6\"}");
	gatehouse_ask(h, "POST /api/ingest/event",
		"X-Signature: hush7\r\nX-Client-Token: hush8\r\n", "{}");
	assert_null(strstr(h->lines, "hush"));
}

static void a_drained_gateway_ends(void **state)
{
	struct gatehouse *h = *state;
	gatehouse_knock(h);
	gatehouse_turn(h);
	gateway_drain(h->gateway);
	while (!h->ended)
		gatehouse_turn(h);
	assert_false(h->failed);
	assert_true(h->eof);
	assert_int_equal(relay_double.drained, 1);
	gatehouse_close(h);
	gatehouse_open(h);
	store_double.on_lost(store_double.ctx);
	assert_true(h->ended);
	assert_true(h->failed);
}

static void what_cannot_start_says_why(void **state)
{
	struct gatehouse *h = *state;
	static const char *const urls[] = { "gw.example.org", "ftp://gw", "https://", "https://a/b",
		"https://u@gw", "https://gw:1x", "http://[::1" };
	struct gateway *first = h->gateway;
	h->gateway = NULL;
	h->listen[1] = h->listen[0]; /* taken */
	h->config.listen = &h->listen[1];
	gatehouse_open(h);
	assert_null(h->gateway);
	assert_non_null(strstr(h->error, "in use"));
	assert_int_equal(address_parse("127.0.0.1:0", &h->listen[1]), OK);
	gatehouse_open(h);
	assert_null(h->gateway);
	assert_non_null(strstr(h->error, "runs there already"));
	h->config.admin_socket = NULL;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		h->config.public_url = urls[i];
		gatehouse_open(h);
		assert_null(h->gateway);
		assert_non_null(strstr(h->error, "--public-url"));
	}
	h->config.public_url = NULL;
	h->config.tls_cert = h->config.tls_key = "nonsense";
	h->config.n_tls_cert = h->config.n_tls_key = 8;
	gatehouse_open(h);
	assert_null(h->gateway);
	assert_true(*h->error);
	h->gateway = first;
	assert_int_equal(gateway_reload_tls(first, "", 0, "", 0, h->error), ERR_PROTO);
	assert_non_null(strstr(h->error, "without TLS"));
	h->config.listen = &h->listen[0];
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_become_operations),
		TEST(bad_requests_get_no_further),
		TEST(cookies_go_with_proof_of_our_page),
		TEST(methods_that_do_not_go_are_named),
		TEST(large_bodies_are_refused),
		TEST(errors_of_the_store_are_passed_on),
		TEST(a_login_sets_the_cookie),
		TEST(signed_requests_go_with_all_their_fields),
		TEST(bodies_are_hashed_as_they_came),
		TEST(vnc_rows_ask_and_then_act),
		TEST(pages_get_the_shapes_they_know),
		TEST(runs_are_machines),
		TEST(upgrades_go_to_the_tunnels),
		TEST(pages_and_health),
		TEST(metrics_are_for_few),
		TEST(who_asks_too_often_waits),
		TEST(proxies_say_who_it_is),
		TEST(who_leaves_is_forgotten),
		TEST(nothing_secret_is_logged),
		TEST(a_drained_gateway_ends),
		TEST(what_cannot_start_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
