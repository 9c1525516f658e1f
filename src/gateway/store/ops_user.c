#include <stdlib.h>
#include <string.h>

#include "crypto/totp.h"
#include "gateway/store/ops.h"

static const char *const roles[] = { "admin", "operator", "viewer", NULL };

const char *user_name_key(struct op_call *c, const char *name)
{
	char *key = arena_text(&c->arena, name, strlen(name));
	for (char *p = key; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	if (!key)
		c->db_error = ERR_NOMEM;
	return key ? key : "";
}

const struct db_value *user_by_name(struct op_call *c, const char *name)
{
	return op_find(c, DB_USERS, USER_NAME_KEY, db_text(user_name_key(c, name)));
}

static long long count_admins(struct op_call *c, const char *but_id)
{
	return op_count(c, DB_USERS,
		(struct db_where[]){ { USER_ROLE, DB_EQ, db_text("admin"), false },
			{ USER_DISABLED, DB_EQ, db_int(0), false },
			{ USER_ID, DB_NE, db_text(but_id), false }, { 0 } });
}

bool user_exists_admin(struct op_call *c)
{
	return count_admins(c, "") > 0;
}

int user_judge_name(struct op_call *c, const char *name)
{
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '/')
			return op_fail(
				c, 400, "username must hold no space, slash or control character");
	return 0;
}

const char *user_make_totp(struct op_call *c, const char *name, char secret[TOTP_SECRET_TEXT])
{
	enum { URI_MAX = 1024 };
	char *uri = arena_take(&c->arena, URI_MAX);
	if (!uri || totp_make_secret(secret) || totp_uri("Porthole", name, secret, uri, URI_MAX)) {
		c->db_error = ERR_NOMEM;
		return NULL;
	}
	return uri;
}

int user_insert(struct op_call *c, const char *name, const char *role, const char *hash,
	bool with_totp, const char **id)
{
	char secret[TOTP_SECRET_TEXT];
	const char *uri = with_totp ? user_make_totp(c, name, secret) : NULL;
	if (user_by_name(c, name))
		return op_fail(c, 409, "Username already exists");
	*id = op_new_id(c);
	op_insert(c, DB_USERS,
		(struct db_set[]){ { USER_ID, db_text(*id) }, { USER_NAME, db_text(name) },
			{ USER_NAME_KEY, db_text(user_name_key(c, name)) },
			{ USER_PASSWORD, db_text(hash) },
			{ USER_TOTP, db_text(uri ? secret : NULL) }, { USER_ROLE, db_text(role) },
			{ USER_DISABLED, db_int(0) }, { USER_CREATED_AT, db_int(c->now) }, { 0 } });
	op_put(c->answer, "totpUri", db_text(uri));
	return 0;
}

void user_end_sessions(struct op_call *c, const char *user_id, const char *but_session)
{
	const struct db_where theirs[] = { { SESSION_USER, DB_EQ, db_text(user_id), false },
		{ SESSION_ID, DB_NE, db_text(but_session ? but_session : ""), false }, { 0 } };
	struct db_rows rows =
		op_select(c, &(struct db_query){ .table = DB_SESSIONS, .where = theirs });
	op_remove(c, DB_SESSIONS, theirs);
	for (size_t i = 0; i < rows.n; i++)
		op_revoked(c, "session", rows.row[i][SESSION_ID].text);
}

static void put_user(struct json *o, const struct db_value *user)
{
	op_put(o, "id", user[USER_ID]);
	op_put(o, "username", user[USER_NAME]);
	op_put(o, "role", user[USER_ROLE]);
	op_put_bool(o, "disabled", user[USER_DISABLED]);
	json_put_bool(o, "totp", user[USER_TOTP].text != NULL);
	op_put(o, "created_at", user[USER_CREATED_AT]);
}

