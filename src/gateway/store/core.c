#include "gateway/store/core.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/store/principal.h"

enum { NONCE_KEPT_S = 2 * 300 + 60, SWEEP_ROWS = 500 };

static const struct op *const tables[] = { ops_auth, ops_user, ops_key, ops_client, ops_run,
	ops_command, ops_event, ops_ticket, ops_channel, ops_audit, ops_dashboard, ops_machine,
	ops_import, ops_totp };

struct core {
	struct core_config config;
	struct penalties *penalties;
};

struct core_ask {
	struct core *core;
	struct json *message;
	const struct op *op; /* NULL: no such one */
	struct json *args;
	int status;
	struct op_call call;
};

struct core *core_create(const struct core_config *config)
{
	struct core *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->config = *config;
	c->penalties = penalties_create();
	if (!c->penalties) {
		free(c);
		return NULL;
	}
	return c;
}

void core_destroy(struct core *c)
{
	if (!c)
		return;
	penalties_destroy(c->penalties);
	free(c);
}

static const struct op *find_op(const char *name)
{
	for (size_t t = 0; name && t < ARRAY_LEN(tables); t++)
		for (const struct op *op = tables[t]; op->name; op++)
			if (strcmp(op->name, name) == 0)
				return op;
	return NULL;
}

static const char *text_of(struct json_ref object, const char *key)
{
	const char *text = json_get_text(object, key);
	return text ? text : "";
}

static struct store_who parse_who(struct json_ref w)
{
	return (struct store_who){
		.kind = (enum store_who_kind)json_int(json_get(w, "kind"), STORE_NOBODY),
		.address = text_of(w, "address"),
		.session = text_of(w, "session"),
		.method = text_of(w, "method"),
		.path = text_of(w, "path"),
		.target = text_of(w, "target"),
		.body_sha256 = text_of(w, "bodySha256"),
		.timestamp = text_of(w, "timestamp"),
		.nonce = text_of(w, "nonce"),
		.run_id = text_of(w, "runId"),
		.capability_token = text_of(w, "capabilityToken"),
		.signature = text_of(w, "signature"),
		.agent_id = text_of(w, "agentId"),
		.client_token = text_of(w, "clientToken"),
		.authorization = text_of(w, "authorization"),
		.date = text_of(w, "date"),
	};
}

struct core_ask *core_ask_create(struct core *c, struct json *message)
{
	struct json_ref m = json_of(message);
	struct core_ask *a = json_int(json_get(m, "id"), 0) > 0 ? calloc(1, sizeof(*a)) : NULL;
	if (!a) {
		json_drop(message);
		return NULL;
	}
	a->core = c;
	a->message = message;
	a->op = find_op(json_get_text(m, "op"));
	a->call.asked = parse_who(json_get(m, "who"));
	return a;
}

/* What a run before this one has left. */
static void clear(struct core_ask *a)
{
	for (struct op_notice *n = a->call.notices; n; n = n->next)
		json_drop(n->body);
	a->call.notices = NULL;
	json_drop(a->call.answer);
	a->call.answer = NULL;
	json_drop(a->args);
	a->args = NULL;
}

void core_ask_destroy(struct core_ask *a)
{
	if (!a)
		return;
	clear(a);
	arena_fini(&a->call.arena);
	explicit_bzero(a->call.password.new_hash, sizeof(a->call.password.new_hash));
	json_drop(a->message);
	free(a);
}

static long long now_of(const struct core *c)
{
	return c->config.now ? c->config.now(c->config.now_ctx) : (long long)time(NULL);
}

static int take_arguments(struct core_ask *a)
{
	char error[SHAPE_ERROR_MAX];
	const struct shape shape = { a->op->fields, a->op->n_fields };
	a->args = shape_take(&shape, json_get(json_of(a->message), "args"), error);
	a->call.args = json_of(a->args);
	if (a->args)
		return 0;
	return error[0] ? op_fail(&a->call, 400, error) : op_fail(&a->call, 503, "Out of memory");
}

/* Passwords are worked on between two runs: the first ends here with 0. */
static int run(struct core_ask *a)
{
	struct op_call *c = &a->call;
	if (!a->op)
		return op_fail(c, 404, "No such operation");
	int status = principal_find(c);
	if (status)
		return status;
	/* Whoever may not, is not told how it would be done; but an agent is found by
	 * an argument. */
	int malformed = take_arguments(a);
	if (!malformed || a->op->who != OP_SIGNED_CLIENT)
		status = principal_judge(c, a->op->who);
	if (!status)
		status = malformed;
	if (!status && a->op->before)
		status = a->op->before(c);
	if (status || (c->password.wanted && !c->password.done))
		return status;
	c->answer = json_make_object();
	status = a->op->run(c);
	if (status < 300 && !json_of(c->answer).value)
		c->db_error = ERR_NOMEM;
	return status;
}

static enum core_result broken(struct core_ask *a, int err)
{
	const char *sentence = err == ERR_LIMIT   ? "The gateway's disk is full"
			       : err == ERR_NOMEM ? "The gateway is out of memory"
						  : "The gateway's storage failed";
	clear(a);
	a->status = op_wait(&a->call, 503, sentence, 5);
	return CORE_BROKEN;
}

