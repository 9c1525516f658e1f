#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "crypto/request_signature.h"
#include "crypto/text.h"
#include "gatehouse.h"

/* The whole gateway with a real store: what it answers is what doc/openapi.json says. */

#define PASSWORD "correct horse battery"

static const char secret[] = "0123456789abcdef0123456789abcdef";
static struct json *document;
static struct store *store;
static char token[256], run_token[128], client_token[128], setup_code[128];
static int nonces;

static int read_document(void **state)
{
	static char text[1024 * 1024];
	char path[1024], problem[JSON_PROBLEM_MAX];
	const char *source = getenv("PORTHOLE_SOURCE");
	(void)state;
	snprintf(path, sizeof(path), "%s/doc/openapi.json", source ? source : ".");
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	document = json_parse(text, n, problem);
	return document ? 0 : -1;
}

static int drop_document(void **state)
{
	(void)state;
	json_drop(document);
	return 0;
}

static int set_up(void **state)
{
	const struct store_config config = { .kind = STORE_RAM, .hmac_secret = secret };
	const struct store_who local = { .kind = STORE_LOCAL };
	char error[STORE_ERROR_MAX];
	struct json *answer;
	store = store_start(&config, error);
	if (!store)
		fail_msg("%s", error);
	assert_int_equal(store_ask_now(store, "setup.link", &local, NULL, &answer), 200);
	snprintf(setup_code, sizeof(setup_code), "%s", json_get_text(json_of(answer), "code"));
	json_drop(answer);
	return gatehouse_set_up(state, store);
}

static int tear_down(void **state)
{
	gatehouse_close(*state);
	store_stop(store); /* which still hangs on the loop */
	return gatehouse_tear_down(state);
}

static struct json_ref follow(struct json_ref schema)
{
	static const char start[] = "#/components/schemas/";
	const char *to = json_get_text(schema, "$ref");
	if (!to)
		return schema;
	struct json_ref all = json_get(json_get(json_of(document), "components"), "schemas");
	struct json_ref found = json_get(all, to + strlen(start));
	if (json_kind_of(found) != JSON_TYPE_OBJECT)
		fail_msg("doc/openapi.json has no %s", to);
	return found;
}

static bool is_type(const char *type, enum json_kind kind)
{
	static const struct {
		const char *name;
		enum json_kind kind;
	} types[] = { { "string", JSON_TYPE_TEXT }, { "integer", JSON_TYPE_INT },
		{ "boolean", JSON_TYPE_BOOL }, { "array", JSON_TYPE_LIST },
		{ "object", JSON_TYPE_OBJECT } };
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, type) == 0)
			return types[i].kind == kind;
	return false;
}

static bool is_one_of(struct json_ref list, const char *text)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (strcmp(json_text(json_at(list, i)), text) == 0)
			return true;
	return json_len(list) == 0;
}

static void check(struct json_ref schema, struct json_ref value, const char *where);

struct members {
	struct json_ref value;
	const char *where;
};

static bool check_member(void *ctx, const char *key, struct json_ref schema)
{
	const struct members *m = ctx;
	struct json_ref v = json_get(m->value, key);
	char where[256];
	snprintf(where, sizeof(where), "%.200s.%s", m->where, key);
	if (json_kind_of(v) != JSON_TYPE_NONE)
		check(schema, v, where);
	return true;
}

static void check_object(struct json_ref schema, struct json_ref value, const char *where)
{
	struct json_ref required = json_get(schema, "required");
	struct members m = { value, where };
	for (size_t i = 0; i < json_len(required); i++)
		if (json_kind_of(json_get(value, json_text(json_at(required, i)))) ==
			JSON_TYPE_NONE)
			fail_msg("%s lacks %s", where, json_text(json_at(required, i)));
	json_each(json_get(schema, "properties"), check_member, &m);
}