static int user_list(struct op_call *c)
{
	struct db_rows rows = op_select(c, &(struct db_query){ .table = DB_USERS });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		struct json *o = json_make_object();
		put_user(o, rows.row[i]);
		json_add(list, o);
	}
	json_put(c->answer, "users", list);
	return 200;
}

static int before_create(struct op_call *c)
{
	int status = user_judge_name(c, op_text(c, "username"));
	if (!status && user_by_name(c, op_text(c, "username")))
		status = op_fail(c, 409, "Username already exists");
	if (!status)
		op_want_password(c, NULL, NULL, op_text(c, "password"));
	return status;
}

static int user_create(struct op_call *c)
{
	const char *id, *role = op_text(c, "role"), *hash = op_new_hash(c);
	if (!hash)
		return 503;
	if (!role)
		role = "viewer";
	int status = user_insert(c, op_text(c, "username"), role, hash,
		json_bool(json_get(c->args, "enableTotp"), false), &id);
	if (status)
		return status;
	if (strcmp(role, "admin") == 0)
		op_remove(c, DB_CODES,
			(struct db_where[]){
				{ CODE_KIND, DB_EQ, db_text("setup"), false }, { 0 } });
	json_put_text(c->answer, "id", id);
	json_put_text(c->answer, "username", op_text(c, "username"));
	json_put_text(c->answer, "role", role);
	op_audit(c, "user_create", "user", id, NULL);
	return 200;
}

/* NULL and 404 in the answer when there is none. */
static const struct db_value *find_user(struct op_call *c)
{
	const struct db_value *user = op_find(c, DB_USERS, USER_ID, db_text(op_text(c, "id")));
	if (!user)
		op_fail(c, 404, "User not found");
	return user;
}

static int before_update(struct op_call *c)
{
	const char *password = op_text(c, "password");
	if (!find_user(c))
		return 404;
	if (password)
		op_want_password(c, NULL, NULL, password);
	return 0;
}

static bool is_open_admin(const struct db_value *user)
{
	return strcmp(user[USER_ROLE].text, "admin") == 0 && !user[USER_DISABLED].i;
}

/* What changes, and whether that ends what is open under the account. */
struct change {
	struct db_set set[6];
	size_t n;
	bool logs_out;
};

static void change_put(struct change *ch, int column, struct db_value value)
{
	ch->set[ch->n++] = (struct db_set){ column, value };
}

static int take_change(struct op_call *c, const struct db_value *user, struct change *ch)
{
	bool disabled = json_bool(json_get(c->args, "disabled"), user[USER_DISABLED].i != 0);
	const char *role = op_text(c, "role");
	change_put(ch, USER_DISABLED, db_int(disabled));
	change_put(ch, USER_ROLE, role ? db_text(role) : user[USER_ROLE]);
	if (is_open_admin(user) && (disabled || (role && strcmp(role, "admin") != 0)) &&
		count_admins(c, user[USER_ID].text) == 0)
		return op_fail(c, 409, "The last administrator must stay one");
	if (op_text(c, "password")) {
		const char *hash = op_new_hash(c);
		if (!hash)
			return 503;
		change_put(ch, USER_PASSWORD, db_text(hash));
	}
	if (json_bool(json_get(c->args, "resetTotp"), false))
		change_put(ch, USER_TOTP, db_null());
	ch->logs_out = disabled || op_text(c, "password");
	return 0;
}

static int user_update(struct op_call *c)
{
	struct change ch = { 0 };
	const struct db_value *user = find_user(c);
	if (!user)
		return 404;
	int status = take_change(c, user, &ch);
	if (status)
		return status;
	op_update(c, DB_USERS, (struct db_where[]){ { USER_N, DB_EQ, user[USER_N], false }, { 0 } },
		ch.set);
	if (ch.logs_out)
		user_end_sessions(c, user[USER_ID].text, NULL);
	op_revoked(c, "user", user[USER_ID].text);
	user = find_user(c);
	if (user)
		put_user(c->answer, user);
	op_audit(c, "user_update", "user", op_text(c, "id"), NULL);
	return 200;
}

