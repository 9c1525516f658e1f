#include <string.h>

#include "crypto/http_signature.h"
#include "gateway/store/ops.h"
#include "gateway/store/principal.h"

static const char *field(void *data, const char *name)
{
	const struct op_call *c = data;
	return strcmp(name, "date") == 0 ? c->asked.date : NULL;
}

static int refuse(struct op_call *c, const char *why)
{
	const char *text = arena_print(
		&c->arena, "Invalid HTTP signature%s%s", why ? ": " : "", why ? why : "");
	return op_fail(c, 401, text ? text : "Invalid HTTP signature");
}

/* The key that the key id names, of a user whose account is open. */
static const struct db_value *find_key(struct op_call *c, const char *key_id)
{
	struct http_signature_key id;
	if (http_signature_split_key_id(key_id, &id))
		return NULL;
	const struct db_value *user = user_by_name(c, id.user[0] ? id.user : id.account);
	if (!principal_set_user(c, user))
		return NULL;
	return op_find_where(c, DB_SSH_KEYS,
		(struct db_where[]){ { KEY_USER, DB_EQ, user[USER_ID], false },
			{ KEY_MD5, DB_EQ, db_text(id.fingerprint), true },
			{ KEY_SHA256, DB_EQ, db_text(id.fingerprint), false }, { 0 } });
}

static int check(struct op_call *c, const struct http_signature *s, const struct db_value *row)
{
	const struct http_signature_request request = {
		.method = c->asked.method, .target = c->asked.target, .field = field, .data = c
	};
	const char *why = NULL;
	struct ssh_key *key = NULL;
	int err = ssh_key_create(row[KEY_LINE].text, strlen(row[KEY_LINE].text), &key, &why);
	if (!err)
		err = http_signature_check(s, &request, key, c->now, 0, &why);
	ssh_key_destroy(key);
	return err ? refuse(c, why) : 0;
}

/* Nothing but the time limits how often such a signature is good; what changes
 * something may be asked once. */
static int use_up(struct op_call *c)
{
	if (strcmp(c->asked.method, "GET") == 0 || strcmp(c->asked.method, "HEAD") == 0)
		return 0;
	return principal_use_nonce(c, op_hash(c, c->asked.authorization));
}

int principal_key(struct op_call *c)
{
	struct http_signature s;
	if (!c->asked.authorization[0])
		return op_fail(c, 401, "Authentication required");
	if (http_signature_parse(c->asked.authorization, strlen(c->asked.authorization), &s))
		return refuse(c, "the Authorization header is malformed");
	const struct db_value *row = find_key(c, s.key_id);
	int status = row ? check(c, &s, row) : refuse(c, NULL);
	if (!status)
		status = use_up(c);
	if (status)
		c->who = (struct principal){ 0 };
	return status;
}