static void check(struct json_ref schema, struct json_ref value, const char *where)
{
	schema = follow(schema);
	const char *type = json_get_text(schema, "type");
	struct json_ref all = json_get(schema, "allOf");
	char inner[256];
	if (json_kind_of(value) == JSON_TYPE_NULL && json_bool(json_get(schema, "nullable"), false))
		return;
	for (size_t i = 0; i < json_len(all); i++)
		check(json_at(all, i), value, where);
	if (type && !is_type(type, json_kind_of(value)))
		fail_msg("%s is no %s", where, type);
	if (json_text(value) && !is_one_of(json_get(schema, "enum"), json_text(value)))
		fail_msg("%s is %s", where, json_text(value));
	check_object(schema, value, where);
	snprintf(inner, sizeof(inner), "%.200s[]", where);
	for (size_t i = 0; json_kind_of(value) == JSON_TYPE_LIST && i < json_len(value); i++)
		check(json_get(schema, "items"), json_at(value, i), inner);
}

/* The schema of an answer of "GET /api/runs/{id}". */
static struct json_ref schema_of(const char *operation, int status)
{
	char method[16] = "", number[16];
	const char *path = strchr(operation, ' ') + 1;
	for (size_t i = 0; operation[i] != ' '; i++)
		method[i] = (char)(operation[i] | 0x20);
	snprintf(number, sizeof(number), "%d", status);
	struct json_ref answer = json_get(
		json_get(json_get(json_get(json_get(json_of(document), "paths"), path), method),
			"responses"),
		number);
	if (json_kind_of(answer) == JSON_TYPE_NONE)
		fail_msg("%s: %d is not documented", operation, status);
	const char *ref = json_get_text(answer, "$ref");
	if (ref)
		answer = json_get(json_get(json_get(json_of(document), "components"), "responses"),
			strrchr(ref, '/') + 1);
	return json_get(json_get(json_get(answer, "content"), "application/json"), "schema");
}

/* Asks, and compares status and answer with the document's `operation`. */
static struct reply ask(struct gatehouse *h, const char *operation, const char *line,
	const char *fields, const char *body, int status)
{
	char problem[JSON_PROBLEM_MAX];
	struct reply r = gatehouse_ask(h, line, fields, body);
	if (r.status != status)
		fail_msg("%s: %d %s", line, r.status, r.body);
	struct json *j = json_parse(r.body, strlen(r.body), problem);
	if (!j)
		fail_msg("%s: %s", line, r.body);
	check(schema_of(operation, status), json_of(j), operation);
	json_drop(j);
	return r;
}

static struct reply ask_as_user(
	struct gatehouse *h, const char *operation, const char *line, const char *body, int status)
{
	char fields[512];
	snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\n", token);
	return ask(h, operation, line, fields, body, status);
}

/* As an existing runner signs. */
static struct reply ask_as_agent(struct gatehouse *h, const char *operation, const char *line,
	const char *run, const char *body, int status)
{
	char fields[1024], method[16], path[128], timestamp[32], nonce[32], hash[65],
		signature[REQUEST_SIGNATURE_TEXT];
	uint8_t bytes[HASH_SHA256];
	assert_int_equal(sscanf(line, "%15s %127s", method, path), 2);
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)time(NULL));
	snprintf(nonce, sizeof(nonce), "nonce-%d", nonces++);
	hash_sha256(body ? body : "", body ? strlen(body) : 0, bytes);
	text_put_hex(bytes, sizeof(bytes), hash);
	const struct request_signature s = { method, path, hash, timestamp, nonce, run,
		*run ? run_token : "" };
	assert_int_equal(request_signature_make(&s, secret, strlen(secret), signature), OK);
	snprintf(fields, sizeof(fields),
		"X-Signature: %s\r\nX-Timestamp: %s\r\nX-Nonce: %s\r\nX-Run-Id: %s\r\n"
		"X-Capability-Token: %s\r\nX-Client-Token: %s\r\n",
		signature, timestamp, nonce, run, s.token, client_token);
	return ask(h, operation, line, fields, body, status);
}

