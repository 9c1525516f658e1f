#include <string.h>

#include "gateway/store/ops.h"

/* The conditions from the arguments that are there. */
static const struct db_where *list_where(struct op_call *c)
{
	enum { CONDITIONS = 8 };
	struct db_where *w = arena_take(&c->arena, CONDITIONS * sizeof(*w));
	size_t n = 0;
	if (!w) {
		c->db_error = ERR_NOMEM;
		return NULL;
	}
	if (op_text(c, "action"))
		w[n++] = (struct db_where){ AUDIT_ACTION, DB_EQ, db_text(op_text(c, "action")),
			false };
	if (op_text(c, "user")) {
		struct db_value user = db_text(op_text(c, "user"));
		w[n++] = (struct db_where){ AUDIT_USER, DB_EQ, user, true };
		w[n++] = (struct db_where){ AUDIT_NAME, DB_EQ, user, false };
	}
	if (op_text(c, "target"))
		w[n++] = (struct db_where){ AUDIT_TARGET, DB_EQ, db_text(op_text(c, "target")),
			false };
	if (op_has(c, "from"))
		w[n++] = (struct db_where){ AUDIT_AT, DB_GE, db_int(op_int(c, "from", 0)), false };
	if (op_has(c, "to"))
		w[n++] = (struct db_where){ AUDIT_AT, DB_LE, db_int(op_int(c, "to", 0)), false };
	w[n] = (struct db_where){ 0 };
	return w;
}

static int audit_list(struct op_call *c)
{
	static const int columns[] = { AUDIT_AT, AUDIT_USER, AUDIT_NAME, AUDIT_ACTION,
		AUDIT_TARGET_TYPE, AUDIT_TARGET, AUDIT_ADDRESS };
	const struct db_where *where = list_where(c);
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_AUDIT,
						   .where = where,
						   .descending = true,
						   .limit = op_int(c, "limit", 50),
						   .offset = op_int(c, "offset", 0),
						   .max_bytes = 1024 * 1024 });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		const struct db_value *row = rows.row[i];
		struct json *o = json_make_object();
		op_put(o, "id", row[AUDIT_N]);
		for (size_t k = 0; k < ARRAY_LEN(columns); k++)
			op_put(o, db_schema[DB_AUDIT].columns[columns[k]].name, row[columns[k]]);
		op_put_json(o, "details", row[AUDIT_DETAILS], json_make_null());
		json_add(list, o);
	}
	json_put(c->answer, "entries", list);
	page_put(c, (long long)rows.n, op_count(c, DB_AUDIT, where));
	return 200;
}

static const struct shape_field list_fields[] = {
	{ .name = "limit", .type = SHAPE_INT, .min = 1, .max = 1000, .loose = true },
	{ .name = "offset", .type = SHAPE_INT, .max = 1000000000, .loose = true },
	{ .name = "action", .type = SHAPE_TEXT, .max = 100 },
	{ .name = "user", .type = SHAPE_TEXT, .max = 254 },
	{ .name = "target", .type = SHAPE_TEXT, .max = 200 },
	{ .name = "from", .type = SHAPE_INT, .max = 1LL << 40, .loose = true },
	{ .name = "to", .type = SHAPE_INT, .max = 1LL << 40, .loose = true },
};

const struct op ops_audit[] = {
	{ "audit.list", OP_ADMIN, OP_FIELDS(list_fields), NULL, audit_list },
	{ 0 },
};
