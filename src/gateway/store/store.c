#include "gateway/store/store.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/store/store_process.h"
#include "gateway/store/store_wire.h"

enum {
	WAITING_MAX = 4096,
	OUT_BYTES = 64 * 1024 * 1024,
	IN_BYTES = STORE_ANSWER_BYTES + 1024 * 1024,
	READS_A_TURN = 8,
	NOW_MS = 10 * 1000,
	IMPORT_MS = 60 * 60 * 1000, /* of a file of any size */
	END_MS = 2000,
	START_MS = 30 * 1000,
};

/* One that waits for its answer; its id is made of its place and how often that
 * was used. */
struct waiting {
	int id; /* also of the one before, while it is free */
	bool used;
	int next_free;
	store_answer_fn *on_answer; /* NULL: forgotten */
	void *ctx;
};

struct store {
	pid_t pid;
	int pair;
	struct loop *loop;
	struct loop_io *io;
	struct loop_task write_task;
	store_notice_fn *on_notice;
	store_lost_fn *on_lost;
	void *ctx;
	struct buf in, out;
	struct waiting waiting[WAITING_MAX];
	int first_free; /* WAITING_MAX: none */
	bool lost;
	bool calling; /* inside a callback */
	bool gone;    /* stopped from there */
};

/* Waits for the process's first message. */
static int wait_ready(struct store *s, char *error)
{
	struct json *first = NULL;
	size_t used = 0;
	int err;
	while ((err = store_wire_take(&s->in, &used, STORE_ANSWER_BYTES, &first)) == ERR_AGAIN) {
		struct pollfd p = { .fd = s->pair, .events = POLLIN };
		int n = poll(&p, 1, START_MS);
		if (n == 0 || (n < 0 && errno != EINTR))
			return ERR_IO;
		err = n > 0 ? store_wire_read(s->pair, &s->in) : OK;
		if (err && err != ERR_AGAIN)
			return err;
	}
	if (err)
		return err;
	buf_consume(&s->in, used);
	const char *problem = json_get_text(json_of(first), "error");
	if (problem)
		snprintf(error, STORE_ERROR_MAX, "%s", problem);
	bool ready = json_bool(json_get(json_of(first), "ready"), false);
	json_drop(first);
	return ready ? OK : ERR_IO;
}

static struct store *make(int pair)
{
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->pair = pair;
	buf_init(&s->in, IN_BYTES);
	buf_init(&s->out, OUT_BYTES);
	for (int i = 0; i < WAITING_MAX; i++)
		s->waiting[i].next_free = i + 1;
	return s;
}

struct store *store_start(const struct store_config *config, char error[STORE_ERROR_MAX])
{
	int pair[2];
	snprintf(error, STORE_ERROR_MAX, "The store process could not be started");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return NULL;
	struct store *s = make(pair[0]);
	if (!s) {
		close(pair[0]);
		close(pair[1]);
		return NULL;
	}
	s->pid = fork();
	if (s->pid == 0)
		store_process_run(config, pair[1]);
	close(pair[1]);
	if (s->pid > 0 && !wait_ready(s, error))
		return s;
	store_stop(s);
	return NULL;
}

static void wait_for_end(pid_t pid)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int n = 1; /* without a descriptor to wait on it is trusted to end */
	if (p.fd >= 0) {
		do {
			n = poll(&p, 1, END_MS);
		} while (n < 0 && errno == EINTR);
		close(p.fd);
	}
	if (n == 0)
		kill(pid, SIGKILL); /* what was acknowledged is on the disk */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void store_stop(struct store *s)
{
	if (!s)
		return;
	if (s->loop)
		loop_task_cancel(s->loop, &s->write_task);
	loop_io_destroy(s->io);
	/* Whoever asked does not wait any more, but it shall be done. */
	int err = store_wire_write_all(s->pair, &s->out, END_MS);
	if (!err)
		shutdown(s->pair, SHUT_WR);
	/* Answers that nobody reads would hold it up. */
	struct pollfd p = { .fd = s->pair, .events = POLLIN };
	while (!err && poll(&p, 1, END_MS) > 0) {
		buf_reset(&s->in);
		err = store_wire_read(s->pair, &s->in);
		if (err == ERR_AGAIN)
			err = OK;
	}
	close(s->pair);
	if (s->pid > 0)
		wait_for_end(s->pid);
	buf_fini(&s->in);
	buf_fini(&s->out);
	s->gone = true;
	if (!s->calling)
		free(s);
}