static void log_in(struct gatehouse *h)
{
	char body[512];
	struct reply r;
	ask(h, "GET /api/auth/status", "GET /api/auth/status", NULL, NULL, 200);
	ask(h, "POST /api/auth/setup", "POST /api/auth/setup", NULL,
		"{\"username\":\"anna\",\"password\":\"" PASSWORD "\"}", 403);
	snprintf(body, sizeof(body),
		"{\"username\":\"anna\",\"password\":\"" PASSWORD "\",\"setupCode\":\"%s\"}",
		setup_code);
	ask(h, "POST /api/auth/setup", "POST /api/auth/setup", NULL, body, 200);
	r = ask(h, "POST /api/auth/login", "POST /api/auth/login", NULL,
		"{\"username\":\"anna\",\"password\":\"wrong\"}", 401);
	assert_string_equal(reply_text(&r, "error"), "Invalid credentials");
	r = ask(h, "POST /api/auth/login", "POST /api/auth/login", NULL,
		"{\"username\":\"anna\",\"password\":\"" PASSWORD "\",\"bearer\":true}", 200);
	snprintf(token, sizeof(token), "%s", reply_text(&r, "token"));
}

static void make_run(struct gatehouse *h)
{
	struct reply r = ask_as_user(h, "POST /api/runs", "POST /api/runs",
		"{\"id\":\"run1\",\"worker_type\":\"vnc\",\"label\":\"desk\"}", 200);
	snprintf(run_token, sizeof(run_token), "%s", reply_text(&r, "capabilityToken"));
}

