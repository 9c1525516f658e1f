#include <string.h>

#include "gateway/store/ops.h"
#include "gateway/store/redact.h"

/* The newest so many are kept of a run; older ones go when one in EVENTS_STEP is
 * added. */
enum { EVENTS_KEPT = 100000, EVENTS_STEP = 1024, DATA_MAX = 256 * 1024, LIST_BYTES = 1024 * 1024 };

static const char *const types[] = { "stdout", "stderr", "marker", "info", "error", "assist",
	"prompt_waiting", "prompt_resolved", "tool_use", NULL };

struct marker {
	bool started, finished;
	long long exit_code;
};

/* Data that is no JSON is a marker that means nothing here. */
static struct marker parse_marker(const char *type, const char *data)
{
	char problem[JSON_PROBLEM_MAX];
	struct marker m = { 0 };
	if (strcmp(type, "marker") != 0)
		return m;
	struct json *j = json_parse(data, strlen(data), problem);
	const char *event = json_get_text(json_of(j), "event");
	m.started = event && strcmp(event, "started") == 0;
	m.finished = event && strcmp(event, "finished") == 0;
	m.exit_code = json_int(json_get(json_of(j), "exitCode"), 1);
	json_drop(j);
	return m;
}

static long long newest_event(struct op_call *c, struct db_value run)
{
	struct db_rows rows = op_select(c,
		&(struct db_query){ .table = DB_EVENTS,
			.descending = true,
			.limit = 1,
			.where = (struct db_where[]){ { EVENT_RUN, DB_EQ, run, false }, { 0 } } });
	return rows.n > 0 ? rows.row[0][EVENT_N].i : 0;
}

/* The event that had this sequence before; 0: none. A runner that begins anew
 * counts from 0 again, so what was before the last start does not count, and a
 * start counts as seen only while nothing has followed it. */
static long long find_seen(struct op_call *c, const struct marker *m)
{
	const struct db_value *run = c->who.run;
	const struct db_value *seen = op_find_where(c, DB_EVENTS,
		(struct db_where[]){ { EVENT_RUN, DB_EQ, run[RUN_ID], false },
			{ EVENT_SEQUENCE, DB_EQ, db_int(op_int(c, "sequence", 0)), false },
			{ EVENT_N, DB_GE, db_int(run[RUN_STARTED_EVENT].i), false }, { 0 } });
	if (!seen)
		return 0;
	long long n = seen[EVENT_N].i;
	return m->started && newest_event(c, run[RUN_ID]) != n ? 0 : n;
}

static void apply_marker(struct op_call *c, const struct marker *m, long long event)
{
	const struct db_value *run = c->who.run;
	if (m->started) {
		command_end(c, run[RUN_ID].text, true, "The runner was started anew");
		run_set(c, run,
			(struct db_set[]){ { RUN_STATUS, db_text("running") },
				{ RUN_STARTED_AT, db_int(c->now) }, { RUN_FINISHED_AT, db_null() },
				{ RUN_EXIT_CODE, db_null() }, { RUN_ERROR, db_null() },
				{ RUN_STARTED_EVENT, db_int(event) }, { 0 } });
	}
	if (m->finished) {
		command_end(c, run[RUN_ID].text, false, "The run has ended");
		run_set(c, run,
			(struct db_set[]){
				{ RUN_STATUS, db_text(m->exit_code == 0 ? "done" : "failed") },
				{ RUN_FINISHED_AT, db_int(c->now) },
				{ RUN_EXIT_CODE, db_int(m->exit_code) }, { 0 } });
	}
}

static void drop_old(struct op_call *c, struct db_value run)
{
	const struct db_where theirs[] = { { EVENT_RUN, DB_EQ, run, false }, { 0 } };
	if (op_count(c, DB_EVENTS, theirs) <= EVENTS_KEPT)
		return;
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_EVENTS,
						   .where = theirs,
						   .descending = true,
						   .offset = EVENTS_KEPT,
						   .limit = 1 });
	if (rows.n > 0)
		op_remove(c, DB_EVENTS,
			(struct db_where[]){ theirs[0],
				{ EVENT_N, DB_LE, rows.row[0][EVENT_N], false }, { 0 } });
}

