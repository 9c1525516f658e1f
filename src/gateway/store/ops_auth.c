#include <string.h>

#include "crypto/totp.h"
#include "gateway/store/ops.h"

/* Set-up, sessions, one-time codes. */
enum { SESSION_S = 24 * 60 * 60, LOGIN_CODE_S = 600, SESSION_BYTES = 48, CODE_BYTES = 16 };

static int setup_status(struct op_call *c)
{
	bool set_up = user_exists_admin(c);
	json_put_bool(c->answer, "setupRequired", !set_up);
	json_put_bool(c->answer, "cloudflareEnabled", false);
	json_put_bool(c->answer, "localAuthEnabled", set_up);
	return 200;
}

static const char *new_code(struct op_call *c, const char *kind, struct db_value user, long long at)
{
	const char *code = op_new_token(c, CODE_BYTES);
	op_insert(c, DB_CODES,
		(struct db_set[]){ { CODE_HASH, db_text(op_hash(c, code)) },
			{ CODE_KIND, db_text(kind) }, { CODE_USER, user },
			{ CODE_EXPIRES_AT, at ? db_int(at) : db_null() }, { 0 } });
	return code;
}

static void forget_setup_codes(struct op_call *c)
{
	op_remove(c, DB_CODES,
		(struct db_where[]){ { CODE_KIND, DB_EQ, db_text("setup"), false }, { 0 } });
}

static int setup_link(struct op_call *c)
{
	if (user_exists_admin(c))
		return op_fail(c, 409, "Setup already completed");
	forget_setup_codes(c);
	json_put_text(c->answer, "code", new_code(c, "setup", db_null(), 0));
	return 200;
}

static const struct db_value *find_code(struct op_call *c, const char *kind, const char *code)
{
	const struct db_value *row = op_find(c, DB_CODES, CODE_HASH, db_text(op_hash(c, code)));
	bool good = row && strcmp(row[CODE_KIND].text, kind) == 0 &&
		    (row[CODE_EXPIRES_AT].kind == DB_NULL || row[CODE_EXPIRES_AT].i > c->now);
	return good ? row : NULL;
}

static int before_complete(struct op_call *c)
{
	if (user_exists_admin(c))
		return op_fail(c, 400, "Setup already completed");
	const char *code = op_text(c, "setupCode");
	if (!code)
		return op_fail(c, 403, "Setup needs the code that was printed at the first start");
	int status = op_judge_source(c);
	if (status)
		return status;
	if (!find_code(c, "setup", code)) {
		op_failed_source(c);
		return op_fail(c, 403, "Wrong setup code");
	}
	status = user_judge_name(c, op_text(c, "username"));
	if (!status)
		op_want_password(c, NULL, NULL, op_text(c, "password"));
	return status;
}

static int setup_complete(struct op_call *c)
{
	const char *id, *hash = op_new_hash(c);
	if (!hash)
		return 503;
	int status = user_insert(c, op_text(c, "username"), "admin", hash,
		json_bool(json_get(c->args, "enableTotp"), false), &id);
	if (status)
		return status;
	forget_setup_codes(c);
	json_put_bool(c->answer, "ok", true);
	json_put_text(c->answer, "userId", id);
	json_put_text(c->answer, "message", "Setup complete: log in with this account");
	c->who.user_id = id;
	c->who.username = op_text(c, "username");
	op_audit(c, "setup", "user", id, NULL);
	return 200;
}

/* 0, or 429. An account that others guess at waits for those only who have failed at it
 * themselves: its owner comes in from any other address. */
static int judge_penalties(struct op_call *c, const char *username)
{
	char account[PENALTY_KEY], from[PENALTY_KEY];
	penalty_account(username, account);
	penalty_account_from(username, c->asked.address, from);
	int status = op_judge_source(c);
	if (status || !penalties_has_failed(c->penalties, from, c->now))
		return status;
	long long wait = penalties_wait(c->penalties, account, c->now);
	return wait ? op_wait(c, 429, "Too many failed attempts: wait and try again", wait) : 0;
}

