#include "gateway/store/op.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/token.h"

const char *op_text(const struct op_call *c, const char *name)
{
	return json_get_text(c->args, name);
}

long long op_int(const struct op_call *c, const char *name, long long otherwise)
{
	return json_int(json_get(c->args, name), otherwise);
}

bool op_has(const struct op_call *c, const char *name)
{
	return json_kind_of(json_get(c->args, name)) != JSON_TYPE_NONE;
}

int op_fail(struct op_call *c, int status, const char *sentence)
{
	json_drop(c->answer);
	c->answer = json_make_object();
	json_put_text(c->answer, "error", sentence);
	return status;
}

int op_wait(struct op_call *c, int status, const char *sentence, long long retry_after_s)
{
	op_fail(c, status, sentence);
	json_put_int(c->answer, "retryAfter", retry_after_s);
	return status;
}

/* Keeps the first error; true when all is well. */
static bool good(struct op_call *c, int result)
{
	if (result < 0 && !c->db_error)
		c->db_error = result;
	return result == OK;
}

struct db_rows op_select(struct op_call *c, const struct db_query *q)
{
	struct db_rows rows;
	if (!good(c, db_select(c->db, q, &c->arena, &rows)))
		rows.n = 0;
	return rows;
}

const struct db_value *op_find_where(
	struct op_call *c, enum db_table table, const struct db_where *where)
{
	struct db_rows rows =
		op_select(c, &(struct db_query){ .table = table, .where = where, .limit = 1 });
	return rows.n > 0 ? rows.row[0] : NULL;
}

const struct db_value *op_find(
	struct op_call *c, enum db_table table, int column, struct db_value value)
{
	return op_find_where(
		c, table, (struct db_where[]){ { column, DB_EQ, value, false }, { 0 } });
}

long long op_count(struct op_call *c, enum db_table table, const struct db_where *where)
{
	long long n;
	return good(c, db_count(c->db, table, where, &n)) ? n : 0;
}

long long op_insert(struct op_call *c, enum db_table table, const struct db_set *set)
{
	long long n;
	return good(c, db_insert(c->db, table, set, &n)) ? n : 0;
}

long long op_update(struct op_call *c, enum db_table table, const struct db_where *where,
	const struct db_set *set)
{
	long long n;
	return good(c, db_update(c->db, table, where, set, &n)) ? n : 0;
}

long long op_remove(struct op_call *c, enum db_table table, const struct db_where *where)
{
	long long n;
	return good(c, db_remove(c->db, table, where, 0, &n)) ? n : 0;
}

struct json *op_notice(struct op_call *c, const char *kind)
{
	struct op_notice **last = &c->notices;
	while (*last)
		last = &(*last)->next;
	struct op_notice *n = arena_take(&c->arena, sizeof(*n));
	if (!n) {
		c->db_error = ERR_NOMEM;
		return NULL;
	}
	*n = (struct op_notice){ .kind = kind, .body = json_make_object() };
	*last = n;
	return n->body;
}

void op_revoked(struct op_call *c, const char *what, const char *id)
{
	json_put_text(op_notice(c, "revoked"), what, id);
}

void op_audit(struct op_call *c, const char *action, const char *target_type, const char *target,
	struct json *details)
{
	char *text = json_print(details, false);
	op_insert(c, DB_AUDIT,
		(struct db_set[]){ { AUDIT_AT, db_int(c->now) },
			{ AUDIT_USER, db_text(c->who.user_id) },
			{ AUDIT_NAME, db_text(c->who.username) }, { AUDIT_ACTION, db_text(action) },
			{ AUDIT_TARGET_TYPE, db_text(target_type) },
			{ AUDIT_TARGET, db_text(target) }, { AUDIT_DETAILS, db_text(text) },
			{ AUDIT_ADDRESS, db_text(c->asked.address) }, { 0 } });
	free(text);
	json_drop(details);
}

const char *op_new_token(struct op_call *c, size_t n_bytes)
{
	char *token = arena_take(&c->arena, 2 * n_bytes + 1);
	if (good(c, token ? token_make(token, n_bytes) : ERR_NOMEM))
		return token;
	return "";
}

const char *op_new_id(struct op_call *c)
{
	char *id = arena_take(&c->arena, TOKEN_ID);
	int err = id ? token_make_id(id) : ERR_NOMEM;
	while (!err && id[0] == '-') /* a command line would take it for an option */
		err = token_make_id(id);
	return good(c, err) ? id : "";
}

const char *op_hash(struct op_call *c, const char *token)
{
	char *hash = arena_take(&c->arena, TOKEN_HASH);
	if (!good(c, hash ? OK : ERR_NOMEM))
		return "";
	token_hash(token, hash);
	return hash;
}

void op_put(struct json *object, const char *key, struct db_value v)
{
	switch (v.kind) {
	case DB_INT: json_put_int(object, key, v.i); break;
	case DB_TEXT: json_put_text(object, key, v.text); break;
	default: json_put(object, key, json_make_null()); break;
	}
}

void op_put_bool(struct json *object, const char *key, struct db_value v)
{
	json_put_bool(object, key, v.i != 0);
}

void op_put_json(struct json *object, const char *key, struct db_value v, struct json *otherwise)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *value = v.text ? json_parse(v.text, strlen(v.text), problem) : NULL;
	if (value)
		json_drop(otherwise);
	json_put(object, key, value ? value : otherwise);
}

struct db_value op_stored_json(struct op_call *c, const char *name)
{
	if (!op_has(c, name))
		return db_null();
	struct json *copy = json_clone(json_get(c->args, name));
	char *text = json_print(copy, false);
	const char *kept = text ? arena_text(&c->arena, text, strlen(text)) : NULL;
	if (!kept)
		c->db_error = ERR_NOMEM;
	free(text);
	json_drop(copy);
	return db_text(kept);
}

void op_want_password(
	struct op_call *c, const char *hash, const char *password, const char *new_password)
{
	struct op_password *p = &c->password;
	if (p->done && p->hash && (!hash || strcmp(p->hash, hash) != 0))
		p->right = false;
	p->wanted = true;
	p->hash = hash;
	p->password = password;
	p->new_password = new_password;
}

const char *op_new_hash(struct op_call *c)
{
	if (!c->password.err && c->password.new_hash[0])
		return c->password.new_hash;
	op_wait(c, 503, "The password could not be hashed: out of memory", 5);
	return NULL;
}

void op_failed_source(struct op_call *c)
{
	char key[PENALTY_KEY];
	penalty_source(c->asked.address, key);
	penalties_fail(c->penalties, key, c->now);
}

int op_judge_source(struct op_call *c)
{
	char key[PENALTY_KEY];
	penalty_source(c->asked.address, key);
	long long wait = penalties_wait(c->penalties, key, c->now);
	return wait ? op_wait(c, 429, "Too many failed attempts: wait and try again", wait) : 0;
}
