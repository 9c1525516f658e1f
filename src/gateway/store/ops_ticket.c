#include <string.h>

#include "gateway/store/ops.h"
#include "gateway/store/principal.h"

/* Rights to open one channel: tickets of half a minute, and links that give tickets
 * for longer. */
enum { TICKET_S = 30, TOKEN_BYTES = 32, LINK_BYTES = 16, LINK_MIN_S = 60, LINK_MAX_S = 604800 };

static const char *const rights_names[] = { "view", "control", NULL };

int ticket_answer(struct op_call *c, const char *run, const char *rights, long long ttl_s,
	const char *user, const char *session, const char *link)
{
	const char *token = op_new_token(c, TOKEN_BYTES);
	const char *url = arena_print(&c->arena, "/ws/vnc/%s", run);
	op_insert(c, DB_TICKETS,
		(struct db_set[]){ { TICKET_ID, db_text(op_new_id(c)) },
			{ TICKET_HASH, db_text(op_hash(c, token)) }, { TICKET_RUN, db_text(run) },
			{ TICKET_RIGHTS, db_text(rights) }, { TICKET_USER, db_text(user) },
			{ TICKET_SESSION, db_text(session) }, { TICKET_LINK, db_text(link) },
			{ TICKET_EXPIRES_AT, db_int(c->now + ttl_s) }, { 0 } });
	json_put_text(c->answer, "ticket", token);
	json_put_text(c->answer, "runId", run);
	json_put_text(c->answer, "rights", rights);
	json_put_int(c->answer, "expiresAt", c->now + ttl_s);
	json_put_text(c->answer, "wsUrl", url);
	return 200;
}

static enum op_level level_for(const char *rights)
{
	return strcmp(rights, "control") == 0 ? LEVEL_OPERATOR : LEVEL_VIEWER;
}

static int ticket_create(struct op_call *c)
{
	const char *rights = op_text(c, "rights"), *id = op_text(c, "id");
	if (c->who.level < level_for(rights))
		return op_fail(c, 403, "Insufficient permissions");
	int status = run_judge_vnc(c, op_find(c, DB_RUNS, RUN_ID, db_text(id)));
	if (status)
		return status;
	op_audit(c, "ticket_create", "run", id, NULL);
	return ticket_answer(
		c, id, rights, op_int(c, "ttl", TICKET_S), c->who.user_id, c->who.session_id, NULL);
}

/* Whose right it was may have gone since: the account, its role, its session. */
static bool still_holds(
	struct op_call *c, struct db_value user_id, struct db_value session, const char *rights)
{
	if (strcmp(user_id.text, "local") == 0) {
		c->who.user_id = c->who.username = "local";
		return true;
	}
	if (session.text && !op_find(c, DB_SESSIONS, SESSION_ID, session))
		return false;
	return principal_set_user(c, op_find(c, DB_USERS, USER_ID, user_id)) &&
	       c->who.level >= level_for(rights);
}

/* A right one is taken at any time; only who is wrong is told to wait. */
static int refuse(struct op_call *c, const char *sentence)
{
	int wait = op_judge_source(c);
	op_failed_source(c);
	return wait ? wait : op_fail(c, 401, sentence);
}

static int ticket_redeem(struct op_call *c)
{
	const char *token = op_text(c, "ticket");
	const struct db_value *t = op_find(c, DB_TICKETS, TICKET_HASH, db_text(op_hash(c, token)));
	if (!t || t[TICKET_EXPIRES_AT].i <= c->now ||
		strcmp(t[TICKET_RUN].text, op_text(c, "runId")) != 0 ||
		!still_holds(c, t[TICKET_USER], t[TICKET_SESSION], t[TICKET_RIGHTS].text))
		return refuse(c, "Invalid or expired ticket");
	op_remove(c, DB_TICKETS,
		(struct db_where[]){ { TICKET_N, DB_EQ, t[TICKET_N], false }, { 0 } });
	struct json *user = json_make_object(), *grant = json_make_object();
	json_put_text(user, "id", c->who.user_id);
	json_put_text(user, "username", t[TICKET_LINK].text ? "a link" : c->who.username);
	op_put(grant, "ticket", t[TICKET_ID]);
	op_put(grant, "session", t[TICKET_SESSION]);
	op_put(grant, "user", t[TICKET_USER]);
	op_put(grant, "link", t[TICKET_LINK]);
	op_put(c->answer, "runId", t[TICKET_RUN]);
	op_put(c->answer, "rights", t[TICKET_RIGHTS]);
	json_put(c->answer, "user", user);
	json_put(c->answer, "grant", grant);
	op_audit(c, "channel_open", "run", t[TICKET_RUN].text, NULL);
	return 200;
}

