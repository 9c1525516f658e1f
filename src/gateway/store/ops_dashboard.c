#include <string.h>

#include "gateway/store/ops.h"

enum { SHOWN = 20, LATELY_S = 24 * 60 * 60, ALIVE_S = 60 };

static long long count_runs(struct op_call *c, const char *status)
{
	return op_count(c, DB_RUNS,
		(struct db_where[]){ { RUN_STATUS, DB_EQ, db_text(status), false }, { 0 } });
}

static struct json *run_counts(struct op_call *c)
{
	static const char *const statuses[] = { "pending", "running", "done", "failed" };
	struct json *o = json_make_object();
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		json_put_int(o, statuses[i], count_runs(c, statuses[i]));
	return o;
}

static long long count_online(struct op_call *c)
{
	return op_count(c, DB_CLIENTS,
		(struct db_where[]){
			{ CLIENT_SEEN_AT, DB_GE, db_int(c->now - ALIVE_S), false }, { 0 } });
}

static struct json *runs_where(struct op_call *c, const struct db_where *where)
{
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_RUNS,
						   .where = where,
						   .descending = true,
						   .order = RUN_CREATED_AT,
						   .limit = SHOWN,
						   .max_bytes = 256 * 1024 });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++)
		json_add(list, run_object(rows.row[i]));
	return list;
}

/* What happened lately, without who did it from where: that is the audit log's. */
static struct json *activity(struct op_call *c)
{
	struct db_rows rows = op_select(
		c, &(struct db_query){ .table = DB_AUDIT,
			   .descending = true,
			   .limit = SHOWN,
			   .where = (struct db_where[]){
				   { AUDIT_TARGET_TYPE, DB_EQ, db_text("run"), false }, { 0 } } });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		struct json *o = json_make_object();
		op_put(o, "id", rows.row[i][AUDIT_N]);
		op_put(o, "action", rows.row[i][AUDIT_ACTION]);
		op_put(o, "runId", rows.row[i][AUDIT_TARGET]);
		op_put(o, "timestamp", rows.row[i][AUDIT_AT]);
		json_add(list, o);
	}
	return list;
}

static int dashboard(struct op_call *c)
{
	struct json *stats = run_counts(c);
	json_put_int(stats, "clients", op_count(c, DB_CLIENTS, NULL));
	json_put_int(stats, "clientsOnline", count_online(c));
	json_put(c->answer, "stats", stats);
	json_put(c->answer, "activity", activity(c));
	json_put(c->answer, "activeRuns",
		runs_where(c, (struct db_where[]){
				      { RUN_STATUS, DB_EQ, db_text("running"), false }, { 0 } }));
	json_put(c->answer, "needsAttention",
		runs_where(c, (struct db_where[]){ { RUN_STATUS, DB_EQ, db_text("failed"), false },
				      { RUN_FINISHED_AT, DB_GE, db_int(c->now - LATELY_S), false },
				      { 0 } }));
	return 200;
}

static int counts(struct op_call *c)
{
	json_put(c->answer, "runs", run_counts(c));
	json_put_int(c->answer, "clients", op_count(c, DB_CLIENTS, NULL));
	json_put_int(c->answer, "clients_online", count_online(c));
	json_put_int(c->answer, "users", op_count(c, DB_USERS, NULL));
	json_put_int(c->answer, "sessions", op_count(c, DB_SESSIONS, NULL));
	json_put_int(c->answer, "commands_waiting",
		op_count(c, DB_COMMANDS,
			(struct db_where[]){
				{ COMMAND_STATUS, DB_EQ, db_text("pending"), false }, { 0 } }));
	return 200;
}

const struct op ops_dashboard[] = {
	{ "dashboard", OP_VIEWER, NULL, 0, NULL, dashboard },
	{ "counts", OP_GATEWAY, NULL, 0, NULL, counts },
	{ 0 },
};
