#include <string.h>

#include "gateway/store/db_source.h"
#include "gateway/store/import_value.h"
#include "gateway/store/ops.h"

/* Users, clients, runs with their commands and events, and the audit log of an
 * existing gateway's database. What is here already stays as it is, and so does what
 * belongs to it: the same file may come twice. All or nothing. */

enum { DATA_MAX = 256 * 1024, TEXT_MAX = 8192, NAME_MAX_CHARACTERS = 200 };

struct import {
	struct op_call *c;
	struct arena row;    /* what one row needs */
	long long first_run; /* number of the first one that came in */
	long long n;         /* rows of this kind that came in */
};

/* One kind of rows: their table there, its columns, what becomes of a row. */
struct kind {
	const char *name, *table;
	const char *const *columns;
	int n_columns;
	db_source_row *take;
};

static struct db_value text(struct import *i, struct db_value v, size_t max)
{
	return import_text(&i->row, v, max);
}

static bool exists(struct import *i, enum db_table table, int column, struct db_value v)
{
	return op_count(i->c, table, (struct db_where[]){ { column, DB_EQ, v, false }, { 0 } }) > 0;
}

static int inserted(struct import *i, long long n)
{
	i->n += n > 0;
	arena_fini(&i->row);
	return i->c->db_error;
}

static struct db_value now(const struct import *i)
{
	return db_int(i->c->now);
}

static const char *const user_columns[] = { "id", "username", "password_hash", "totp_secret",
	"role", "created_at" };

/* Other hashes than argon2id are no password at all. */
static int take_user(void *ctx, const struct db_value *v)
{
	static const char *const roles[] = { "admin", "operator", "viewer" };
	struct import *i = ctx;
	struct db_value name = text(i, v[1], 254), role = db_text("viewer");
	struct db_value hash = v[2];
	/* "local" is who asks from the command line. */
	if (!import_is_id(v[0]) || strcmp(v[0].text, "local") == 0 || !name.text ||
		user_judge_name(i->c, name.text) || strlen(name.text) < 3 ||
		exists(i, DB_USERS, USER_ID, v[0]))
		return inserted(i, 0);
	for (size_t r = 0; r < ARRAY_LEN(roles); r++)
		if (v[4].text && strcmp(v[4].text, roles[r]) == 0)
			role = v[4];
	if (!hash.text || strncmp(hash.text, "$argon2id$", 10) != 0 || strlen(hash.text) > 256)
		hash = db_text("none");
	bool totp = v[3].text && v[3].text[0] && strlen(v[3].text) <= 128;
	return inserted(
		i, op_insert(i->c, DB_USERS,
			   (struct db_set[]){ { USER_ID, v[0] }, { USER_NAME, name },
				   { USER_NAME_KEY, db_text(user_name_key(i->c, name.text)) },
				   { USER_PASSWORD, hash }, { USER_TOTP, totp ? v[3] : db_null() },
				   { USER_ROLE, role }, { USER_DISABLED, db_int(0) },
				   { USER_CREATED_AT, import_time(v[5], now(i)) }, { 0 } }));
}

static const char *const client_columns[] = { "id", "display_name", "agent_id", "token_hash",
	"last_seen_at", "version", "capabilities", "operator_enabled", "metadata", "created_at" };

static int take_client(void *ctx, const struct db_value *v)
{
	struct import *i = ctx;
	struct db_value agent = text(i, v[2], NAME_MAX_CHARACTERS);
	struct db_value name = text(i, v[1], NAME_MAX_CHARACTERS);
	if (!import_is_id(v[0]) || !agent.text || !v[3].text || strlen(v[3].text) != 64 ||
		exists(i, DB_CLIENTS, CLIENT_ID, v[0]))
		return inserted(i, 0);
	bool enabled = v[7].kind != DB_INT || v[7].i != 0;
	return inserted(
		i, op_insert(i->c, DB_CLIENTS,
			   (struct db_set[]){ { CLIENT_ID, v[0] },
				   { CLIENT_NAME, name.text ? name : agent },
				   { CLIENT_AGENT, agent }, { CLIENT_HASH, v[3] },
				   { CLIENT_SEEN_AT, import_time(v[4], db_null()) },
				   { CLIENT_VERSION, text(i, v[5], 100) },
				   { CLIENT_CAPABILITIES, import_json(v[6], JSON_TYPE_LIST) },
				   { CLIENT_ENABLED, db_int(enabled) },
				   { CLIENT_METADATA, import_json(v[8], JSON_TYPE_OBJECT) },
				   { CLIENT_CREATED_AT, import_time(v[9], now(i)) }, { 0 } }));
}

