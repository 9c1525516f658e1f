#include "gateway/store/principal.h"

#include <string.h>

enum op_level principal_level(const char *role)
{
	if (strcmp(role, "admin") == 0)
		return LEVEL_ADMIN;
	if (strcmp(role, "operator") == 0)
		return LEVEL_OPERATOR;
	return strcmp(role, "viewer") == 0 ? LEVEL_VIEWER : LEVEL_NONE;
}

bool principal_set_user(struct op_call *c, const struct db_value *user)
{
	if (!user || user[USER_DISABLED].i)
		return false;
	c->who.level = principal_level(user[USER_ROLE].text);
	c->who.user_id = user[USER_ID].text;
	c->who.username = user[USER_NAME].text;
	return true;
}

static int find_session(struct op_call *c)
{
	if (!c->asked.session[0])
		return op_fail(c, 401, "Authentication required");
	const struct db_value *session =
		op_find(c, DB_SESSIONS, SESSION_HASH, db_text(op_hash(c, c->asked.session)));
	if (!session || session[SESSION_EXPIRES_AT].i <= c->now ||
		!principal_set_user(c, op_find(c, DB_USERS, USER_ID, session[SESSION_USER])))
		return op_fail(c, 401, "Invalid or expired session");
	c->who.session_id = session[SESSION_ID].text;
	return 0;
}

int principal_find(struct op_call *c)
{
	switch (c->asked.kind) {
	case STORE_SESSION: return find_session(c);
	case STORE_SIGNED: return principal_signed(c);
	case STORE_KEY: return principal_key(c);
	case STORE_LOCAL:
		c->who.level = LEVEL_ADMIN;
		c->who.user_id = c->who.username = "local";
		return 0;
	default: return 0;
	}
}

/* The client token of the agent that is named, or its own key. */
static int judge_client(struct op_call *c)
{
	const char *agent = op_text(c, "agentId");
	const struct db_value *client = c->who.client;
	if (client) {
		if (!agent || strcmp(agent, client[CLIENT_AGENT].text) != 0)
			return op_fail(c, 403, "Invalid client token");
		return 0;
	}
	client = agent ? op_find(c, DB_CLIENTS, CLIENT_AGENT, db_text(agent)) : NULL;
	/* Hashes of random tokens: what their comparison's time tells is of no use. */
	if (!client || strcmp(client[CLIENT_HASH].text, op_hash(c, c->asked.client_token)) != 0) {
		int wait = op_judge_source(c);
		op_failed_source(c);
		return wait ? wait : op_fail(c, 403, "Invalid client token");
	}
	if (!client[CLIENT_ENABLED].i)
		return op_fail(c, 403, "This client is switched off");
	c->who.client = client;
	return 0;
}

/* The path is signed: a run it names must be the one whose token came. */
static bool path_names_other_run(const struct op_call *c)
{
	static const char *const starts[] = { "/api/runs/", "/ws/agent/" };
	const char *id = op_text(c, "id");
	if (id && strcmp(id, c->asked.run_id) != 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		size_t n = strlen(starts[i]), len = strlen(c->asked.run_id);
		const char *named = c->asked.path + n;
		if (strncmp(c->asked.path, starts[i], n) == 0 &&
			(strcspn(named, "/") != len || strncmp(named, c->asked.run_id, len) != 0))
			return true;
	}
	return false;
}

static int judge_run(struct op_call *c)
{
	if (!c->asked.run_id[0])
		return op_fail(c, 400, "Run ID required");
	if (!c->who.run)
		return op_fail(c, 403, "Invalid capability token for run");
	if (path_names_other_run(c))
		return op_fail(c, 403, "Capability token mismatch");
	return 0;
}

int principal_judge(struct op_call *c, enum op_who least)
{
	const enum op_level levels[] = {
		[OP_VIEWER] = LEVEL_VIEWER, [OP_OPERATOR] = LEVEL_OPERATOR, [OP_ADMIN] = LEVEL_ADMIN
	};
	switch (least) {
	case OP_NOBODY: return 0;
	case OP_LOCAL:
	case OP_GATEWAY:
		if (c->asked.kind == (least == OP_LOCAL ? STORE_LOCAL : STORE_GATEWAY))
			return 0;
		return op_fail(c, 403, "Insufficient permissions");
	case OP_SIGNED_RUN:
	case OP_SIGNED_CLIENT:
		if (c->asked.kind != STORE_SIGNED)
			return op_fail(c, 401, "Missing authentication headers");
		return least == OP_SIGNED_RUN ? judge_run(c) : judge_client(c);
	default: break;
	}
	if (c->who.level == LEVEL_NONE)
		return op_fail(c, 401, "Authentication required");
	return c->who.level >= levels[least] ? 0 : op_fail(c, 403, "Insufficient permissions");
}
