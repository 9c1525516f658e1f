#include "tunnel/tunnel_control.h"

#include <stdio.h>
#include <string.h>

#include "base/shape.h"

enum { REASON_MAX = 123, USER_MAX = 254, KINDS_MAX = 32, COMMAND_MAX = 10000 };

static const char *const rights_names[] = { "view", "control", NULL };
static const char *const protocols[] = { TUNNEL_RAW_PROTOCOL, TUNNEL_RESUME_PROTOCOL, NULL };

static const struct shape_field hello[] = {
	{ .name = "version", .type = SHAPE_INT, .min = 1, .max = 1000, .required = true },
	{ .name = "kinds", .type = SHAPE_TEXTS, .max = KINDS_MAX, .required = true },
	{ .name = "agent", .type = SHAPE_TEXT, .max = 100, .required = true },
};
static const struct shape_field refused[] = {
	{ .name = "channel", .type = SHAPE_ID, .required = true },
	{ .name = "reason", .type = SHAPE_TEXT, .max = REASON_MAX, .required = true },
};
static const struct shape_field opening[] = {
	{ .name = "channel", .type = SHAPE_ID, .required = true },
	{ .name = "kind", .type = SHAPE_TEXT, .min = 1, .max = 50, .required = true },
	{ .name = "rights",
		.type = SHAPE_TEXT,
		.max = 10,
		.required = true,
		.choices = rights_names },
	{ .name = "user", .type = SHAPE_TEXT, .max = USER_MAX, .required = true },
	{ .name = "grant", .type = SHAPE_ID, .required = true },
	{ .name = "protocol",
		.type = SHAPE_TEXT,
		.max = 50,
		.required = true,
		.choices = protocols },
};
static const struct shape_field rights[] = {
	{ .name = "channel", .type = SHAPE_ID, .required = true },
	{ .name = "rights",
		.type = SHAPE_TEXT,
		.max = 10,
		.required = true,
		.choices = rights_names },
};
static const struct shape_field revoke[] = {
	{ .name = "grant", .type = SHAPE_ID, .required = true },
};
static const struct shape_field command[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
	{ .name = "command", .type = SHAPE_TEXT, .max = COMMAND_MAX, .required = true },
};

static const struct row {
	const char *name;
	enum tunnel_message_type type;
	enum tunnel_side from;
	struct shape shape;
} rows[] = {
	{ "hello", TUNNEL_HELLO, TUNNEL_FROM_AGENT, { hello, ARRAY_LEN(hello) } },
	{ "refused", TUNNEL_REFUSED, TUNNEL_FROM_AGENT, { refused, ARRAY_LEN(refused) } },
	{ "open", TUNNEL_OPEN, TUNNEL_FROM_GATEWAY, { opening, ARRAY_LEN(opening) } },
	{ "close", TUNNEL_CLOSE, TUNNEL_FROM_GATEWAY, { refused, ARRAY_LEN(refused) } },
	{ "rights", TUNNEL_RIGHTS, TUNNEL_FROM_GATEWAY, { rights, ARRAY_LEN(rights) } },
	{ "revoke", TUNNEL_REVOKE, TUNNEL_FROM_GATEWAY, { revoke, ARRAY_LEN(revoke) } },
	{ "command", TUNNEL_COMMAND, TUNNEL_FROM_GATEWAY, { command, ARRAY_LEN(command) } },
};

const char *tunnel_rights_text(enum tunnel_rights r)
{
	return rights_names[r];
}

static const struct row *find_row(const char *name, enum tunnel_side from)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].from == from && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* What the shape has let through. */
static void take_members(struct tunnel_message *m, struct json *tree)
{
	struct json_ref of = json_of(tree);
	const char *rights_name = json_get_text(of, "rights");
	m->tree = tree;
	m->version = (int)json_int(json_get(of, "version"), 0);
	m->kinds = json_get(of, "kinds");
	m->agent = json_get_text(of, "agent");
	m->channel = json_get_text(of, "channel");
	m->grant = json_get_text(of, "grant");
	m->id = json_get_text(of, "id");
	m->kind = json_get_text(of, "kind");
	m->protocol = json_get_text(of, "protocol");
	m->user = json_get_text(of, "user");
	m->rights =
		rights_name && strcmp(rights_name, "control") == 0 ? TUNNEL_CONTROL : TUNNEL_VIEW;
	m->reason = json_get_text(of, "reason");
	m->command = json_get_text(of, "command");
}

static int take_message(struct json_ref from_peer, enum tunnel_side from,
	struct tunnel_message *out, char problem[TUNNEL_PROBLEM_MAX])
{
	const char *name = json_get_text(from_peer, "type");
	if (!name) {
		snprintf(problem, TUNNEL_PROBLEM_MAX, "a message is an object with a type");
		return ERR_PROTO;
	}
	const struct row *row = find_row(name, from);
	if (!row)
		return OK;
	char why[SHAPE_ERROR_MAX];
	struct json *tree = shape_take(&row->shape, from_peer, why);
	if (!tree) {
		snprintf(problem, TUNNEL_PROBLEM_MAX, "%s: %s", row->name, why);
		return ERR_PROTO;
	}
	out->type = row->type;
	take_members(out, tree);
	return OK;
}

int tunnel_message_parse(const char *text, size_t n, enum tunnel_side from,
	struct tunnel_message *out, bool *is_json, char problem[TUNNEL_PROBLEM_MAX])
{
	char why[JSON_PROBLEM_MAX];
	*out = (struct tunnel_message){ .type = TUNNEL_UNKNOWN };
	struct json *tree = json_parse(text, n, why);
	*is_json = tree != NULL;
	if (!tree) {
		snprintf(problem, TUNNEL_PROBLEM_MAX, "not JSON: %s", why);
		return ERR_PROTO;
	}
	int err = take_message(json_of(tree), from, out, problem);
	json_drop(tree);
	return err;
}

void tunnel_message_fini(struct tunnel_message *m)
{
	json_drop(m->tree);
	*m = (struct tunnel_message){ 0 };
}

static void put_text(struct json *to, const char *key, const char *text)
{
	if (text)
		json_put_text(to, key, text);
}

char *tunnel_message_print(const struct tunnel_message *m)
{
	struct json *to = json_make_object();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == m->type)
			json_put_text(to, "type", rows[i].name);
	if (m->type == TUNNEL_HELLO) {
		json_put_int(to, "version", m->version);
		json_put(to, "kinds", json_clone(m->kinds));
	}
	if (m->type == TUNNEL_OPEN || m->type == TUNNEL_RIGHTS)
		put_text(to, "rights", tunnel_rights_text(m->rights));
	put_text(to, "agent", m->agent);
	put_text(to, "channel", m->channel);
	put_text(to, "kind", m->kind);
	put_text(to, "user", m->user);
	put_text(to, "grant", m->grant);
	put_text(to, "protocol", m->protocol);
	put_text(to, "id", m->id);
	put_text(to, "command", m->command);
	put_text(to, "reason", m->reason);
	char *text = json_print(to, false);
	json_drop(to);
	return text;
}
