#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "gateway/store/ops.h"

enum { LEASE_S = 60, RENEW_S = 15, LOST_S = 75, TOKEN_BYTES = 32, COMMANDS_SHOWN = 100 };

static const char *const statuses[] = { "pending", "running", "done", "failed", NULL };

const struct db_value *run_by_id(struct op_call *c, const char *id)
{
	const struct db_value *run = op_find(c, DB_RUNS, RUN_ID, db_text(id));
	if (!run)
		op_fail(c, 404, "Run not found");
	return run;
}

int run_judge_vnc(struct op_call *c, const struct db_value *run)
{
	if (!run)
		return op_fail(c, 404, "Run not found");
	if (strcmp(run[RUN_WORKER_TYPE].text, "vnc") != 0)
		return op_fail(c, 400, "Run is not a VNC worker");
	return 0;
}

void run_notice(struct op_call *c, const char *id, const char *status)
{
	struct json *n = op_notice(c, "run_changed");
	json_put_text(n, "runId", id);
	json_put_text(n, "status", status);
}

void run_set(struct op_call *c, const struct db_value *run, const struct db_set *set)
{
	const char *status = run[RUN_STATUS].text;
	op_update(
		c, DB_RUNS, (struct db_where[]){ { RUN_N, DB_EQ, run[RUN_N], false }, { 0 } }, set);
	for (; set->column; set++)
		if (set->column == RUN_STATUS)
			status = set->value.text;
	run_notice(c, run[RUN_ID].text, status);
}

struct json *run_object(const struct db_value *run)
{
	static const int columns[] = { RUN_ID, RUN_CLIENT, RUN_AGENT, RUN_STATUS, RUN_LABEL,
		RUN_COMMAND, RUN_WORKING_DIR, RUN_REPO_PATH, RUN_REPO_NAME, RUN_CREATED_AT,
		RUN_STARTED_AT, RUN_FINISHED_AT, RUN_EXIT_CODE, RUN_ERROR, RUN_WORKER_TYPE,
		RUN_CLAIMED_BY, RUN_CLAIMED_AT, RUN_CREATED_BY };
	struct json *o = json_make_object();
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		op_put(o, db_schema[DB_RUNS].columns[columns[i]].name, run[columns[i]]);
	op_put_bool(o, "waiting_approval", run[RUN_WAITING_APPROVAL]);
	op_put_json(o, "metadata", run[RUN_METADATA], json_make_null());
	op_put_json(o, "tags", run[RUN_TAGS], json_make_list());
	return o;
}

void run_machine_id(const char *run, char out[RUN_MACHINE_ID])
{
	uint8_t h[HASH_SHA256];
	hash_sha256(run, strlen(run), h);
	/* Version 8, whose bits the maker chooses: RFC 9562 section 5.8. */
	snprintf(out, RUN_MACHINE_ID,
		"%02x%02x%02x%02x-%02x%02x-8%x%02x-%x%x%02x-%02x%02x%02x%02x%02x%02x", h[0], h[1],
		h[2], h[3], h[4], h[5], h[6] & 15u, h[7], 8 | (h[8] & 3u), h[8] >> 4, h[9], h[10],
		h[11], h[12], h[13], h[14], h[15]);
}

/* Whose machine it is for. False and the answer: there is no such client. */
static bool find_client(struct op_call *c, struct db_value *client_id)
{
	const char *id = op_text(c, "clientId"), *agent = op_text(c, "agentId");
	const struct db_value *client = NULL;
	if (id)
		client = op_find(c, DB_CLIENTS, CLIENT_ID, db_text(id));
	else if (agent)
		client = op_find(c, DB_CLIENTS, CLIENT_AGENT, db_text(agent));
	*client_id = client ? client[CLIENT_ID] : db_null();
	if (id && !client)
		op_fail(c, 400, "clientId names no client");
	return client || !id;
}