static void users_find_what_is_documented(void **state)
{
	struct gatehouse *h = *state;
	static const struct {
		const char *operation, *line, *body;
		int status;
	} rows[] = {
		{ "GET /api/auth/me", "GET /api/auth/me", NULL, 200 },
		{ "GET /api/users", "GET /api/users", NULL, 200 },
		{ "POST /api/users", "POST /api/users",
			"{\"username\":\"berta\",\"password\":\"" PASSWORD "\"}", 200 },
		{ "POST /api/users", "POST /api/users",
			"{\"username\":\"berta\",\"password\":\"" PASSWORD "\"}", 409 },
		{ "POST /api/users", "POST /api/users", "{\"username\":\"cora\"}", 400 },
		{ "PATCH /api/users/{id}", "PATCH /api/users/none", "{\"disabled\":true}", 404 },
		{ "GET /api/keys", "GET /api/keys", NULL, 200 },
		{ "POST /api/keys", "POST /api/keys", "{\"key\":\"nonsense\"}", 400 },
		{ "DELETE /api/keys/{id}", "DELETE /api/keys/none", NULL, 404 },
		{ "GET /api/audit", "GET /api/audit?limit=5", NULL, 200 },
		{ "GET /api/audit", "GET /api/audit?limit=x", NULL, 400 },
		{ "GET /api/clients", "GET /api/clients", NULL, 200 },
		{ "POST /api/runs", "POST /api/runs", "{\"id\":\"run1\"}", 409 },
		{ "POST /api/runs", "POST /api/runs", "{\"id\":\"a b\"}", 400 },
		{ "POST /api/runs", "POST /api/runs", "{\"id\":\"run2\",\"workerType\":\"other\"}",
			200 },
		{ "GET /api/runs", "GET /api/runs?limit=1&workerType=vnc", NULL, 200 },
		{ "GET /api/runs", "GET /api/runs?limit=0", NULL, 400 },
		{ "GET /api/runs/{id}", "GET /api/runs/run1", NULL, 200 },
		{ "GET /api/runs/{id}", "GET /api/runs/none", NULL, 404 },
		{ "PATCH /api/runs/{id}", "PATCH /api/runs/run1", "{\"label\":\"new\"}", 200 },
		{ "GET /api/runs/{id}/events", "GET /api/runs/run1/events", NULL, 200 },
		{ "POST /api/runs/{id}/command", "POST /api/runs/run1/command", "{}", 400 },
		{ "POST /api/runs/{id}/command", "POST /api/runs/run1/command",
			"{\"command\":\"x\"}", 200 },
		{ "POST /api/runs/{id}/stop", "POST /api/runs/run1/stop", NULL, 200 },
		{ "GET /api/runs/{id}/vnc", "GET /api/runs/run1/vnc", NULL, 200 },
		{ "GET /api/runs/{id}/vnc", "GET /api/runs/run2/vnc", NULL, 400 },
		{ "GET /api/runs/{id}/vnc", "GET /api/runs/none/vnc", NULL, 404 },
		{ "POST /api/runs/{id}/vnc/start", "POST /api/runs/run1/vnc/start", NULL, 200 },
		{ "POST /api/runs/{id}/vnc/start", "POST /api/runs/run2/vnc/start", NULL, 400 },
		{ "POST /api/runs/{id}/vnc/tickets", "POST /api/runs/run1/vnc/tickets",
			"{\"rights\":\"view\",\"ttl\":5}", 200 },
		{ "POST /api/runs/{id}/vnc/tickets", "POST /api/runs/run1/vnc/tickets",
			"{\"rights\":\"all\"}", 400 },
		{ "POST /api/runs/{id}/vnc/control", "POST /api/runs/run1/vnc/control",
			"{\"channel\":null}", 200 },
		{ "POST /api/runs/{id}/vnc/control", "POST /api/runs/run1/vnc/control",
			"{\"channel\":\"none\"}", 404 },
		{ "DELETE /api/runs/{id}/vnc/viewers/{channel}",
			"DELETE /api/runs/run1/vnc/viewers/none", NULL, 404 },
		{ "DELETE /api/runs/{id}/vnc", "DELETE /api/runs/run1/vnc", NULL, 200 },
		{ "GET /api/vnc/stats", "GET /api/vnc/stats", NULL, 200 },
		{ "POST /api/runs/{id}/links", "POST /api/runs/run1/links",
			"{\"rights\":\"view\",\"ttl\":60}", 200 },
		{ "GET /api/runs/{id}/links", "GET /api/runs/run1/links", NULL, 200 },
		{ "DELETE /api/runs/{id}/links/{link}", "DELETE /api/runs/run1/links/none", NULL,
			404 },
		{ "POST /api/links/ticket", "POST /api/links/ticket", "{\"code\":\"none\"}", 401 },
		{ "GET /api/dashboard/stats", "GET /api/dashboard/stats", NULL, 200 },
		{ "GET /api/dashboard/activity", "GET /api/dashboard/activity", NULL, 200 },
		{ "GET /api/dashboard/active-runs", "GET /api/dashboard/active-runs", NULL, 200 },
		{ "GET /api/dashboard/needs-attention", "GET /api/dashboard/needs-attention", NULL,
			200 },
		{ "GET /api/alerts", "GET /api/alerts", NULL, 200 },
		{ "GET /api/alerts/rules", "GET /api/alerts/rules", NULL, 200 },
		{ "GET /api/alerts/stats", "GET /api/alerts/stats", NULL, 200 },
		{ "GET /{account}/machines", "GET /me/machines?limit=10", NULL, 200 },
		{ "GET /{account}/machines", "GET /me/machines?limit=x", NULL, 400 },
		{ "GET /{account}/machines/{id}", "GET /me/machines/run1", NULL, 200 },
		{ "GET /{account}/machines/{id}", "GET /me/machines/none", NULL, 404 },
		{ "GET /{account}/machines/{id}/vnc", "GET /me/machines/run1/vnc", NULL, 400 },
		{ "GET /api/health", "GET /api/health", NULL, 200 },
		{ "POST /api/auth/totp", "POST /api/auth/totp", "{\"enable\":true}", 200 },
		{ "POST /api/auth/totp", "POST /api/auth/totp", "{\"enable\":false}", 400 },
		{ "POST /api/auth/password", "POST /api/auth/password",
			"{\"password\":\"" PASSWORD "\",\"newPassword\":\"" PASSWORD " 2\"}", 200 },
		{ "DELETE /api/runs/{id}", "DELETE /api/runs/run2", NULL, 200 },
		{ "DELETE /api/runs/{id}", "DELETE /api/runs/run2", NULL, 404 },
	};
	log_in(h);
	make_run(h);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ask_as_user(h, rows[i].operation, rows[i].line, rows[i].body, rows[i].status);
	ask_as_user(h, "POST /api/auth/logout", "POST /api/auth/logout", NULL, 200);
	ask_as_user(h, "GET /api/auth/me", "GET /api/auth/me", NULL, 401);
}

