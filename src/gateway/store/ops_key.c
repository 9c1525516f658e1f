#include <string.h>

#include "crypto/ssh_key.h"
#include "gateway/store/ops.h"

/* Whose keys: one's own, or those of a user whom an administrator names. NULL and
 * the status in *status. */
static const struct db_value *find_owner(struct op_call *c, int *status)
{
	const char *name = op_text(c, "username");
	const struct db_value *owner =
		name ? user_by_name(c, name)
		     : op_find(c, DB_USERS, USER_ID, db_text(c->who.user_id));
	if (name && c->who.level < LEVEL_ADMIN &&
		(!owner || strcmp(owner[USER_ID].text, c->who.user_id) != 0)) {
		*status = op_fail(c, 403, "Insufficient permissions");
		return NULL;
	}
	if (!owner)
		*status = name ? op_fail(c, 404, "User not found")
			       : op_fail(c, 400, "username is required");
	return owner;
}

static void put_key(struct json *o, const struct db_value *key, struct db_value username)
{
	op_put(o, "id", key[KEY_ID]);
	op_put(o, "username", username);
	op_put(o, "type", key[KEY_TYPE]);
	op_put(o, "fingerprintMd5", key[KEY_MD5]);
	op_put(o, "fingerprintSha256", key[KEY_SHA256]);
	op_put(o, "comment", key[KEY_COMMENT]);
	op_put(o, "created_at", key[KEY_CREATED_AT]);
}

static struct db_value name_of(struct op_call *c, struct db_value user_id)
{
	const struct db_value *user = op_find(c, DB_USERS, USER_ID, user_id);
	return user ? user[USER_NAME] : db_null();
}

static int key_list(struct op_call *c)
{
	int status = 200;
	bool all = !op_text(c, "username") && c->asked.kind == STORE_LOCAL;
	const struct db_value *owner = all ? NULL : find_owner(c, &status);
	if (status != 200)
		return status;
	struct db_where theirs[] = { { KEY_USER, DB_EQ, owner ? owner[USER_ID] : db_null(), false },
		{ 0 } };
	struct db_rows rows = op_select(
		c, &(struct db_query){ .table = DB_SSH_KEYS, .where = all ? NULL : theirs });
	struct json *list = json_make_list();
	for (size_t i = 0; i < rows.n; i++) {
		struct json *o = json_make_object();
		put_key(o, rows.row[i],
			owner ? owner[USER_NAME] : name_of(c, rows.row[i][KEY_USER]));
		json_add(list, o);
	}
	json_put(c->answer, "keys", list);
	return 200;
}

static int insert_key(struct op_call *c, const struct db_value *owner, const struct ssh_key *key)
{
	char md5[SSH_KEY_MD5], sha256[SSH_KEY_SHA256];
	const char *id = op_new_id(c);
	ssh_key_fingerprint_md5(key, md5);
	ssh_key_fingerprint_sha256(key, sha256);
	if (!op_insert(c, DB_SSH_KEYS,
		    (struct db_set[]){ { KEY_ID, db_text(id) }, { KEY_USER, owner[USER_ID] },
			    { KEY_TYPE, db_text(ssh_key_type(key)) }, { KEY_MD5, db_text(md5) },
			    { KEY_SHA256, db_text(sha256) },
			    { KEY_LINE, db_text(op_text(c, "key")) },
			    { KEY_COMMENT, db_text(ssh_key_comment(key)) },
			    { KEY_CREATED_AT, db_int(c->now) }, { 0 } }))
		return op_fail(c, 409, "This key is registered already");
	const struct db_value *row = op_find(c, DB_SSH_KEYS, KEY_ID, db_text(id));
	if (row)
		put_key(c->answer, row, owner[USER_NAME]);
	op_audit(c, "key_add", "key", id, NULL);
	return 200;
}

static int key_add(struct op_call *c)
{
	int status = 200;
	const struct db_value *owner = find_owner(c, &status);
	const char *line = op_text(c, "key"), *why = "no key";
	struct ssh_key *key = NULL;
	if (!owner)
		return status;
	int err = ssh_key_create(line, strlen(line), &key, &why);
	if (err == ERR_NOMEM)
		c->db_error = err;
	status = err ? op_fail(c, 400, why ? why : "This is no public key")
		     : insert_key(c, owner, key);
	ssh_key_destroy(key);
	return status;
}

static int key_delete(struct op_call *c)
{
	const struct db_value *key = op_find(c, DB_SSH_KEYS, KEY_ID, db_text(op_text(c, "id")));
	bool own = key && strcmp(key[KEY_USER].text, c->who.user_id) == 0;
	if (!key || (!own && c->who.level < LEVEL_ADMIN))
		return op_fail(c, 404, "Key not found");
	op_remove(
		c, DB_SSH_KEYS, (struct db_where[]){ { KEY_N, DB_EQ, key[KEY_N], false }, { 0 } });
	json_put_bool(c->answer, "ok", true);
	op_audit(c, "key_delete", "key", key[KEY_ID].text, NULL);
	return 200;
}

static const struct shape_field list_fields[] = {
	{ .name = "username", .type = SHAPE_TEXT, .min = 1, .max = 254 },
};
static const struct shape_field add_fields[] = {
	{ .name = "key", .type = SHAPE_TEXT, .min = 1, .max = SSH_KEY_LINE_MAX, .required = true },
	{ .name = "username", .type = SHAPE_TEXT, .min = 1, .max = 254 },
};
static const struct shape_field delete_fields[] = {
	{ .name = "id", .type = SHAPE_ID, .required = true },
};

const struct op ops_key[] = {
	{ "key.list", OP_VIEWER, OP_FIELDS(list_fields), NULL, key_list },
	{ "key.add", OP_VIEWER, OP_FIELDS(add_fields), NULL, key_add },
	{ "key.delete", OP_VIEWER, OP_FIELDS(delete_fields), NULL, key_delete },
	{ 0 },
};