static struct waiting *find(struct store *s, int id)
{
	struct waiting *w = id > 0 ? &s->waiting[id % WAITING_MAX] : NULL;
	return w && w->used && w->id == id ? w : NULL;
}

static void release(struct store *s, struct waiting *w)
{
	int at = (int)(w - s->waiting);
	w->used = false;
	w->next_free = s->first_free;
	s->first_free = at;
}

static void lose(struct store *s)
{
	s->lost = true;
	loop_io_want(s->io, 0);
	struct json *answer = json_make_object();
	json_put_text(answer, "error", "The gateway's store has ended");
	for (int i = 0; i < WAITING_MAX && !s->gone; i++) {
		struct waiting w = s->waiting[i];
		if (w.used)
			release(s, &s->waiting[i]);
		if (w.used && w.on_answer)
			w.on_answer(w.ctx, 503, json_of(answer));
	}
	json_drop(answer);
	if (!s->gone)
		s->on_lost(s->ctx);
}

static void dispatch(struct store *s, struct json_ref m)
{
	const char *kind = json_get_text(m, "notice");
	if (kind) {
		s->on_notice(s->ctx, kind, json_get(m, "body"));
		return;
	}
	struct waiting *w = find(s, (int)json_int(json_get(m, "id"), 0));
	if (!w)
		return;
	struct waiting asked = *w;
	release(s, w);
	if (asked.on_answer)
		asked.on_answer(asked.ctx, (int)json_int(json_get(m, "status"), 503),
			json_get(m, "answer"));
}

static int dispatch_all(struct store *s)
{
	struct json *message;
	size_t used = 0;
	int err = OK;
	while (!s->gone && !(err = store_wire_take(&s->in, &used, STORE_ANSWER_BYTES, &message))) {
		dispatch(s, json_of(message));
		json_drop(message);
	}
	if (!s->gone)
		buf_consume(&s->in, used);
	return err == ERR_AGAIN ? OK : err;
}

static void write_out(void *ctx)
{
	struct store *s = ctx;
	if (s->lost)
		return;
	int err = store_wire_write(s->pair, &s->out);
	/* A closed pair shows as readable too. */
	loop_io_want(s->io, LOOP_READ | (err == ERR_AGAIN ? LOOP_WRITE : 0));
}

static void ready(void *ctx, int events)
{
	struct store *s = ctx;
	int err = OK;
	s->calling = true;
	if (events & LOOP_WRITE)
		write_out(s);
	for (int i = 0; i < READS_A_TURN && !err && !s->gone; i++) {
		err = store_wire_read(s->pair, &s->in);
		if (!err)
			err = dispatch_all(s);
	}
	if (err && err != ERR_AGAIN && !s->gone)
		lose(s);
	s->calling = false;
	if (s->gone)
		free(s);
}

int store_attach(struct store *s, struct loop *l, store_notice_fn *on_notice,
	store_lost_fn *on_lost, void *ctx)
{
	s->on_notice = on_notice;
	s->on_lost = on_lost;
	s->ctx = ctx;
	loop_io_destroy(s->io); /* of an attachment before */
	s->io = loop_io_create(l, s->pair, ready, s);
	if (!s->io)
		return ERR_NOMEM;
	s->loop = l;
	s->write_task = (struct loop_task){ .run = write_out, .ctx = s };
	loop_io_want(s->io, LOOP_READ);
	return OK;
}

static void put_text(struct json *o, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	/* What is not UTF-8 is no credential of ours either. */
	struct json *value = json_make_text(text);
	json_put(o, key, value ? value : json_make_text("?"));
}