static void put_event(struct json *o, const char *type, const char *data, long long n, long long at,
	struct db_value sequence)
{
	json_put_int(o, "id", n);
	json_put_text(o, "type", type);
	json_put_text(o, "data", data);
	json_put_int(o, "timestamp", at);
	op_put(o, "sequence", sequence);
}

static int answer_event(struct op_call *c, long long n)
{
	json_put_bool(c->answer, "ok", true);
	json_put_int(c->answer, "eventId", n);
	return 200;
}

static int event_add(struct op_call *c)
{
	const char *type = op_text(c, "type"), *data = op_text(c, "data");
	struct marker m = parse_marker(type, data);
	struct db_value run = c->who.run[RUN_ID], sequence = db_null();
	if (op_has(c, "sequence")) {
		sequence = db_int(op_int(c, "sequence", 0));
		long long seen = find_seen(c, &m);
		if (seen)
			return answer_event(c, seen);
	}
	data = redact_text(&c->arena, data);
	if (!data) {
		c->db_error = ERR_NOMEM;
		return 503;
	}
	long long n = op_insert(c, DB_EVENTS,
		(struct db_set[]){ { EVENT_RUN, run }, { EVENT_TYPE, db_text(type) },
			{ EVENT_DATA, db_text(data) }, { EVENT_TIMESTAMP, db_int(c->now) },
			{ EVENT_SEQUENCE, sequence }, { 0 } });
	struct json *notice = op_notice(c, "event");
	op_put(notice, "runId", run);
	put_event(notice, type, data, n, c->now, sequence);
	apply_marker(c, &m, n);
	if (n % EVENTS_STEP == 0)
		drop_old(c, run);
	return answer_event(c, n);
}

static int event_list(struct op_call *c)
{
	const struct db_value *run = run_by_id(c, op_text(c, "id"));
	if (!run)
		return 404;
	struct db_rows rows = op_select(
		c, &(struct db_query){ .table = DB_EVENTS,
			   .limit = op_int(c, "limit", 1000),
			   .max_bytes = LIST_BYTES,
			   .where = (struct db_where[]){ { EVENT_RUN, DB_EQ, run[RUN_ID], false },
				   { EVENT_N, DB_GT, db_int(op_int(c, "after", 0)), false },
				   { 0 } } });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		const struct db_value *e = rows.row[i];
		struct json *o = json_make_object();
		put_event(o, e[EVENT_TYPE].text, e[EVENT_DATA].text, e[EVENT_N].i,
			e[EVENT_TIMESTAMP].i, e[EVENT_SEQUENCE]);
		json_add(list, o);
	}
	json_put(c->answer, "events", list);
	return 200;
}

static const struct shape_field add_fields[] = {
	{ .name = "id", .type = SHAPE_ID },
	{ .name = "type", .type = SHAPE_TEXT, .choices = types, .required = true },
	{ .name = "data", .type = SHAPE_TEXT, .max = DATA_MAX, .required = true },
	{ .name = "sequence", .type = SHAPE_INT, .max = 1LL << 53 },
};
static const struct shape_field list_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
	{ .name = "after", .type = SHAPE_INT, .max = 1LL << 53, .loose = true },
	{ .name = "limit", .type = SHAPE_INT, .min = 1, .max = 1000, .loose = true },
};

const struct op ops_event[] = {
	{ "event.add", OP_SIGNED_RUN, OP_FIELDS(add_fields), NULL, event_add },
	{ "event.list", OP_VIEWER, OP_FIELDS(list_fields), NULL, event_list },
	{ 0 },
};