static int link_create(struct op_call *c)
{
	const char *id = op_text(c, "id"), *code = op_new_token(c, LINK_BYTES);
	const char *link = op_new_id(c);
	long long at = c->now + op_int(c, "ttl", LINK_MIN_S);
	int status = run_judge_vnc(c, op_find(c, DB_RUNS, RUN_ID, db_text(id)));
	if (status)
		return status;
	op_insert(c, DB_LINKS,
		(struct db_set[]){ { LINK_ID, db_text(link) },
			{ LINK_HASH, db_text(op_hash(c, code)) }, { LINK_RUN, db_text(id) },
			{ LINK_RIGHTS, db_text(op_text(c, "rights")) },
			{ LINK_USER, db_text(c->who.user_id) }, { LINK_CREATED_AT, db_int(c->now) },
			{ LINK_EXPIRES_AT, db_int(at) }, { 0 } });
	json_put_text(c->answer, "link", link);
	json_put_text(c->answer, "code", code);
	json_put_int(c->answer, "expiresAt", at);
	op_audit(c, "link_create", "run", id, NULL);
	return 200;
}

static int link_list(struct op_call *c)
{
	static const int columns[] = { LINK_ID, LINK_RUN, LINK_RIGHTS, LINK_USER, LINK_CREATED_AT,
		LINK_EXPIRES_AT };
	const struct db_where where[] = { { LINK_RUN, DB_EQ, db_text(op_text(c, "id")), false },
		{ LINK_EXPIRES_AT, DB_GT, db_int(c->now), false }, { 0 } };
	struct db_rows rows = op_select(c,
		&(struct db_query){ .table = DB_LINKS, .where = where, .max_bytes = 1024 * 1024 });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		struct json *o = json_make_object();
		for (size_t k = 0; k < ARRAY_LEN(columns); k++)
			op_put(o, db_schema[DB_LINKS].columns[columns[k]].name,
				rows.row[i][columns[k]]);
		json_add(list, o);
	}
	json_put(c->answer, "links", list);
	return 200;
}

static int link_delete(struct op_call *c)
{
	const char *id = op_text(c, "link"), *run = op_text(c, "id");
	const struct db_where this_one[] = { { LINK_ID, DB_EQ, db_text(id), false },
		{ LINK_RUN, run ? DB_EQ : DB_END, db_text(run), false }, { 0 } };
	if (!op_remove(c, DB_LINKS, this_one))
		return op_fail(c, 404, "Link not found");
	op_remove(c, DB_TICKETS,
		(struct db_where[]){ { TICKET_LINK, DB_EQ, db_text(id), false }, { 0 } });
	op_revoked(c, "link", id);
	json_put_bool(c->answer, "ok", true);
	op_audit(c, "link_delete", "link", id, NULL);
	return 200;
}

static int link_ticket(struct op_call *c)
{
	const struct db_value *link =
		op_find(c, DB_LINKS, LINK_HASH, db_text(op_hash(c, op_text(c, "code"))));
	if (!link || link[LINK_EXPIRES_AT].i <= c->now ||
		!still_holds(c, link[LINK_USER], db_null(), link[LINK_RIGHTS].text))
		return refuse(c, "Invalid or expired link");
	return ticket_answer(c, link[LINK_RUN].text, link[LINK_RIGHTS].text, TICKET_S,
		link[LINK_USER].text, NULL, link[LINK_ID].text);
}

#define ID_FIELD                                                                                   \
	{                                                                                          \
		.name = "id", .type = SHAPE_ID, .required = true                                   \
	}
#define RIGHTS_FIELD                                                                               \
	{                                                                                          \
		.name = "rights", .type = SHAPE_TEXT, .choices = rights_names, .required = true    \
	}

static const struct shape_field create_fields[] = {
	ID_FIELD,
	RIGHTS_FIELD,
	{ .name = "ttl", .type = SHAPE_INT, .min = 1, .max = TICKET_S, .loose = true },
};
static const struct shape_field redeem_fields[] = {
	{ .name = "ticket", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
	{ .name = "runId", .type = SHAPE_ID, .required = true },
};
static const struct shape_field link_fields[] = {
	ID_FIELD,
	RIGHTS_FIELD,
	{ .name = "ttl",
		.type = SHAPE_INT,
		.min = LINK_MIN_S,
		.max = LINK_MAX_S,
		.required = true },
};
static const struct shape_field list_fields[] = { ID_FIELD };
static const struct shape_field delete_fields[] = {
	{ .name = "id", .type = SHAPE_ID },
	{ .name = "link", .type = SHAPE_ID, .required = true },
};
static const struct shape_field code_fields[] = {
	{ .name = "code", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
};

const struct op ops_ticket[] = {
	{ "ticket.create", OP_VIEWER, OP_FIELDS(create_fields), NULL, ticket_create },
	{ "ticket.redeem", OP_NOBODY, OP_FIELDS(redeem_fields), NULL, ticket_redeem },
	{ "link.create", OP_OPERATOR, OP_FIELDS(link_fields), NULL, link_create },
	{ "link.list", OP_OPERATOR, OP_FIELDS(list_fields), NULL, link_list },
	{ "link.delete", OP_OPERATOR, OP_FIELDS(delete_fields), NULL, link_delete },
	{ "link.ticket", OP_NOBODY, OP_FIELDS(code_fields), NULL, link_ticket },
	{ 0 },
};
