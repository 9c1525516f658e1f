#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/shape.h"
#include "crypto/argon2.h"
#include "gateway/store/db.h"
#include "gateway/store/penalty.h"
#include "gateway/store/store.h"

/* An operation of the store: a row of a table, and what its handler works with.
 * Errors of the database are sticky: a handler may go on, and the answer becomes
 * 503 and nothing of it happened. */
enum op_who {
	OP_NOBODY,
	OP_LOCAL,
	OP_GATEWAY,
	OP_VIEWER,
	OP_OPERATOR,
	OP_ADMIN,
	OP_SIGNED_RUN,
	OP_SIGNED_CLIENT,
};

enum op_level { LEVEL_NONE, LEVEL_VIEWER, LEVEL_OPERATOR, LEVEL_ADMIN };

struct op_call;
/* Returns the status of the answer; `before` 0 to go on. */
typedef int op_handler(struct op_call *c);

struct op {
	const char *name; /* NULL ends a table */
	enum op_who who;
	const struct shape_field *fields;
	size_t n_fields;
	/* What is cheap to refuse before a password is worked on, and that work. */
	op_handler *before;
	op_handler *run;
};
#define OP_FIELDS(fields) fields, ARRAY_LEN(fields)

/* Who asks, once it is known to be true. Texts and rows live as long as the call. */
struct principal {
	enum op_level level;
	const char *user_id, *username; /* "local", or of a user; else NULL */
	const char *session_id;         /* or NULL */
	const struct db_value *run;     /* of a signed request that named one with its token */
	const struct db_value *client;  /* whose key signed, or whose token came */
};

/* What argon2 is asked, on another thread: its texts are the call's. */
struct op_password {
	const char *hash;         /* to compare with, or NULL */
	const char *password;     /* with `hash`; alone: to waste the time of a comparison */
	const char *new_password; /* to be hashed, or NULL */
	bool wanted, done;
	bool right;
	int err;                    /* of hashing */
	char new_hash[ARGON2_TEXT]; /* also of a right password that was hashed in an old way */
};

struct op_notice {
	const char *kind; /* static */
	struct json *body;
	struct op_notice *next;
};

struct op_call {
	struct db *db;
	struct penalties *penalties;
	const char *hmac_secret; /* or NULL */
	const struct log *log;
	long long now; /* Unix seconds */
	struct arena arena;
	struct store_who asked; /* what the asker says; no text is NULL */
	struct principal who;
	struct json_ref args;
	struct json *answer;
	struct op_notice *notices;
	struct op_password password;
	const char *nonce; /* good for once, however the rest goes; or NULL */
	int db_error;
};

const char *op_text(const struct op_call *c, const char *name); /* of the arguments, or NULL */
long long op_int(const struct op_call *c, const char *name, long long otherwise);
bool op_has(const struct op_call *c, const char *name);

/* Both return `status`. */
int op_fail(struct op_call *c, int status, const char *sentence);
int op_wait(struct op_call *c, int status, const char *sentence, long long retry_after_s);

/* A row, which the call keeps; NULL: none, or the database failed. */
const struct db_value *op_find(
	struct op_call *c, enum db_table table, int column, struct db_value value);
const struct db_value *op_find_where(
	struct op_call *c, enum db_table table, const struct db_where *where);
struct db_rows op_select(struct op_call *c, const struct db_query *q);
long long op_count(struct op_call *c, enum db_table table, const struct db_where *where);
/* The new row's number; 0: a unique value is taken, or the database failed. */
long long op_insert(struct op_call *c, enum db_table table, const struct db_set *set);
/* How many. */
long long op_update(struct op_call *c, enum db_table table, const struct db_where *where,
	const struct db_set *set);
long long op_remove(struct op_call *c, enum db_table table, const struct db_where *where);

/* A notice to be filled, sent when all is on the disk. The call's; NULL is fine. */
struct json *op_notice(struct op_call *c, const char *kind);
void op_revoked(struct op_call *c, const char *what, const char *id);
/* `details` is taken, may be NULL. */
void op_audit(struct op_call *c, const char *action, const char *target_type, const char *target,
	struct json *details);

/* Random, the call's; "" when there is no randomness (the call fails then). */
const char *op_new_id(struct op_call *c);
const char *op_new_token(struct op_call *c, size_t n_bytes);
const char *op_hash(struct op_call *c, const char *token);

void op_put(struct json *object, const char *key, struct db_value v);
void op_put_bool(struct json *object, const char *key, struct db_value v);
/* JSON that was stored as text; `otherwise` is taken when there is none. */
void op_put_json(struct json *object, const char *key, struct db_value v, struct json *otherwise);
/* The argument's JSON as text to be stored, the call's; a null value when it is not there. */
struct db_value op_stored_json(struct op_call *c, const char *name);

/* For a `before`: what argon2 is to do (see struct op_password). Kept when it is done
 * already; a hash that changed meanwhile is not the one that was right. */
void op_want_password(
	struct op_call *c, const char *hash, const char *password, const char *new_password);
/* The new password's hash; NULL and 503 in the answer when it could not be made. */
const char *op_new_hash(struct op_call *c);

/* Counts a failure of the asker's address. */
void op_failed_source(struct op_call *c);
/* 0, or 429 with the answer when the asker's address must wait. */
int op_judge_source(struct op_call *c);

extern const struct op ops_auth[], ops_user[], ops_key[], ops_client[], ops_run[], ops_command[],
	ops_event[], ops_ticket[], ops_channel[], ops_audit[], ops_dashboard[], ops_machine[],
	ops_import[], ops_totp[];