static int refuse_login(struct op_call *c, const char *sentence)
{
	const char *username = user_name_key(c, op_text(c, "username"));
	char key[PENALTY_KEY];
	penalty_account(username, key);
	penalties_fail(c->penalties, key, c->now);
	penalty_account_from(username, c->asked.address, key);
	penalties_fail(c->penalties, key, c->now);
	op_failed_source(c);
	log_warn(c->log, "login refused for %s from %s", op_text(c, "username"), c->asked.address);
	return op_fail(c, 401, sentence);
}

static int before_login(struct op_call *c)
{
	int status = judge_penalties(c, user_name_key(c, op_text(c, "username")));
	if (status)
		return status;
	const struct db_value *user = user_by_name(c, op_text(c, "username"));
	op_want_password(c, user ? user[USER_PASSWORD].text : NULL, op_text(c, "password"), NULL);
	return 0;
}

/* A session as the answer; 200. */
static int answer_session(struct op_call *c, const struct db_value *user, const char *how)
{
	const char *token = op_new_token(c, SESSION_BYTES), *id = op_new_id(c);
	struct json *shown = json_make_object();
	op_insert(c, DB_SESSIONS,
		(struct db_set[]){ { SESSION_ID, db_text(id) },
			{ SESSION_HASH, db_text(op_hash(c, token)) },
			{ SESSION_USER, user[USER_ID] }, { SESSION_CREATED_AT, db_int(c->now) },
			{ SESSION_EXPIRES_AT, db_int(c->now + SESSION_S) },
			{ SESSION_ADDRESS, db_text(c->asked.address) }, { 0 } });
	op_put(shown, "id", user[USER_ID]);
	op_put(shown, "username", user[USER_NAME]);
	op_put(shown, "role", user[USER_ROLE]);
	json_put_bool(c->answer, "ok", true);
	json_put_text(c->answer, "token", token);
	json_put(c->answer, "user", shown);
	json_put_int(c->answer, "expiresAt", c->now + SESSION_S);
	c->who.user_id = user[USER_ID].text;
	c->who.username = user[USER_NAME].text;
	op_audit(c, how, "session", id, NULL);
	return 200;
}

/* 0, or the status: a second factor is demanded and right, and was not used before. */
static int judge_totp(struct op_call *c, const struct db_value *user)
{
	const char *code = op_text(c, "totpCode");
	int64_t step = 0;
	if (!user[USER_TOTP].text)
		return 0;
	if (!code || !code[0]) {
		op_fail(c, 401, "TOTP code required");
		json_put_bool(c->answer, "totpRequired", true);
		return 401;
	}
	if (!totp_check(user[USER_TOTP].text, code, c->now, &step) ||
		step <= user[USER_TOTP_STEP].i)
		return refuse_login(c, "Invalid TOTP code");
	op_update(c, DB_USERS, (struct db_where[]){ { USER_N, DB_EQ, user[USER_N], false }, { 0 } },
		(struct db_set[]){ { USER_TOTP_STEP, db_int(step) }, { 0 } });
	return 0;
}

static int auth_login(struct op_call *c)
{
	char key[PENALTY_KEY];
	const struct db_value *user = user_by_name(c, op_text(c, "username"));
	if (!user || !c->password.right || user[USER_DISABLED].i)
		return refuse_login(c, "Invalid credentials");
	int status = judge_totp(c, user);
	if (status)
		return status;
	if (c->password.new_hash[0] && !c->password.err)
		op_update(c, DB_USERS,
			(struct db_where[]){ { USER_N, DB_EQ, user[USER_N], false }, { 0 } },
			(struct db_set[]){
				{ USER_PASSWORD, db_text(c->password.new_hash) }, { 0 } });
	penalty_account(user[USER_NAME_KEY].text, key);
	penalties_forget(c->penalties, key);
	penalty_account_from(user[USER_NAME_KEY].text, c->asked.address, key);
	penalties_forget(c->penalties, key);
	penalty_source(c->asked.address, key);
	penalties_forget(c->penalties, key);
	return answer_session(c, user, "login");
}