static int user_delete(struct op_call *c)
{
	const struct db_value *user = find_user(c);
	if (!user)
		return 404;
	struct db_value id = user[USER_ID];
	if (is_open_admin(user) && count_admins(c, id.text) == 0)
		return op_fail(c, 409, "The last administrator must stay one");
	user_end_sessions(c, id.text, NULL);
	op_remove(c, DB_SSH_KEYS, (struct db_where[]){ { KEY_USER, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_TICKETS, (struct db_where[]){ { TICKET_USER, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_LINKS, (struct db_where[]){ { LINK_USER, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_CODES, (struct db_where[]){ { CODE_USER, DB_EQ, id, false }, { 0 } });
	op_remove(c, DB_USERS, (struct db_where[]){ { USER_ID, DB_EQ, id, false }, { 0 } });
	op_revoked(c, "user", id.text);
	json_put_bool(c->answer, "ok", true);
	op_audit(c, "user_delete", "user", id.text, NULL);
	return 200;
}

const struct db_value *user_self(struct op_call *c)
{
	return op_find(c, DB_USERS, USER_ID, db_text(c->who.user_id));
}

static int before_password(struct op_call *c)
{
	const struct db_value *self = user_self(c);
	if (!self)
		return op_fail(c, 400, "The local administrator has no password");
	int status = op_judge_source(c);
	if (!status)
		op_want_password(c, self[USER_PASSWORD].text, op_text(c, "password"),
			op_text(c, "newPassword"));
	return status;
}

static int user_password(struct op_call *c)
{
	if (!c->password.right) {
		op_failed_source(c);
		return op_fail(c, 401, "Invalid credentials");
	}
	const char *hash = op_new_hash(c);
	if (!hash)
		return 503;
	op_update(c, DB_USERS,
		(struct db_where[]){ { USER_ID, DB_EQ, db_text(c->who.user_id), false }, { 0 } },
		(struct db_set[]){ { USER_PASSWORD, db_text(hash) }, { 0 } });
	user_end_sessions(c, c->who.user_id, c->who.session_id);
	json_put_bool(c->answer, "ok", true);
	op_audit(c, "password_change", "user", c->who.user_id, NULL);
	return 200;
}

static const struct shape_field create_fields[] = {
	{ .name = "username", .type = SHAPE_TEXT, .min = 3, .max = 254, .required = true },
	{ .name = "password", .type = SHAPE_TEXT, .min = 12, .max = 200, .required = true },
	{ .name = "role", .type = SHAPE_TEXT, .choices = roles },
	{ .name = "enableTotp", .type = SHAPE_BOOL },
};
static const struct shape_field update_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
	{ .name = "role", .type = SHAPE_TEXT, .choices = roles },
	{ .name = "disabled", .type = SHAPE_BOOL },
	{ .name = "password", .type = SHAPE_TEXT, .min = 12, .max = 200 },
	{ .name = "resetTotp", .type = SHAPE_BOOL },
};
static const struct shape_field delete_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
};
static const struct shape_field password_fields[] = {
	{ .name = "password", .type = SHAPE_TEXT, .min = 1, .max = 200, .required = true },
	{ .name = "newPassword", .type = SHAPE_TEXT, .min = 12, .max = 200, .required = true },
};

const struct op ops_user[] = {
	{ "user.list", OP_ADMIN, NULL, 0, NULL, user_list },
	{ "user.create", OP_ADMIN, OP_FIELDS(create_fields), before_create, user_create },
	{ "user.update", OP_ADMIN, OP_FIELDS(update_fields), before_update, user_update },
	{ "user.delete", OP_ADMIN, OP_FIELDS(delete_fields), NULL, user_delete },
	{ "user.password", OP_VIEWER, OP_FIELDS(password_fields), before_password, user_password },
	{ 0 },
};
