#include <string.h>

#include "gateway/store/ops.h"

enum { WAITING_MAX = 100 };

static const char start[] = "__START_VNC_STREAM__", stop[] = "__STOP__";

static const struct db_value *find_waiting(struct op_call *c, struct db_value run, const char *text)
{
	return op_find_where(c, DB_COMMANDS,
		(struct db_where[]){ { COMMAND_RUN, DB_EQ, run, false },
			{ COMMAND_STATUS, DB_EQ, db_text("pending"), false },
			{ COMMAND_TEXT, DB_EQ, db_text(text), false }, { 0 } });
}

static bool has_ended(const struct db_value *run)
{
	return strcmp(run[RUN_STATUS].text, "done") == 0 ||
	       strcmp(run[RUN_STATUS].text, "failed") == 0;
}

/* A STOP for a run that has ended would end the next runner that begins it anew. */
static int judge_command(struct op_call *c, const struct db_value *run, const char *text)
{
	if (strcmp(text, start) == 0)
		return run_judge_vnc(c, run);
	if (strcmp(text, stop) == 0 && has_ended(run))
		return op_fail(c, 409, "The run has ended already");
	if (op_count(c, DB_COMMANDS,
		    (struct db_where[]){ { COMMAND_RUN, DB_EQ, run[RUN_ID], false },
			    { COMMAND_STATUS, DB_EQ, db_text("pending"), false }, { 0 } }) >=
		WAITING_MAX)
		return op_fail(c, 409, "Too many commands wait already");
	return 0;
}

static int run_command(struct op_call *c)
{
	const struct db_value *run = run_by_id(c, op_text(c, "id"));
	const char *text = op_text(c, "command");
	if (!run)
		return 404;
	int status = judge_command(c, run, text);
	if (status)
		return status;
	json_put_bool(c->answer, "ok", true);
	const struct db_value *waiting = find_waiting(c, run[RUN_ID], text);
	if (waiting && (strcmp(text, start) == 0 || strcmp(text, stop) == 0)) {
		op_put(c->answer, "commandId", waiting[COMMAND_ID]);
		return 200;
	}
	const char *id = op_new_id(c);
	op_insert(c, DB_COMMANDS,
		(struct db_set[]){ { COMMAND_ID, db_text(id) }, { COMMAND_RUN, run[RUN_ID] },
			{ COMMAND_TEXT, db_text(text) }, { COMMAND_STATUS, db_text("pending") },
			{ COMMAND_CREATED_AT, db_int(c->now) }, { 0 } });
	json_put_text(c->answer, "commandId", id);
	struct json *n = op_notice(c, "command_queued");
	op_put(n, "runId", run[RUN_ID]);
	json_put_text(n, "commandId", id);
	json_put_text(n, "command", text);
	op_audit(c, strcmp(text, stop) == 0 ? "run_stop" : "run_command", "run", run[RUN_ID].text,
		NULL);
	return 200;
}

static bool was_delivered_here(const struct op_call *c, const struct db_value *command)
{
	return command[COMMAND_DELIVERED_TO].text &&
	       strcmp(command[COMMAND_DELIVERED_TO].text, c->asked.address) == 0;
}

static int run_commands(struct op_call *c)
{
	const struct db_where where[] = { { COMMAND_RUN, DB_EQ, c->who.run[RUN_ID], false },
		{ COMMAND_STATUS, DB_EQ, db_text("pending"), false }, { 0 } };
	struct db_rows rows = op_select(c,
		&(struct db_query){ .table = DB_COMMANDS, .where = where, .limit = WAITING_MAX });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		const struct db_value *command = rows.row[i];
		struct json *o = json_make_object();
		op_put(o, "id", command[COMMAND_ID]);
		op_put(o, "command", command[COMMAND_TEXT]);
		op_put(o, "created_at", command[COMMAND_CREATED_AT]);
		json_add(list, o);
		if (was_delivered_here(c, command))
			continue;
		op_update(c, DB_COMMANDS,
			(struct db_where[]){
				{ COMMAND_N, DB_EQ, command[COMMAND_N], false }, { 0 } },
			(struct db_set[]){ { COMMAND_DELIVERED_AT, db_int(c->now) },
				{ COMMAND_DELIVERED_TO, db_text(c->asked.address) }, { 0 } });
	}
	json_put(c->answer, "commands", list);
	run_renew_claim(c);
	return 200;
}

static void complete(struct op_call *c, const struct db_value *command, struct db_value result,
	struct db_value error)
{
	op_update(c, DB_COMMANDS,
		(struct db_where[]){ { COMMAND_N, DB_EQ, command[COMMAND_N], false }, { 0 } },
		(struct db_set[]){ { COMMAND_STATUS, db_text("completed") },
			{ COMMAND_ACKED_AT, db_int(c->now) }, { COMMAND_RESULT, result },
			{ COMMAND_ERROR, error }, { 0 } });
	struct json *n = op_notice(c, "command_completed");
	op_put(n, "runId", command[COMMAND_RUN]);
	op_put(n, "commandId", command[COMMAND_ID]);
	op_put(n, "command", command[COMMAND_TEXT]);
	op_put(n, "result", result);
	op_put(n, "error", error);
}

void command_end(struct op_call *c, const char *run, bool delivered_stops, const char *error)
{
	const struct db_where all[] = { { COMMAND_RUN, DB_EQ, db_text(run), false },
		{ COMMAND_STATUS, DB_EQ, db_text("pending"), false },
		{ COMMAND_TEXT, delivered_stops ? DB_EQ : DB_END, db_text(stop), false },
		{ COMMAND_DELIVERED_AT, DB_NOT_NULL, db_null(), false }, { 0 } };
	struct db_rows rows =
		op_select(c, &(struct db_query){ .table = DB_COMMANDS, .where = all });
	for (size_t i = 0; i < rows.n; i++)
		complete(c, rows.row[i], db_null(), db_text(error));
}

static int run_ack(struct op_call *c)
{
	const struct db_value *command =
		op_find(c, DB_COMMANDS, COMMAND_ID, db_text(op_text(c, "commandId")));
	if (!command || strcmp(command[COMMAND_RUN].text, c->who.run[RUN_ID].text) != 0)
		return op_fail(c, 404, "Command not found");
	json_put_bool(c->answer, "ok", true);
	if (strcmp(command[COMMAND_STATUS].text, "pending") == 0)
		complete(c, command, db_text(op_text(c, "result")), db_text(op_text(c, "error")));
	return 200;
}

static const struct shape_field command_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
	{ .name = "command", .type = SHAPE_TEXT, .min = 1, .max = 8192, .required = true },
};
static const struct shape_field commands_fields[] = {
	{ .name = "id", .type = SHAPE_ID },
};
static const struct shape_field ack_fields[] = {
	{ .name = "id", .type = SHAPE_ID },
	{ .name = "commandId", .type = SHAPE_ID, .required = true },
	{ .name = "result", .type = SHAPE_TEXT, .max = 65536 },
	{ .name = "error", .type = SHAPE_TEXT, .max = 65536 },
};

const struct op ops_command[] = {
	{ "run.command", OP_OPERATOR, OP_FIELDS(command_fields), NULL, run_command },
	{ "run.commands", OP_SIGNED_RUN, OP_FIELDS(commands_fields), NULL, run_commands },
	{ "run.ack", OP_SIGNED_RUN, OP_FIELDS(ack_fields), NULL, run_ack },
	{ 0 },
};
