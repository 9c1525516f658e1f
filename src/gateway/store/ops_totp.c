#include "crypto/totp.h"

#include "gateway/store/ops.h"

/* Users switch their second factor on and off. A new secret waits for a code made with
 * it, so that nobody is locked out by an application that did not take it. It waits among
 * the codes, in the place of a hash: it is to be used, not compared. */

enum { PENDING_S = 600 };

static const char kind[] = "totp";

static const struct db_value *find_pending(struct op_call *c)
{
	return op_find_where(c, DB_CODES,
		(struct db_where[]){ { CODE_KIND, DB_EQ, db_text(kind), false },
			{ CODE_USER, DB_EQ, db_text(c->who.user_id), false },
			{ CODE_EXPIRES_AT, DB_GT, db_int(c->now), false }, { 0 } });
}

static void forget_pending(struct op_call *c)
{
	op_remove(c, DB_CODES,
		(struct db_where[]){ { CODE_KIND, DB_EQ, db_text(kind), false },
			{ CODE_USER, DB_EQ, db_text(c->who.user_id), false }, { 0 } });
}

/* secret: NULL switches it off. */
static int answer_set(struct op_call *c, const char *secret, int64_t step, const char *how)
{
	op_update(c, DB_USERS,
		(struct db_where[]){ { USER_ID, DB_EQ, db_text(c->who.user_id), false }, { 0 } },
		(struct db_set[]){ { USER_TOTP, db_text(secret) },
			{ USER_TOTP_STEP, secret ? db_int(step) : db_null() }, { 0 } });
	forget_pending(c);
	json_put_bool(c->answer, "ok", true);
	json_put_bool(c->answer, "totp", secret != NULL);
	op_audit(c, how, "user", c->who.user_id, NULL);
	return 200;
}

static int begin(struct op_call *c)
{
	char secret[TOTP_SECRET_TEXT];
	const char *uri = user_make_totp(c, c->who.username, secret);
	if (!uri)
		return 503;
	forget_pending(c);
	op_insert(c, DB_CODES,
		(struct db_set[]){ { CODE_HASH, db_text(secret) }, { CODE_KIND, db_text(kind) },
			{ CODE_USER, db_text(c->who.user_id) },
			{ CODE_EXPIRES_AT, db_int(c->now + PENDING_S) }, { 0 } });
	json_put_bool(c->answer, "ok", true);
	json_put_bool(c->answer, "totp", false);
	json_put_text(c->answer, "totpUri", uri);
	json_put_text(c->answer, "secret", secret);
	return 200;
}

static int confirm(struct op_call *c, const char *code)
{
	int64_t step;
	const struct db_value *pending = find_pending(c);
	if (!pending)
		return op_fail(c, 409, "No new secret waits for its code: begin again");
	if (!totp_check(pending[CODE_HASH].text, code, c->now, &step))
		return op_fail(c, 401, "Invalid TOTP code");
	return answer_set(c, pending[CODE_HASH].text, step, "totp_enable");
}

static bool wants_it(const struct op_call *c)
{
	return json_bool(json_get(c->args, "enable"), false);
}

static int before_totp(struct op_call *c)
{
	const struct db_value *self = user_self(c);
	const char *password = op_text(c, "password");
	if (!self)
		return op_fail(c, 400, "The local administrator has no TOTP");
	if (wants_it(c))
		return self[USER_TOTP].text ? op_fail(c, 409, "TOTP is on: switch it off first")
					    : 0;
	if (!password)
		return op_fail(c, 400, "password is needed to switch TOTP off");
	int status = op_judge_source(c);
	if (!status)
		op_want_password(c, self[USER_PASSWORD].text, password, NULL);
	return status;
}

static int user_totp(struct op_call *c)
{
	const char *code = op_text(c, "totpCode");
	if (wants_it(c))
		return code && code[0] ? confirm(c, code) : begin(c);
	if (!c->password.right) {
		op_failed_source(c);
		return op_fail(c, 401, "Invalid credentials");
	}
	return answer_set(c, NULL, 0, "totp_disable");
}

static const struct shape_field fields[] = {
	{ .name = "enable", .type = SHAPE_BOOL, .required = true },
	{ .name = "totpCode", .type = SHAPE_TEXT, .max = 16 },
	{ .name = "password", .type = SHAPE_TEXT, .min = 1, .max = 200 },
};

const struct op ops_totp[] = {
	{ "user.totp", OP_VIEWER, OP_FIELDS(fields), before_totp, user_totp },
	{ 0 },
};
