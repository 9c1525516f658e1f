#include "gateway/store/store_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/store/core.h"
#include "gateway/store/password_thread.h"
#include "gateway/store/store_dir.h"
#include "gateway/store/store_wire.h"

enum {
	PAIR_FD = 3,
	BATCH_ASKS = 256,
	BATCH_BYTES = 8 * 1024 * 1024, /* of answers, roughly */
	IN_BYTES = 2 * STORE_ASK_BYTES,
	OUT_BYTES = 1 << 30,
	OUT_FLUSH = 4 * 1024 * 1024,
	SWEEP_US = 5 * 1000 * 1000,
};

struct server {
	int pair, lock;
	bool closed; /* nothing more is asked */
	bool more;   /* may be in `in`, whole */
	const struct log *log;
	struct db *db;
	struct core *core;
	struct password_thread *passwords;
	struct buf in, out;
	struct core_ask *asks[BATCH_ASKS];
	int n;
	uint64_t next_sweep;
};

static _Noreturn void end(struct server *s)
{
	password_thread_destroy(s->passwords);
	core_destroy(s->core);
	db_close(s->db);
	_exit(0);
}

/* Answers are only put after their transaction's commit. Waits when the other side
 * is slow: it always reads. */
static void flush(struct server *s)
{
	if (store_wire_write_all(s->pair, &s->out, -1))
		end(s);
}

static int put(struct server *s, struct json *message)
{
	int err = store_wire_put(&s->out, message, STORE_ANSWER_BYTES);
	if (err)
		log_error(s->log, "store: a message was not sent: %s", err_str(err));
	if (s->out.len > OUT_FLUSH)
		flush(s);
	return err;
}

static int put_status(struct server *s, long long id, int status, struct json *answer)
{
	struct json *m = json_make_object();
	json_put_int(m, "id", id);
	json_put_int(m, "status", status);
	json_put(m, "answer", answer);
	return put(s, m);
}

/* Whoever asked waits for it, so something comes in any case. */
static void put_failure(struct server *s, long long id, const char *sentence)
{
	struct json *answer = json_make_object();
	json_put_text(answer, "error", sentence);
	if (put_status(s, id, 503, answer))
		end(s);
}

static void put_answer(struct server *s, const struct core_ask *a)
{
	int err = put_status(s, core_ask_id(a), core_ask_status(a), json_clone(core_ask_answer(a)));
	if (err)
		put_failure(s, core_ask_id(a),
			err == ERR_LIMIT ? "The answer is too long: ask for less"
					 : "The gateway is out of memory");
}

static void put_notice(struct server *s, const char *kind, struct json *body)
{
	struct json *m = json_make_object();
	json_put_text(m, "notice", kind);
	json_put(m, "body", body);
	if (put(s, m))
		end(s); /* a right that ended would go on */
}

/* Its transaction is on the disk, or never happened. */
static void finish(struct server *s, struct core_ask *a, enum core_result result)
{
	if (result == CORE_PASSWORD && password_thread_put(s->passwords, a))
		return;
	if (result == CORE_PASSWORD)
		core_ask_busy(a);
	put_answer(s, a);
	for (const struct op_notice *n = core_ask_notices(a); n; n = n->next)
		put_notice(s, n->kind, json_clone(json_of(n->body)));
	core_ask_destroy(a);
}

static void log_lost(struct server *s, const struct core_ask *a)
{
	const char *why = json_get_text(core_ask_answer(a), "error");
	log_error(s->log, "store: a request was lost: %s", why ? why : "out of memory");
}

/* Each in a transaction of its own, after they failed together: what only reads
 * still gets its answer. */
static void run_alone(struct server *s, int n)
{
	for (int i = 0; i < n; i++) {
		enum core_result result = CORE_BROKEN;
		int err = db_begin(s->db);
		if (!err)
			result = core_ask_run(s->asks[i]);
		if (!err && result != CORE_BROKEN)
			err = db_commit(s->db);
		if (err || result == CORE_BROKEN)
			db_rollback(s->db);
		if (err) {
			core_ask_lost(s->asks[i], err);
			result = CORE_BROKEN;
		}
		if (result == CORE_BROKEN)
			log_lost(s, s->asks[i]);
		finish(s, s->asks[i], result);
	}
}

/* Runs those that wait, or the first of them, in one transaction. */
static void run_batch(struct server *s)
{
	enum core_result results[BATCH_ASKS];
	size_t weight = 0;
	int n = 0, err = db_begin(s->db);
	while (!err && n < s->n && weight < BATCH_BYTES) {
		results[n] = core_ask_run(s->asks[n]);
		weight += core_ask_weight(s->asks[n]);
		if (results[n++] == CORE_BROKEN)
			err = ERR_IO;
	}
	if (!err)
		err = db_commit(s->db);
	if (err) {
		db_rollback(s->db);
		n = s->n;
		run_alone(s, n);
	}
	for (int i = 0; i < n && !err; i++)
		finish(s, s->asks[i], results[i]);
	s->n -= n;
	memmove(s->asks, s->asks + n, (size_t)s->n * sizeof(*s->asks));
	flush(s);
}