static struct json *who_object(const struct store_who *who)
{
	struct json *o = json_make_object();
	json_put_int(o, "kind", who->kind);
	put_text(o, "address", who->address);
	put_text(o, "session", who->session);
	put_text(o, "method", who->method);
	put_text(o, "path", who->path);
	put_text(o, "target", who->target);
	put_text(o, "bodySha256", who->body_sha256);
	put_text(o, "timestamp", who->timestamp);
	put_text(o, "nonce", who->nonce);
	put_text(o, "runId", who->run_id);
	put_text(o, "capabilityToken", who->capability_token);
	put_text(o, "signature", who->signature);
	put_text(o, "agentId", who->agent_id);
	put_text(o, "clientToken", who->client_token);
	put_text(o, "authorization", who->authorization);
	put_text(o, "date", who->date);
	return o;
}

/* Takes `args`; the ask is in s->out when OK. */
static int put_ask(
	struct store *s, int id, const char *op, const struct store_who *who, struct json *args)
{
	struct json *m = json_make_object();
	json_put_int(m, "id", id);
	json_put_text(m, "op", op);
	json_put(m, "who", who_object(who));
	if (args)
		json_put(m, "args", args);
	return store_wire_put(&s->out, m, STORE_ASK_BYTES);
}

/* Another one than the place had before, so that a late answer finds nobody. */
static int next_id(const struct store *s, int at)
{
	int last = s->waiting[at].id;
	return last > 0 && last <= INT_MAX - WAITING_MAX ? last + WAITING_MAX : WAITING_MAX + at;
}

int store_ask(struct store *s, const char *op, const struct store_who *who, struct json *args,
	store_answer_fn *on_answer, void *ctx)
{
	int at = s->first_free;
	if (at == WAITING_MAX || s->lost) {
		json_drop(args);
		return ERR_LIMIT;
	}
	struct waiting *w = &s->waiting[at];
	int id = next_id(s, at);
	int err = put_ask(s, id, op, who, args);
	if (err)
		return err;
	s->first_free = w->next_free;
	*w = (struct waiting){ .id = id, .used = true, .on_answer = on_answer, .ctx = ctx };
	loop_task_queue(s->loop, &s->write_task);
	return id;
}

void store_forget(struct store *s, int id)
{
	struct waiting *w = find(s, id);
	if (w)
		w->on_answer = NULL;
}

/* Reads until the answer to `id` is there; what else comes is for nobody. */
static int wait_answer(struct store *s, int id, int limit_ms, int *status, struct json **answer)
{
	uint64_t until = clock_now_us() + (uint64_t)limit_ms * 1000;
	for (;;) {
		struct json *m = NULL;
		size_t used = 0;
		int err = store_wire_take(&s->in, &used, STORE_ANSWER_BYTES, &m);
		if (!err && json_int(json_get(json_of(m), "id"), 0) == id) {
			*status = (int)json_int(json_get(json_of(m), "status"), 503);
			*answer = json_clone(json_get(json_of(m), "answer"));
		}
		json_drop(m);
		buf_consume(&s->in, used);
		if (err && err != ERR_AGAIN)
			return err;
		if (*answer)
			return OK;
		if (!err)
			continue;
		uint64_t now = clock_now_us();
		struct pollfd p = { .fd = s->pair, .events = POLLIN };
		if (now >= until || poll(&p, 1, (int)((until - now) / 1000) + 1) == 0)
			return ERR_IO;
		err = store_wire_read(s->pair, &s->in);
		if (err && err != ERR_AGAIN)
			return err;
	}
}

int store_ask_now(struct store *s, const char *op, const struct store_who *who, struct json *args,
	struct json **answer)
{
	int status = 503, id = next_id(s, 0);
	assert(!s->io);
	*answer = NULL;
	s->waiting[0].id = id;
	int err = put_ask(s, id, op, who, args);
	if (!err)
		err = store_wire_write_all(s->pair, &s->out, NOW_MS);
	if (!err)
		err = wait_answer(
			s, id, strcmp(op, "import") ? NOW_MS : IMPORT_MS, &status, answer);
	if (err) {
		*answer = json_make_object();
		json_put_text(*answer, "error", "The store does not answer");
		return 503;
	}
	return status;
}