static const char *const run_columns[] = { "id", "client_id", "status", "label", "command",
	"repo_path", "repo_name", "waiting_approval", "created_at", "started_at", "finished_at",
	"exit_code", "error_message", "capability_token", "metadata", "tags", "worker_type",
	"claimed_by", "claimed_at" };

static struct db_value run_status(struct db_value v)
{
	static const char *const names[][2] = { { "pending", "pending" }, { "running", "running" },
		{ "done", "done" }, { "completed", "done" }, { "waiting_approval", "running" } };
	for (size_t i = 0; v.text && i < ARRAY_LEN(names); i++)
		if (strcmp(v.text, names[i][0]) == 0)
			return db_text(names[i][1]);
	return db_text("failed");
}

static struct db_value number(struct db_value v)
{
	return v.kind == DB_INT ? v : db_null();
}

static int take_run(void *ctx, const struct db_value *v)
{
	struct import *i = ctx;
	char machine[RUN_MACHINE_ID];
	if (!import_is_id(v[0]) || exists(i, DB_RUNS, RUN_ID, v[0]))
		return inserted(i, 0);
	/* Without a token nobody can be its runner. */
	const char *token = v[13].text ? v[13].text : op_new_token(i->c, 32);
	struct db_value type = import_is_id(v[16]) ? v[16] : db_text("unknown");
	run_machine_id(v[0].text, machine);
	long long n = op_insert(i->c, DB_RUNS,
		(struct db_set[]){ { RUN_ID, v[0] },
			{ RUN_CLIENT, import_is_id(v[1]) ? v[1] : db_null() },
			{ RUN_STATUS, run_status(v[2]) },
			{ RUN_LABEL, text(i, v[3], NAME_MAX_CHARACTERS) },
			{ RUN_COMMAND, text(i, v[4], TEXT_MAX) },
			{ RUN_REPO_PATH, text(i, v[5], 4096) },
			{ RUN_REPO_NAME, text(i, v[6], NAME_MAX_CHARACTERS) },
			{ RUN_WAITING_APPROVAL, db_int(v[7].i != 0) },
			{ RUN_CREATED_AT, import_time(v[8], now(i)) },
			{ RUN_STARTED_AT, import_time(v[9], db_null()) },
			{ RUN_FINISHED_AT, import_time(v[10], db_null()) },
			{ RUN_EXIT_CODE, number(v[11]) }, { RUN_ERROR, text(i, v[12], TEXT_MAX) },
			{ RUN_HASH, db_text(op_hash(i->c, token)) },
			{ RUN_METADATA, import_json(v[14], JSON_TYPE_OBJECT) },
			{ RUN_TAGS, import_json(v[15], JSON_TYPE_LIST) }, { RUN_WORKER_TYPE, type },
			{ RUN_CLAIMED_BY, text(i, v[17], NAME_MAX_CHARACTERS) },
			{ RUN_CLAIMED_AT, import_time(v[18], db_null()) },
			{ RUN_CREATED_BY, db_text("import") }, { RUN_MACHINE, db_text(machine) },
			{ 0 } });
	if (n && !i->first_run)
		i->first_run = n;
	return inserted(i, n);
}

/* The run came in with this import: what belongs to it comes too. */
static bool run_is_new(struct import *i, struct db_value id)
{
	return i->first_run && id.kind == DB_TEXT &&
	       op_count(i->c, DB_RUNS,
		       (struct db_where[]){ { RUN_ID, DB_EQ, id, false },
			       { RUN_N, DB_GE, db_int(i->first_run), false }, { 0 } }) > 0;
}

static const char *const command_columns[] = { "id", "run_id", "command", "arguments", "status",
	"created_at", "acked_at", "result", "error" };

static int take_command(void *ctx, const struct db_value *v)
{
	struct import *i = ctx;
	struct db_value command = text(i, v[2], TEXT_MAX);
	if (!import_is_id(v[0]) || !command.text || !run_is_new(i, v[1]))
		return inserted(i, 0);
	bool pending = v[4].text && strcmp(v[4].text, "pending") == 0;
	return inserted(
		i, op_insert(i->c, DB_COMMANDS,
			   (struct db_set[]){ { COMMAND_ID, v[0] }, { COMMAND_RUN, v[1] },
				   { COMMAND_TEXT, command },
				   { COMMAND_ARGUMENTS, text(i, v[3], TEXT_MAX) },
				   { COMMAND_STATUS, db_text(pending ? "pending" : "completed") },
				   { COMMAND_CREATED_AT, import_time(v[5], now(i)) },
				   { COMMAND_ACKED_AT, import_time(v[6], db_null()) },
				   { COMMAND_RESULT, text(i, v[7], 65536) },
				   { COMMAND_ERROR, text(i, v[8], 65536) }, { 0 } }));
}

static const char *const event_columns[] = { "run_id", "type", "data", "step_id", "timestamp",
	"sequence" };