static int auth_link(struct op_call *c)
{
	const char *name = op_text(c, "username");
	const struct db_value *user =
		name ? user_by_name(c, name)
		     : op_find_where(c, DB_USERS,
			       (struct db_where[]){ { USER_ROLE, DB_EQ, db_text("admin"), false },
				       { USER_DISABLED, DB_EQ, db_int(0), false }, { 0 } });
	if (!user || user[USER_DISABLED].i)
		return op_fail(c, 404, "User not found");
	json_put_text(
		c->answer, "code", new_code(c, "login", user[USER_ID], c->now + LOGIN_CODE_S));
	op_audit(c, "login_link", "user", user[USER_ID].text, NULL);
	return 200;
}

static int auth_exchange(struct op_call *c)
{
	int status = op_judge_source(c);
	if (status)
		return status;
	const struct db_value *code = find_code(c, "login", op_text(c, "code"));
	const struct db_value *user = code ? op_find(c, DB_USERS, USER_ID, code[CODE_USER]) : NULL;
	if (!user || user[USER_DISABLED].i) {
		op_failed_source(c);
		return op_fail(c, 401, "Invalid or expired code");
	}
	op_remove(
		c, DB_CODES, (struct db_where[]){ { CODE_N, DB_EQ, code[CODE_N], false }, { 0 } });
	return answer_session(c, user, "login_with_link");
}

static int auth_me(struct op_call *c)
{
	static const char *const roles[] = { [LEVEL_NONE] = "",
		[LEVEL_VIEWER] = "viewer",
		[LEVEL_OPERATOR] = "operator",
		[LEVEL_ADMIN] = "admin" };
	struct json *user = json_make_object();
	json_put_text(user, "id", c->who.user_id);
	json_put_text(user, "username", c->who.username);
	json_put_text(user, "role", roles[c->who.level]);
	json_put_text(user, "source", "local");
	json_put(c->answer, "user", user);
	json_put(c->answer, "deviceId", json_make_null());
	return 200;
}

static int auth_logout(struct op_call *c)
{
	json_put_bool(c->answer, "ok", true);
	if (!c->who.session_id)
		return 200;
	op_remove(c, DB_SESSIONS,
		(struct db_where[]){
			{ SESSION_ID, DB_EQ, db_text(c->who.session_id), false }, { 0 } });
	op_revoked(c, "session", c->who.session_id);
	op_audit(c, "logout", "session", c->who.session_id, NULL);
	return 200;
}

static const struct shape_field complete_fields[] = {
	{ .name = "setupCode", .type = SHAPE_TEXT, .max = 200 },
	{ .name = "username", .type = SHAPE_TEXT, .min = 3, .max = 254, .required = true },
	{ .name = "password", .type = SHAPE_TEXT, .min = 12, .max = 200, .required = true },
	{ .name = "enableTotp", .type = SHAPE_BOOL },
};
static const struct shape_field login_fields[] = {
	{ .name = "username", .type = SHAPE_TEXT, .min = 1, .max = 254, .required = true },
	{ .name = "password", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
	{ .name = "totpCode", .type = SHAPE_TEXT, .max = 16 },
};
static const struct shape_field link_fields[] = {
	{ .name = "username", .type = SHAPE_TEXT, .min = 1, .max = 254 },
};
static const struct shape_field exchange_fields[] = {
	{ .name = "code", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
};

const struct op ops_auth[] = {
	{ "setup.status", OP_NOBODY, NULL, 0, NULL, setup_status },
	{ "setup.link", OP_LOCAL, NULL, 0, NULL, setup_link },
	{ "setup.complete", OP_NOBODY, OP_FIELDS(complete_fields), before_complete,
		setup_complete },
	{ "auth.login", OP_NOBODY, OP_FIELDS(login_fields), before_login, auth_login },
	{ "auth.link", OP_LOCAL, OP_FIELDS(link_fields), NULL, auth_link },
	{ "auth.exchange", OP_NOBODY, OP_FIELDS(exchange_fields), NULL, auth_exchange },
	{ "auth.me", OP_VIEWER, NULL, 0, NULL, auth_me },
	{ "auth.logout", OP_VIEWER, NULL, 0, NULL, auth_logout },
	{ 0 },
};