static int run_create(struct op_call *c)
{
	const char *id = op_text(c, "id"), *type = op_text(c, "workerType");
	const char *token = op_new_token(c, TOKEN_BYTES);
	struct db_value client;
	char machine[RUN_MACHINE_ID];
	if (!find_client(c, &client))
		return 400;
	if (!id)
		id = op_new_id(c);
	run_machine_id(id, machine);
	if (!op_insert(c, DB_RUNS,
		    (struct db_set[]){ { RUN_ID, db_text(id) }, { RUN_CLIENT, client },
			    { RUN_AGENT, db_text(op_text(c, "agentId")) },
			    { RUN_STATUS, db_text("pending") },
			    { RUN_LABEL, db_text(op_text(c, "label")) },
			    { RUN_COMMAND, db_text(op_text(c, "command")) },
			    { RUN_WORKING_DIR, db_text(op_text(c, "workingDir")) },
			    { RUN_REPO_PATH, db_text(op_text(c, "repoPath")) },
			    { RUN_REPO_NAME, db_text(op_text(c, "repoName")) },
			    { RUN_WAITING_APPROVAL, db_int(0) }, { RUN_CREATED_AT, db_int(c->now) },
			    { RUN_HASH, db_text(op_hash(c, token)) },
			    { RUN_METADATA, op_stored_json(c, "metadata") },
			    { RUN_TAGS, op_stored_json(c, "tags") },
			    { RUN_WORKER_TYPE, db_text(type ? type : "vnc") },
			    { RUN_CREATED_BY, db_text(c->who.user_id) },
			    { RUN_MACHINE, db_text(machine) }, { 0 } }))
		return op_fail(c, 409, "There is a run with this id already");
	json_put_text(c->answer, "id", id);
	json_put_text(c->answer, "capabilityToken", token);
	json_put_text(c->answer, "status", "pending");
	json_put(c->answer, "attachedMcpSessionId", json_make_null());
	json_put_bool(c->answer, "autonomous", false);
	run_notice(c, id, "pending");
	op_audit(c, "run_create", "run", id, NULL);
	return 200;
}

/* One that this client claimed and began, and that nobody serves any more: its agent was
 * killed, and is back. An existing runner does not ask while it streams, so this is for
 * agents of ours. */
static const struct db_value *find_left(struct op_call *c, const struct db_value *client)
{
	const char *type = op_text(c, "workerType");
	const struct db_where where[] = { { RUN_STATUS, DB_EQ, db_text("running"), false },
		{ RUN_CLAIMED_BY, DB_EQ, client[CLIENT_AGENT], false },
		{ RUN_CLAIMED_AT, DB_LT, db_int(c->now - LOST_S), false },
		{ RUN_CLIENT, DB_IS_NULL, db_null(), true },
		{ RUN_CLIENT, DB_EQ, client[CLIENT_ID], false },
		{ RUN_WORKER_TYPE, type ? DB_EQ : DB_END, db_text(type), false }, { 0 } };
	return c->asked.agent_id[0] ? op_find_where(c, DB_RUNS, where) : NULL;
}

/* The oldest one that waits: for this client, or for nobody in particular. */
static const struct db_value *find_waiting(struct op_call *c, const struct db_value *client)
{
	const char *type = op_text(c, "workerType");
	const struct db_where where[] = { { RUN_STATUS, DB_EQ, db_text("pending"), false },
		{ RUN_CLIENT, DB_IS_NULL, db_null(), true },
		{ RUN_CLIENT, DB_EQ, client[CLIENT_ID], false },
		{ RUN_AGENT, DB_IS_NULL, db_null(), true },
		{ RUN_AGENT, DB_EQ, client[CLIENT_AGENT], true },
		{ RUN_CLIENT, DB_EQ, client[CLIENT_ID], false },
		{ RUN_CLAIMED_AT, DB_IS_NULL, db_null(), true },
		{ RUN_CLAIMED_AT, DB_LT, db_int(c->now - LEASE_S), false },
		{ RUN_WORKER_TYPE, type ? DB_EQ : DB_END, db_text(type), false }, { 0 } };
	return op_find_where(c, DB_RUNS, where);
}

void run_renew_claim(struct op_call *c)
{
	const struct db_value *run = c->who.run;
	if (!run[RUN_CLAIMED_BY].text || run[RUN_CLAIMED_AT].i > c->now - RENEW_S)
		return;
	op_update(c, DB_RUNS, (struct db_where[]){ { RUN_N, DB_EQ, run[RUN_N], false }, { 0 } },
		(struct db_set[]){ { RUN_CLAIMED_AT, db_int(c->now) }, { 0 } });
}

void run_end_claim(struct op_call *c, const char *id)
{
	op_update(c, DB_RUNS,
		(struct db_where[]){ { RUN_ID, DB_EQ, db_text(id), false },
			{ RUN_STATUS, DB_EQ, db_text("running"), false },
			{ RUN_CLAIMED_AT, DB_NOT_NULL, db_null(), false }, { 0 } },
		(struct db_set[]){ { RUN_CLAIMED_AT, db_int(c->now - LOST_S - 1) }, { 0 } });
}

