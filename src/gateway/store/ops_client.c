#include <string.h>

#include "gateway/store/ops.h"
#include "gateway/store/principal.h"

enum { DEGRADED_S = 30, OFFLINE_S = 60, TOKEN_BYTES = 32 };

static const char *status_of(const struct op_call *c, const struct db_value *client)
{
	long long silent = c->now - client[CLIENT_SEEN_AT].i;
	if (client[CLIENT_SEEN_AT].kind == DB_NULL || silent > OFFLINE_S)
		return "offline";
	return silent > DEGRADED_S ? "degraded" : "online";
}

static void put_client(struct op_call *c, struct json *o, const struct db_value *client)
{
	op_put(o, "id", client[CLIENT_ID]);
	op_put(o, "display_name", client[CLIENT_NAME]);
	op_put(o, "agent_id", client[CLIENT_AGENT]);
	json_put_text(o, "status", status_of(c, client));
	op_put(o, "last_seen_at", client[CLIENT_SEEN_AT]);
	op_put(o, "version", client[CLIENT_VERSION]);
	op_put_json(o, "capabilities", client[CLIENT_CAPABILITIES], json_make_list());
	op_put_bool(o, "operator_enabled", client[CLIENT_ENABLED]);
	op_put(o, "created_at", client[CLIENT_CREATED_AT]);
}

static void notice(struct op_call *c, const struct db_value *client, const char *status)
{
	struct json *n = op_notice(c, "client_changed");
	op_put(n, "clientId", client[CLIENT_ID]);
	op_put(n, "agentId", client[CLIENT_AGENT]);
	json_put_text(n, "status", status);
}

static int client_create(struct op_call *c)
{
	char key[65];
	const char *id = op_new_id(c), *token = op_new_token(c, TOKEN_BYTES);
	principal_agent_key(token, key);
	if (!op_insert(c, DB_CLIENTS,
		    (struct db_set[]){ { CLIENT_ID, db_text(id) },
			    { CLIENT_NAME, db_text(op_text(c, "displayName")) },
			    { CLIENT_AGENT, db_text(op_text(c, "agentId")) },
			    { CLIENT_HASH, db_text(op_hash(c, token)) },
			    { CLIENT_KEY, db_text(key) }, { CLIENT_ENABLED, db_int(1) },
			    { CLIENT_CREATED_AT, db_int(c->now) }, { 0 } }))
		return op_fail(c, 400, "Agent ID already exists");
	json_put_text(c->answer, "id", id);
	json_put_text(c->answer, "token", token);
	op_audit(c, "client_create", "client", id, NULL);
	return 200;
}

static int client_list(struct op_call *c)
{
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_CLIENTS });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		struct json *o = json_make_object();
		put_client(c, o, rows.row[i]);
		json_add(list, o);
	}
	json_put(c->answer, "clients", list);
	return 200;
}

static const struct db_value *find_client(struct op_call *c)
{
	const struct db_value *client =
		op_find(c, DB_CLIENTS, CLIENT_ID, db_text(op_text(c, "id")));
	if (!client)
		op_fail(c, 404, "Client not found");
	return client;
}

static int client_update(struct op_call *c)
{
	const struct db_value *client = find_client(c);
	if (!client)
		return 404;
	const char *name = op_text(c, "displayName");
	bool enabled =
		json_bool(json_get(c->args, "operatorEnabled"), client[CLIENT_ENABLED].i != 0);
	op_update(c, DB_CLIENTS,
		(struct db_where[]){ { CLIENT_N, DB_EQ, client[CLIENT_N], false }, { 0 } },
		(struct db_set[]){ { CLIENT_NAME, name ? db_text(name) : client[CLIENT_NAME] },
			{ CLIENT_ENABLED, db_int(enabled) }, { 0 } });
	if (!enabled)
		op_revoked(c, "client", client[CLIENT_ID].text);
	client = find_client(c);
	if (!client)
		return 404;
	put_client(c, c->answer, client);
	notice(c, client, status_of(c, client));
	op_audit(c, "client_update", "client", client[CLIENT_ID].text, NULL);
	return 200;
}

static int client_delete(struct op_call *c)
{
	const struct db_value *client = find_client(c);
	if (!client)
		return 404;
	op_remove(c, DB_CLIENTS,
		(struct db_where[]){ { CLIENT_N, DB_EQ, client[CLIENT_N], false }, { 0 } });
	op_revoked(c, "client", client[CLIENT_ID].text);
	notice(c, client, "deleted");
	json_put_bool(c->answer, "ok", true);
	op_audit(c, "client_delete", "client", client[CLIENT_ID].text, NULL);
	return 200;
}

static int client_register(struct op_call *c)
{
	const struct db_value *client = c->who.client;
	op_update(c, DB_CLIENTS,
		(struct db_where[]){ { CLIENT_N, DB_EQ, client[CLIENT_N], false }, { 0 } },
		(struct db_set[]){ { CLIENT_NAME, db_text(op_text(c, "displayName")) },
			{ CLIENT_VERSION, db_text(op_text(c, "version")) },
			{ CLIENT_CAPABILITIES, op_stored_json(c, "capabilities") },
			{ CLIENT_SEEN_AT, db_int(c->now) }, { 0 } });
	op_put(c->answer, "id", client[CLIENT_ID]);
	json_put_bool(c->answer, "updated", true);
	notice(c, client, "online");
	return 200;
}

static int client_heartbeat(struct op_call *c)
{
	const struct db_value *client = c->who.client;
	op_update(c, DB_CLIENTS,
		(struct db_where[]){ { CLIENT_N, DB_EQ, client[CLIENT_N], false }, { 0 } },
		(struct db_set[]){ { CLIENT_SEEN_AT, db_int(c->now) }, { 0 } });
	if (strcmp(status_of(c, client), "online") != 0)
		notice(c, client, "online");
	json_put_bool(c->answer, "ok", true);
	json_put_int(c->answer, "timestamp", c->now);
	return 200;
}

static const struct shape_field create_fields[] = {
	{ .name = "displayName", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
	{ .name = "agentId", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
};
static const struct shape_field update_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
	{ .name = "displayName", .type = SHAPE_TEXT, .min = 1, .max = 200 },
	{ .name = "operatorEnabled", .type = SHAPE_BOOL },
};
static const struct shape_field delete_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
};
static const struct shape_field register_fields[] = {
	{ .name = "displayName", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
	{ .name = "agentId", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
	{ .name = "version", .type = SHAPE_TEXT, .max = 100 },
	{ .name = "capabilities", .type = SHAPE_TEXTS, .max = 64 },
};
static const struct shape_field heartbeat_fields[] = {
	{ .name = "agentId", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
};

const struct op ops_client[] = {
	{ "client.create", OP_OPERATOR, OP_FIELDS(create_fields), NULL, client_create },
	{ "client.list", OP_VIEWER, NULL, 0, NULL, client_list },
	{ "client.update", OP_OPERATOR, OP_FIELDS(update_fields), NULL, client_update },
	{ "client.delete", OP_ADMIN, OP_FIELDS(delete_fields), NULL, client_delete },
	{ "client.register", OP_SIGNED_CLIENT, OP_FIELDS(register_fields), NULL, client_register },
	{ "client.heartbeat", OP_SIGNED_CLIENT, OP_FIELDS(heartbeat_fields), NULL,
		client_heartbeat },
	{ 0 },
};