static int take_event(void *ctx, const struct db_value *v)
{
	struct import *i = ctx;
	struct db_value type = text(i, v[1], 50), data = text(i, v[2], DATA_MAX);
	if (!type.text || !run_is_new(i, v[0]))
		return inserted(i, 0);
	return inserted(i, op_insert(i->c, DB_EVENTS,
				   (struct db_set[]){ { EVENT_RUN, v[0] }, { EVENT_TYPE, type },
					   { EVENT_DATA, data.text ? data : db_text("") },
					   { EVENT_STEP, text(i, v[3], NAME_MAX_CHARACTERS) },
					   { EVENT_TIMESTAMP, import_time(v[4], now(i)) },
					   { EVENT_SEQUENCE, number(v[5]) }, { 0 } }));
}

static const char *const audit_columns[] = { "user_id", "action", "target_type", "target_id",
	"details", "ip_address", "created_at", "timestamp" };

static bool audit_is_there(struct import *i, const struct db_value *v, struct db_value at)
{
	return op_count(i->c, DB_AUDIT,
		       (struct db_where[]){ { AUDIT_AT, DB_EQ, at, false },
			       { AUDIT_ACTION, DB_EQ, v[1], false },
			       { AUDIT_USER, v[0].text ? DB_EQ : DB_IS_NULL, v[0], false },
			       { AUDIT_TARGET, v[3].text ? DB_EQ : DB_IS_NULL, v[3], false },
			       { 0 } }) > 0;
}

static int take_audit(void *ctx, const struct db_value *v)
{
	struct import *i = ctx;
	struct db_value at = import_time(v[6], import_time(v[7], db_int(0))), clean[6];
	for (size_t k = 0; k < ARRAY_LEN(clean); k++)
		clean[k] = text(i, v[k], TEXT_MAX);
	if (!clean[1].text || audit_is_there(i, clean, at))
		return inserted(i, 0);
	return inserted(
		i, op_insert(i->c, DB_AUDIT,
			   (struct db_set[]){ { AUDIT_AT, at }, { AUDIT_USER, clean[0] },
				   { AUDIT_ACTION, clean[1] }, { AUDIT_TARGET_TYPE, clean[2] },
				   { AUDIT_TARGET, clean[3] }, { AUDIT_DETAILS, clean[4] },
				   { AUDIT_ADDRESS, clean[5] }, { 0 } }));
}

#define KIND(name, table, columns, take)                                                           \
	{                                                                                          \
		name, table, columns, ARRAY_LEN(columns), take                                     \
	}

static const struct kind kinds[] = {
	KIND("users", "users", user_columns, take_user),
	KIND("clients", "clients", client_columns, take_client),
	KIND("runs", "runs", run_columns, take_run),
	KIND("commands", "commands", command_columns, take_command),
	KIND("events", "events", event_columns, take_event),
	KIND("audit", "audit_log", audit_columns, take_audit),
};

static int read_all(struct op_call *c, struct db_source *source)
{
	struct import i = { .c = c };
	struct json *counts = json_make_object();
	int err = OK;
	for (size_t k = 0; k < ARRAY_LEN(kinds) && !err; k++) {
		i.n = 0;
		if (db_source_has(source, kinds[k].table))
			err = db_source_read(source, kinds[k].table, kinds[k].columns,
				kinds[k].n_columns, kinds[k].take, &i);
		json_put_int(counts, kinds[k].name, i.n);
	}
	arena_fini(&i.row);
	/* A row that did not fit has left its reason there. */
	json_drop(c->answer);
	c->answer = counts;
	return err;
}

static int import(struct op_call *c)
{
	char error[DB_ERROR_MAX];
	struct db_source *source = db_source_open(op_text(c, "path"), error);
	if (!source)
		return op_fail(c, 400, error);
	if (!db_source_has(source, "runs") || !db_source_has(source, "users")) {
		db_source_close(source);
		return op_fail(c, 400, "This is no gateway's database: it has no users and runs");
	}
	int err = read_all(c, source);
	db_source_close(source);
	if (err)
		return op_fail(c, 400, "The file is damaged: nothing was imported");
	if (user_exists_admin(c))
		op_remove(c, DB_CODES,
			(struct db_where[]){
				{ CODE_KIND, DB_EQ, db_text("setup"), false }, { 0 } });
	op_audit(c, "import", "file", op_text(c, "path"), json_clone(json_of(c->answer)));
	return 200;
}

static const struct shape_field import_fields[] = {
	{ .name = "path", .type = SHAPE_TEXT, .min = 1, .max = 4000, .required = true },
};

const struct op ops_import[] = {
	{ "import", OP_LOCAL, OP_FIELDS(import_fields), NULL, import },
	{ 0 },
};