void core_ask_lost(struct core_ask *a, int err)
{
	broken(a, err);
}

/* A signed request that was refused is used up all the same. */
static int end(struct core_ask *a)
{
	struct op_call *c = &a->call;
	if (a->status < 300)
		return db_keep(c->db);
	int err = db_revert(c->db);
	if (!err && c->nonce)
		err = principal_use_nonce(c, c->nonce) ? ERR_IO : OK;
	return err ? err : c->db_error;
}

enum core_result core_ask_run(struct core_ask *a)
{
	struct op_call *c = &a->call;
	clear(a);
	c->db = a->core->config.db;
	c->penalties = a->core->penalties;
	c->hmac_secret = a->core->config.hmac_secret;
	c->log = a->core->config.log;
	c->now = now_of(a->core);
	c->who = (struct principal){ 0 };
	c->nonce = NULL;
	c->db_error = OK;
	int err = db_mark(c->db);
	if (err)
		return broken(a, err);
	a->status = run(a);
	if (c->db_error)
		return broken(a, c->db_error);
	if (a->status == 0) {
		err = db_revert(c->db);
		return err ? broken(a, err) : CORE_PASSWORD;
	}
	err = end(a);
	return err ? broken(a, err) : CORE_DONE;
}

void core_ask_password(struct core_ask *a)
{
	struct op_password *p = &a->call.password;
	if (p->hash)
		p->right = argon2_verify(p->hash, p->password);
	else if (p->password)
		argon2_waste(p->password);
	const char *rehash = p->right && argon2_needs_rehash(p->hash) ? p->password : NULL;
	const char *fresh = p->new_password ? p->new_password : rehash;
	if (fresh && (!p->hash || p->right))
		p->err = argon2_hash(fresh, p->new_hash);
	p->done = true;
}

void core_ask_busy(struct core_ask *a)
{
	clear(a);
	a->status = op_wait(&a->call, 503, "Too many logins at once: try again", 1);
}

size_t core_ask_weight(const struct core_ask *a)
{
	return sizeof(*a) + a->call.arena.total;
}

long long core_ask_id(const struct core_ask *a)
{
	return json_int(json_get(json_of(a->message), "id"), 0);
}

int core_ask_status(const struct core_ask *a)
{
	return a->status;
}

struct json_ref core_ask_answer(const struct core_ask *a)
{
	return json_of(a->call.answer);
}

/* Of what was refused, nothing happened. */
const struct op_notice *core_ask_notices(const struct core_ask *a)
{
	return a->status < 300 ? a->call.notices : NULL;
}

/* Numbers ascend with time: no index is needed to find the old ones. */
static int sweep_nonces(struct core *c, long long now, long long *removed)
{
	struct arena arena = { 0 };
	struct db_rows rows;
	int err = db_select(c->config.db,
		&(struct db_query){ .table = DB_NONCES, .limit = SWEEP_ROWS }, &arena, &rows);
	size_t n = 0;
	while (n < rows.n && rows.row[n][NONCE_AT].i < now - NONCE_KEPT_S)
		n++;
	if (!err && n > 0)
		err = db_remove(c->config.db, DB_NONCES,
			(struct db_where[]){
				{ NONCE_N, DB_LE, rows.row[n - 1][NONCE_N], false }, { 0 } },
			0, removed);
	arena_fini(&arena);
	return err;
}

static int sweep_sessions(struct core *c, long long now, long long *removed,
	void (*on_session)(void *ctx, const char *id), void *ctx)
{
	struct arena arena = { 0 };
	struct db_rows rows;
	const struct db_where old[] = { { SESSION_EXPIRES_AT, DB_LE, db_int(now), false }, { 0 } };
	int err = db_select(c->config.db,
		&(struct db_query){ .table = DB_SESSIONS, .where = old, .limit = SWEEP_ROWS },
		&arena, &rows);
	if (!err)
		err = db_remove(c->config.db, DB_SESSIONS, old, SWEEP_ROWS, removed);
	for (size_t i = 0; i < rows.n && !err; i++)
		on_session(ctx, rows.row[i][SESSION_ID].text);
	arena_fini(&arena);
	return err;
}

int core_sweep(struct core *c, bool *more, void (*on_session)(void *ctx, const char *id), void *ctx)
{
	long long now = now_of(c), removed = 0;
	const struct {
		enum db_table table;
		struct db_where where[2];
	} old[] = {
		{ DB_TICKETS, { { TICKET_EXPIRES_AT, DB_LE, db_int(now), false }, { 0 } } },
		{ DB_LINKS, { { LINK_EXPIRES_AT, DB_LE, db_int(now), false }, { 0 } } },
		{ DB_CODES, { { CODE_EXPIRES_AT, DB_LE, db_int(now), false }, { 0 } } },
	};
	int err = sweep_sessions(c, now, &removed, on_session, ctx);
	*more = removed >= SWEEP_ROWS;
	if (!err)
		err = sweep_nonces(c, now, &removed);
	*more |= removed >= SWEEP_ROWS;
	for (size_t i = 0; i < ARRAY_LEN(old) && !err; i++) {
		err = db_remove(c->config.db, old[i].table, old[i].where, SWEEP_ROWS, &removed);
		*more |= removed >= SWEEP_ROWS;
	}
	return err;
}