/* Only a token's hash is kept, so whoever claims gets a new one. */
static int run_claim(struct op_call *c)
{
	const struct db_value *client = c->who.client, *run = find_left(c, client);
	if (!run)
		run = find_waiting(c, client);
	if (!run) {
		json_put(c->answer, "run", json_make_null());
		return 200;
	}
	const char *token = op_new_token(c, TOKEN_BYTES);
	run_set(c, run,
		(struct db_set[]){ { RUN_HASH, db_text(op_hash(c, token)) },
			{ RUN_CLAIMED_BY, client[CLIENT_AGENT] },
			{ RUN_CLAIMED_AT, db_int(c->now) }, { 0 } });
	struct json *o = json_make_object();
	op_put(o, "id", run[RUN_ID]);
	json_put_text(o, "capabilityToken", token);
	op_put(o, "command", run[RUN_COMMAND]);
	op_put(o, "workerType", run[RUN_WORKER_TYPE]);
	op_put_json(o, "metadata", run[RUN_METADATA], json_make_null());
	json_put(c->answer, "run", o);
	op_audit(c, "run_claim", "run", run[RUN_ID].text, NULL);
	return 200;
}

void page_put(struct op_call *c, long long n, long long total)
{
	long long offset = op_int(c, "offset", 0);
	json_put_int(c->answer, "total", total);
	json_put_int(c->answer, "limit", op_int(c, "limit", 50));
	json_put_int(c->answer, "offset", offset);
	json_put_bool(c->answer, "hasMore", offset + n < total);
}

/* The conditions of a list, from the arguments that are there. */
static const struct db_where *list_where(struct op_call *c)
{
	enum { CONDITIONS = 8 };
	struct db_where *w = arena_take(&c->arena, CONDITIONS * sizeof(*w));
	const char *search = op_text(c, "search"), *tag = op_text(c, "tag");
	size_t n = 0;
	if (!w) {
		c->db_error = ERR_NOMEM;
		return NULL;
	}
	if (op_text(c, "status"))
		w[n++] = (struct db_where){ RUN_STATUS, DB_EQ, db_text(op_text(c, "status")),
			false };
	if (op_text(c, "workerType"))
		w[n++] = (struct db_where){ RUN_WORKER_TYPE, DB_EQ,
			db_text(op_text(c, "workerType")), false };
	if (op_text(c, "clientId"))
		w[n++] = (struct db_where){ RUN_CLIENT, DB_EQ, db_text(op_text(c, "clientId")),
			false };
	if (search) {
		struct db_value part = db_text(user_name_key(c, search));
		w[n++] = (struct db_where){ RUN_LABEL, DB_HOLDS_LOWER, part, true };
		w[n++] = (struct db_where){ RUN_COMMAND, DB_HOLDS_LOWER, part, true };
		w[n++] = (struct db_where){ RUN_ID, DB_HOLDS_LOWER, part, false };
	}
	if (tag) {
		struct db_value quoted = op_stored_json(c, "tag");
		w[n++] = (struct db_where){ RUN_TAGS, DB_HOLDS, quoted, false };
	}
	w[n] = (struct db_where){ 0 };
	return w;
}

static int run_list(struct op_call *c)
{
	const struct db_where *where = list_where(c);
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_RUNS,
						   .where = where,
						   .descending = true,
						   .order = RUN_CREATED_AT,
						   .limit = op_int(c, "limit", 50),
						   .offset = op_int(c, "offset", 0),
						   .max_bytes = 1024 * 1024 });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++)
		json_add(list, run_object(rows.row[i]));
	json_put(c->answer, "runs", list);
	page_put(c, (long long)rows.n, op_count(c, DB_RUNS, where));
	return 200;
}

static struct json *commands_of(struct op_call *c, const struct db_value *run)
{
	static const int columns[] = { COMMAND_ID, COMMAND_TEXT, COMMAND_ARGUMENTS, COMMAND_STATUS,
		COMMAND_CREATED_AT, COMMAND_ACKED_AT, COMMAND_RESULT, COMMAND_ERROR };
	const struct db_where where[] = { { COMMAND_RUN, DB_EQ, run[RUN_ID], false }, { 0 } };
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_COMMANDS,
						   .where = where,
						   .descending = true,
						   .limit = COMMANDS_SHOWN,
						   .max_bytes = 512 * 1024 });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		struct json *o = json_make_object();
		for (size_t k = 0; k < ARRAY_LEN(columns); k++)
			op_put(o, db_schema[DB_COMMANDS].columns[columns[k]].name,
				rows.row[i][columns[k]]);
		json_add(list, o);
	}
	return list;
}

static int run_get(struct op_call *c)
{
	const struct db_value *run = run_by_id(c, op_text(c, "id"));
	if (!run)
		return 404;
	json_drop(c->answer);
	c->answer = run_object(run);
	json_put(c->answer, "artifacts", json_make_list());
	json_put(c->answer, "commands", commands_of(c, run));
	return 200;
}