static void agents_find_what_is_documented(void **state)
{
	struct gatehouse *h = *state;
	char line[128], run[64];
	log_in(h);
	make_run(h);
	struct reply r = ask_as_user(h, "POST /api/clients/create", "POST /api/clients/create",
		"{\"displayName\":\"machine\",\"agentId\":\"agent-1\"}", 200);
	snprintf(client_token, sizeof(client_token), "%s", reply_text(&r, "token"));
	ask_as_user(h, "POST /api/clients/create", "POST /api/clients/create",
		"{\"displayName\":\"machine\",\"agentId\":\"agent-1\"}", 400);
	ask_as_agent(h, "POST /api/clients/register", "POST /api/clients/register", "",
		"{\"displayName\": \"machine\", \"agentId\": \"agent-1\", \"capabilities\": "
		"[\"vnc\"]}",
		200);
	ask_as_agent(h, "POST /api/clients/heartbeat", "POST /api/clients/heartbeat", "",
		"{\"agentId\": \"agent-1\"}", 200);
	ask_as_agent(h, "POST /api/runs/claim", "POST /api/runs/claim", "",
		"{\"agentId\": \"another\"}", 403);
	ask_as_agent(h, "POST /api/ingest/event", "POST /api/ingest/event", "run1",
		"{\"type\": \"marker\", \"data\": \"{\\\"event\\\":\\\"started\\\"}\", "
		"\"sequence\": 0}",
		200);
	ask_as_agent(h, "POST /api/ingest/event", "POST /api/ingest/event", "run1",
		"{\"type\": \"unknown\", \"data\": \"\"}", 400);
	r = ask_as_agent(h, "POST /api/ingest/event", "POST /api/ingest/event", "",
		"{\"type\": \"info\", \"data\": \"hi\"}", 400);
	assert_string_equal(reply_text(&r, "error"), "Run ID required");
	ask_as_user(h, "POST /api/runs/{id}/stop", "POST /api/runs/run1/stop", NULL, 200);
	r = ask_as_agent(
		h, "GET /api/runs/{id}/commands", "GET /api/runs/run1/commands", "run1", NULL, 200);
	const char *id = strstr(r.body, "\"id\": \"");
	assert_non_null(id);
	assert_int_equal(sscanf(id, "\"id\": \"%63[^\"]", run), 1);
	snprintf(line, sizeof(line), "POST /api/runs/run1/commands/%s/ack", run);
	ask_as_agent(h, "POST /api/runs/{id}/commands/{commandId}/ack", line, "run1",
		"{\"result\": \"Stopping\", \"error\": null}", 200);
	r = ask_as_agent(h, "GET /api/runs/{id}/commands", "GET /api/runs/other/commands", "run1",
		NULL, 403);
	assert_string_equal(reply_text(&r, "error"), "Capability token mismatch");
	nonces--; /* the same again */
	r = ask_as_agent(
		h, "GET /api/runs/{id}/commands", "GET /api/runs/run1/commands", "run1", NULL, 401);
	assert_string_equal(reply_text(&r, "error"), "Nonce already used (replay attack detected)");
	ask_as_user(
		h, "GET /api/dashboard/active-runs", "GET /api/dashboard/active-runs", NULL, 200);
	ask_as_user(h, "GET /api/runs/{id}", "GET /api/runs/run1", NULL, 200);
	ask_as_user(h, "GET /api/runs/{id}/events", "GET /api/runs/run1/events", NULL, 200);
	ask_as_user(h, "GET /api/clients", "GET /api/clients", NULL, 200);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(users_find_what_is_documented),
		TEST(agents_find_what_is_documented),
	};
	return cmocka_run_group_tests(tests, read_document, drop_document);
}
