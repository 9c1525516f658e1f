#include <string.h>
#include <time.h>

#include "gateway/store/ops.h"

/* Runs as CloudAPI shows machines: those with a screen are listed; one without can be
 * asked for, and is of a brand that has no console. */

static const char *state_of(const struct db_value *run)
{
	static const char *const states[][2] = { { "pending", "provisioning" },
		{ "running", "running" }, { "done", "stopped" } };
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(run[RUN_STATUS].text, states[i][0]) == 0)
			return states[i][1];
	return "failed";
}

static void put_time(struct json *o, const char *key, long long at)
{
	char text[32];
	struct tm tm;
	time_t when = (time_t)at;
	if (gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &tm))
		json_put_text(o, key, text);
}

static void put_machine(struct json *o, const struct db_value *run)
{
	op_put(o, "id", run[RUN_MACHINE]);
	op_put(o, "name",
		run[RUN_LABEL].text && run[RUN_LABEL].text[0] ? run[RUN_LABEL] : run[RUN_ID]);
	json_put_text(o, "type", "virtualmachine");
	const char *type = run[RUN_WORKER_TYPE].text;
	bool has_screen = type && strcmp(type, "vnc") == 0;
	json_put_text(o, "brand", has_screen ? "bhyve" : "joyent");
	json_put_text(o, "state", state_of(run));
	if (has_screen)
		op_put(o, "runId", run[RUN_ID]);
	/* Runs have none of these, but who shows machines asks for them. */
	json_put_text(o, "image", "00000000-0000-0000-0000-000000000000");
	json_put(o, "ips", json_make_list());
	json_put(o, "networks", json_make_list());
	put_time(o, "created", run[RUN_CREATED_AT].i);
	put_time(o, "updated",
		run[RUN_FINISHED_AT].i  ? run[RUN_FINISHED_AT].i
		: run[RUN_STARTED_AT].i ? run[RUN_STARTED_AT].i
					: run[RUN_CREATED_AT].i);
}

static int machine_list(struct op_call *c)
{
	struct db_value name = db_text(op_text(c, "name"));
	const struct db_where where[] = { { RUN_WORKER_TYPE, DB_EQ, db_text("vnc"), false },
		{ RUN_LABEL, name.text ? DB_EQ : DB_END, name, true },
		{ RUN_ID, DB_EQ, name, false }, { 0 } };
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_RUNS,
						   .where = where,
						   .descending = true,
						   .order = RUN_CREATED_AT,
						   .limit = op_int(c, "limit", 1000),
						   .offset = op_int(c, "offset", 0) });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		struct json *o = json_make_object();
		put_machine(o, rows.row[i]);
		json_add(list, o);
	}
	json_put(c->answer, "machines", list);
	json_put_int(c->answer, "total", op_count(c, DB_RUNS, where));
	json_put_int(c->answer, "limit", op_int(c, "limit", 1000));
	return 200;
}

static int machine_get(struct op_call *c)
{
	struct db_value id = db_text(op_text(c, "id"));
	const struct db_value *run = op_find_where(c, DB_RUNS,
		(struct db_where[]){
			{ RUN_MACHINE, DB_EQ, id, true }, { RUN_ID, DB_EQ, id, false }, { 0 } });
	if (!run)
		return op_fail(c, 404, "Machine not found");
	put_machine(c->answer, run);
	return 200;
}

static const struct shape_field list_fields[] = {
	{ .name = "name", .type = SHAPE_TEXT, .min = 1, .max = 200 },
	{ .name = "limit", .type = SHAPE_INT, .min = 1, .max = 1000, .loose = true },
	{ .name = "offset", .type = SHAPE_INT, .max = 1000000000, .loose = true },
};
static const struct shape_field get_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
};

const struct op ops_machine[] = {
	{ "machine.list", OP_VIEWER, OP_FIELDS(list_fields), NULL, machine_list },
	{ "machine.get", OP_VIEWER, OP_FIELDS(get_fields), NULL, machine_get },
	{ 0 },
};