static void take_asks(struct server *s)
{
	struct core_ask *a;
	struct json *message;
	size_t used = 0;
	int err = OK;
	while (s->n < BATCH_ASKS && (a = password_thread_take(s->passwords)))
		s->asks[s->n++] = a;
	while (s->n < BATCH_ASKS &&
		!(err = store_wire_take(&s->in, &used, STORE_ASK_BYTES, &message))) {
		long long id = json_int(json_get(json_of(message), "id"), 0);
		a = core_ask_create(s->core, message);
		if (a)
			s->asks[s->n++] = a;
		else
			put_failure(s, id, "The gateway is out of memory");
	}
	buf_consume(&s->in, used);
	s->more = err != ERR_AGAIN;
	if (err && err != ERR_AGAIN) {
		log_error(s->log, "store: a request that is none: %s", err_str(err));
		end(s);
	}
}

/* Waits until something was asked, or only looks when there is work already. */
static void read_more(struct server *s)
{
	struct pollfd p[] = { { .fd = s->closed ? -1 : s->pair, .events = POLLIN },
		{ .fd = password_thread_fd(s->passwords), .events = POLLIN } };
	uint64_t now = clock_now_us();
	uint64_t left = s->next_sweep > now ? s->next_sweep - now : 0;
	int timeout_ms = s->n > 0 || s->more ? 0 : (int)(left / 1000) + 1;
	if (poll(p, ARRAY_LEN(p), timeout_ms) <= 0 || !p[0].revents)
		return;
	while (s->in.len < STORE_ASK_BYTES + sizeof(uint32_t)) {
		int err = store_wire_read(s->pair, &s->in);
		if (err == ERR_AGAIN)
			break;
		if (err) {
			s->closed = true;
			break;
		}
	}
}

static void tell_session(void *ctx, const char *id)
{
	struct json *body = json_make_object();
	json_put_text(body, "session", id);
	put_notice(ctx, "revoked", body);
}

static void sweep(struct server *s)
{
	bool more = false;
	if (clock_now_us() < s->next_sweep)
		return;
	int err = db_begin(s->db);
	if (!err)
		err = core_sweep(s->core, &more, tell_session, s);
	if (!err)
		err = db_commit(s->db);
	if (err)
		db_rollback(s->db);
	s->next_sweep = more && !err ? 0 : clock_now_us() + SWEEP_US;
	flush(s);
}

static _Noreturn void serve(struct server *s)
{
	for (;;) {
		read_more(s);
		take_asks(s);
		if (s->n > 0)
			run_batch(s);
		else if (s->closed && !s->more && password_thread_count(s->passwords) == 0)
			end(s);
		sweep(s);
	}
}

/* What the gateway was started with may hold secrets; nothing is needed of it. */
static void wipe_environment(void)
{
	for (char **row = environ; row && *row; row++)
		explicit_bzero(*row, strlen(*row));
	clearenv();
}

static void confine(int pair)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ };
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	umask(077);
	if (pair != PAIR_FD && dup2(pair, PAIR_FD) < 0)
		_exit(1);
	close_range(PAIR_FD + 1, ~0u, 0);
	wipe_environment();
}

static int open_db(struct server *s, const struct store_config *config, char *error)
{
	char path[STORE_PATH_MAX];
	if (config->kind == STORE_RAM) {
		s->db = db_ram_open();
		snprintf(error, STORE_ERROR_MAX, "Out of memory");
		return s->db ? OK : ERR_NOMEM;
	}
	int err = store_dir_take(config->data_dir, path, &s->lock, error);
	if (!err)
		s->db = db_sqlite_open(path, error);
	return s->db ? OK : ERR_IO;
}

static int start(struct server *s, const struct store_config *config, char *error)
{
	const struct core_config core = { .hmac_secret = config->hmac_secret, .log = config->log };
	struct core_config with_db = core;
	int err = open_db(s, config, error);
	if (err)
		return err;
	with_db.db = s->db;
	s->core = core_create(&with_db);
	s->passwords = password_thread_create();
	snprintf(error, STORE_ERROR_MAX, "Out of memory");
	return s->core && s->passwords && !argon2_init() ? OK : ERR_NOMEM;
}

_Noreturn void store_process_run(const struct store_config *config, int pair)
{
	struct server *s = calloc(1, sizeof(*s));
	char error[STORE_ERROR_MAX] = "";
	confine(pair);
	if (!s)
		_exit(1);
	s->pair = PAIR_FD;
	s->log = config->log;
	buf_init(&s->in, IN_BYTES);
	buf_init(&s->out, OUT_BYTES);
	struct json *first = json_make_object();
	int err = start(s, config, error);
	if (err)
		json_put_text(first, "error", error);
	else
		json_put_bool(first, "ready", true);
	if (put(s, first))
		end(s);
	flush(s);
	if (err)
		end(s);
	serve(s);
}
