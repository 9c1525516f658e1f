#include "clerk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/request_signature.h"

static const char empty_sha256[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static long long fake_now(void *ctx)
{
	const struct clerk *k = ctx;
	return k->now;
}

static void open_db(struct clerk *k)
{
	char error[DB_ERROR_MAX] = "", path[100];
	snprintf(path, sizeof(path), "%s/porthole.db", k->dir);
	k->db = k->dir[0] ? db_sqlite_open(path, error) : db_ram_open();
	assert_string_equal(error, "");
	assert_non_null(k->db);
	const struct core_config config = {
		.db = k->db, .hmac_secret = k->secret, .now = fake_now, .now_ctx = k
	};
	k->core = core_create(&config);
	assert_non_null(k->core);
}

void clerk_open(struct clerk *k, int kind)
{
	*k = (struct clerk){ .now = 1700000000, .secret = "0123456789abcdef0123456789abcdef" };
	if (kind == CLERK_SQLITE) {
		strcpy(k->dir, "/tmp/porthole-clerk-XXXXXX");
		assert_non_null(mkdtemp(k->dir));
	}
	open_db(k);
}

static void close_db(struct clerk *k)
{
	core_destroy(k->core);
	db_close(k->db);
	k->core = NULL;
	k->db = NULL;
}

void clerk_reopen(struct clerk *k)
{
	close_db(k);
	open_db(k);
}

void clerk_close(struct clerk *k)
{
	static const char *const files[] = { "porthole.db", "porthole.db-wal", "porthole.db-shm" };
	char path[100];
	close_db(k);
	json_drop(k->answer);
	json_drop(k->notices);
	for (size_t i = 0; k->dir[0] && i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", k->dir, files[i]);
		unlink(path);
	}
	if (k->dir[0])
		rmdir(k->dir);
}

static struct json *parse_args(const char *fmt, va_list list)
{
	enum { ARGS_MAX = 600 * 1024 };
	char problem[JSON_PROBLEM_MAX] = "";
	if (!fmt)
		return json_make_object();
	char *text = malloc(ARGS_MAX);
	assert_non_null(text);
	int n = vsnprintf(text, ARGS_MAX, fmt, list);
	assert_true(n >= 0 && n < ARGS_MAX);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	struct json *args = json_parse(text, (size_t)n, problem);
	assert_string_equal(problem, "");
	free(text);
	return args;
}

static void put(struct json *o, const char *key, const char *text)
{
	if (text)
		json_put_text(o, key, text);
}

static struct json *message(
	struct clerk *k, const char *op, const struct store_who *w, struct json *args)
{
	struct json *m = json_make_object(), *who = json_make_object();
	json_put_int(who, "kind", w->kind);
	put(who, "address", w->address ? w->address : "192.0.2.1");
	put(who, "session", w->session);
	put(who, "method", w->method);
	put(who, "path", w->path);
	put(who, "target", w->target);
	put(who, "bodySha256", w->body_sha256);
	put(who, "timestamp", w->timestamp);
	put(who, "nonce", w->nonce);
	put(who, "runId", w->run_id);
	put(who, "capabilityToken", w->capability_token);
	put(who, "signature", w->signature);
	put(who, "agentId", w->agent_id);
	put(who, "clientToken", w->client_token);
	put(who, "authorization", w->authorization);
	put(who, "date", w->date);
	json_put_int(m, "id", ++k->last_id);
	json_put_text(m, "op", op);
	json_put(m, "who", who);
	json_put(m, "args", args);
	return m;
}

static void keep_answer(struct clerk *k, const struct core_ask *a)
{
	json_drop(k->answer);
	json_drop(k->notices);
	k->answer = json_clone(core_ask_answer(a));
	k->notices = json_make_list();
	for (const struct op_notice *n = core_ask_notices(a); n; n = n->next) {
		struct json *o = json_make_object();
		json_put_text(o, "kind", n->kind);
		json_put(o, "body", json_clone(json_of(n->body)));
		json_add(k->notices, o);
	}
}

static int run(struct clerk *k, const char *op, const struct store_who *who, struct json *args)
{
	struct core_ask *a = core_ask_create(k->core, message(k, op, who, args));
	assert_non_null(a);
	enum core_result result;
	do {
		assert_int_equal(db_begin(k->db), OK);
		result = core_ask_run(a);
		assert_int_equal(db_commit(k->db), OK);
		if (result == CORE_PASSWORD)
			core_ask_password(a);
	} while (result == CORE_PASSWORD);
	assert_int_equal(result, CORE_DONE);
	assert_int_equal(core_ask_id(a), k->last_id);
	keep_answer(k, a);
	int status = core_ask_status(a);
	core_ask_destroy(a);
	return status;
}

int clerk_ask(struct clerk *k, const char *op, const struct store_who *who, const char *args, ...)
{
	va_list list;
	va_start(list, args);
	struct json *parsed = parse_args(args, list);
	va_end(list);
	return run(k, op, who, parsed);
}

int clerk_local(struct clerk *k, const char *op, const char *args, ...)
{
	const struct store_who who = { .kind = STORE_LOCAL };
	va_list list;
	va_start(list, args);
	struct json *parsed = parse_args(args, list);
	va_end(list);
	return run(k, op, &who, parsed);
}

int clerk_nobody(struct clerk *k, const char *op, const char *args, ...)
{
	const struct store_who who = { .kind = STORE_NOBODY };
	va_list list;
	va_start(list, args);
	struct json *parsed = parse_args(args, list);
	va_end(list);
	return run(k, op, &who, parsed);
}

int clerk_session(struct clerk *k, const char *token, const char *op, const char *args, ...)
{
	const struct store_who who = { .kind = STORE_SESSION, .session = token };
	va_list list;
	va_start(list, args);
	struct json *parsed = parse_args(args, list);
	va_end(list);
	return run(k, op, &who, parsed);
}

int clerk_signed(
	struct clerk *k, const struct clerk_signer *s, const char *op, const char *args, ...)
{
	char signature[REQUEST_SIGNATURE_TEXT], timestamp[24], nonce[24];
	va_list list;
	va_start(list, args);
	struct json *parsed = parse_args(args, list);
	va_end(list);
	snprintf(timestamp, sizeof(timestamp), "%lld", k->now + s->skew);
	snprintf(nonce, sizeof(nonce), "nonce-%d", ++k->nonce);
	const struct request_signature r = {
		.method = s->method ? s->method : "POST",
		.path = s->path ? s->path : "/api/x",
		.body_sha256 = empty_sha256,
		.timestamp = timestamp,
		.nonce = s->nonce ? s->nonce : nonce,
		.run_id = s->run ? s->run : "",
		.token = s->token ? s->token : "",
	};
	assert_int_equal(request_signature_make(&r, s->key, strlen(s->key), signature), OK);
	if (s->bad_signature)
		signature[0] = signature[0] == 'a' ? 'b' : 'a';
	const struct store_who who = {
		.kind = STORE_SIGNED,
		.address = s->address,
		.method = r.method,
		.path = r.path,
		.target = r.path,
		.body_sha256 = r.body_sha256,
		.timestamp = timestamp,
		.nonce = r.nonce,
		.run_id = s->run,
		.capability_token = s->token,
		.signature = signature,
		.agent_id = s->agent_id,
		.client_token = s->client_token,
	};
	return run(k, op, &who, parsed);
}

struct json_ref clerk_get(const struct clerk *k, const char *key)
{
	return json_get(json_of(k->answer), key);
}

const char *clerk_text(const struct clerk *k, const char *key)
{
	const char *text = json_text(clerk_get(k, key));
	return text ? text : "";
}

long long clerk_int(const struct clerk *k, const char *key)
{
	return json_int(clerk_get(k, key), -1);
}

const char *clerk_error(const struct clerk *k)
{
	return clerk_text(k, "error");
}

struct json_ref clerk_notice(const struct clerk *k, const char *kind)
{
	for (size_t i = 0; i < json_len(json_of(k->notices)); i++) {
		struct json_ref n = json_at(json_of(k->notices), i);
		if (strcmp(json_get_text(n, "kind"), kind) == 0)
			return json_get(n, "body");
	}
	return json_of(NULL);
}

char *clerk_keep(const struct clerk *k, const char *key, char out[200])
{
	snprintf(out, 200, "%s", clerk_text(k, key));
	assert_true(out[0] != 0);
	return out;
}

void clerk_user(struct clerk *k, const char *name, const char *role, char token[200])
{
	assert_int_equal(
		clerk_local(k, "user.create",
			"{'username':'%s','password':'correct horse','role':'%s'}", name, role),
		200);
	assert_int_equal(
		clerk_nobody(k, "auth.login", "{'username':'%s','password':'correct horse'}", name),
		200);
	clerk_keep(k, "token", token);
}

void clerk_run(struct clerk *k, char id[200], char token[200])
{
	assert_int_equal(clerk_local(k, "run.create", "{'label':'a run'}"), 200);
	clerk_keep(k, "id", id);
	clerk_keep(k, "capabilityToken", token);
}