static int run_update(struct op_call *c)
{
	const struct db_value *run = run_by_id(c, op_text(c, "id"));
	if (!run)
		return 404;
	const char *label = op_text(c, "label");
	run_set(c, run,
		(struct db_set[]){ { RUN_LABEL, label ? db_text(label) : run[RUN_LABEL] },
			{ RUN_TAGS, op_has(c, "tags") ? op_stored_json(c, "tags") : run[RUN_TAGS] },
			{ 0 } });
	op_audit(c, "run_update", "run", run[RUN_ID].text, NULL);
	run = run_by_id(c, op_text(c, "id"));
	if (!run)
		return 404;
	json_drop(c->answer);
	c->answer = run_object(run);
	return 200;
}

static int run_delete(struct op_call *c)
{
	const struct db_value *run = run_by_id(c, op_text(c, "id"));
	if (!run)
		return 404;
	struct db_value id = run[RUN_ID];
	op_remove(c, DB_COMMANDS, (struct db_where[]){ { COMMAND_RUN, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_EVENTS, (struct db_where[]){ { EVENT_RUN, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_TICKETS, (struct db_where[]){ { TICKET_RUN, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_LINKS, (struct db_where[]){ { LINK_RUN, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_RUNS, (struct db_where[]){ { RUN_ID, DB_EQ, id, false }, { 0 } });
	json_put_text(op_notice(c, "run_deleted"), "runId", id.text);
	op_revoked(c, "run", id.text);
	json_put_bool(c->answer, "ok", true);
	op_audit(c, "run_delete", "run", id.text, NULL);
	return 200;
}

static int run_vnc(struct op_call *c)
{
	const struct db_value *run = op_find(c, DB_RUNS, RUN_ID, db_text(op_text(c, "id")));
	int status = run_judge_vnc(c, run);
	if (status)
		return status;
	op_put(c->answer, "id", run[RUN_ID]);
	return 200;
}

#define TYPE_FIELD                                                                                 \
	{                                                                                          \
		.name = "workerType", .other_name = "worker_type", .type = SHAPE_ID                \
	}
#define TAGS_FIELD                                                                                 \
	{                                                                                          \
		.name = "tags", .type = SHAPE_TEXTS, .max = 32                                     \
	}
#define ID_FIELD                                                                                   \
	{                                                                                          \
		.name = "id", .type = SHAPE_ID, .required = true                                   \
	}

static const struct shape_field create_fields[] = {
	{ .name = "id", .type = SHAPE_ID },
	TYPE_FIELD,
	{ .name = "label", .type = SHAPE_TEXT, .max = 200 },
	{ .name = "clientId", .type = SHAPE_ID },
	{ .name = "agentId", .type = SHAPE_TEXT, .min = 1, .max = 200 },
	{ .name = "command", .type = SHAPE_TEXT, .max = 8192 },
	{ .name = "workingDir", .type = SHAPE_TEXT, .max = 4096 },
	{ .name = "repoPath", .type = SHAPE_TEXT, .max = 4096 },
	{ .name = "repoName", .type = SHAPE_TEXT, .max = 200 },
	TAGS_FIELD,
	{ .name = "metadata", .type = SHAPE_OBJECT, .max = 16 * 1024 },
};
static const struct shape_field claim_fields[] = {
	{ .name = "agentId", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
	TYPE_FIELD,
};
static const struct shape_field list_fields[] = {
	{ .name = "limit", .type = SHAPE_INT, .min = 1, .max = 200, .loose = true },
	{ .name = "offset", .type = SHAPE_INT, .max = 1000000000, .loose = true },
	{ .name = "status", .type = SHAPE_TEXT, .choices = statuses },
	TYPE_FIELD,
	{ .name = "search", .type = SHAPE_TEXT, .max = 200 },
	{ .name = "tag", .type = SHAPE_TEXT, .max = 100 },
	{ .name = "clientId", .type = SHAPE_ID },
};
static const struct shape_field update_fields[] = {
	ID_FIELD,
	{ .name = "label", .type = SHAPE_TEXT, .max = 200 },
	TAGS_FIELD,
};
static const struct shape_field id_fields[] = { ID_FIELD };

const struct op ops_run[] = {
	{ "run.create", OP_OPERATOR, OP_FIELDS(create_fields), NULL, run_create },
	{ "run.claim", OP_SIGNED_CLIENT, OP_FIELDS(claim_fields), NULL, run_claim },
	{ "run.list", OP_VIEWER, OP_FIELDS(list_fields), NULL, run_list },
	{ "run.get", OP_VIEWER, OP_FIELDS(id_fields), NULL, run_get },
	{ "run.update", OP_OPERATOR, OP_FIELDS(update_fields), NULL, run_update },
	{ "run.delete", OP_OPERATOR, OP_FIELDS(id_fields), NULL, run_delete },
	{ "run.vnc", OP_VIEWER, OP_FIELDS(id_fields), NULL, run_vnc },
	{ "run.control", OP_OPERATOR, OP_FIELDS(id_fields), NULL, run_vnc },
	{ 0 },
};
