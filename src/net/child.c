#include "net/child.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/child_wire.h"

enum {
	REQUESTS_MAX = 256,
	PACKETS_A_TURN = 16,
	END_MS = 3000,
};

/* One that waits for its answer. */
struct request {
	struct request *next;
	int id;
	enum child_kind answer;
	union {
		child_exit_fn *exited;
		child_open_fn *opened;
		child_answer_fn *answered;
	} on;
	void *ctx;
};

struct child {
	pid_t pid;
	int pair;
	int last_id;
	struct request *requests; /* newest first */
	int n_requests;
	struct loop_io *io;
	void (*on_lost)(void *ctx);
	void *ctx;
	bool calling; /* inside a callback */
	bool gone;    /* destroyed from there */
	struct child_packet in;
};

struct child *child_create(child_handler *handler, void *handler_ctx)
{
	int pair[2];
	struct child *c = calloc(1, sizeof(*c));
	if (!c || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		free(c);
		return NULL;
	}
	c->pair = pair[0];
	c->pid = fork();
	if (c->pid == 0)
		child_server_run(pair[1], handler, handler_ctx);
	int error = errno;
	close(pair[1]);
	if (c->pid > 0)
		return c;
	close(pair[0]);
	free(c);
	errno = error;
	return NULL;
}

/* Calls back for one request, with the packet, or with NULL when the
 * supervisor is lost, and frees it. */
static void finish(struct request *r, struct child_packet *p)
{
	switch (r->answer) {
	case CHILD_EXITED: r->on.exited(r->ctx, p ? p->head.a : -1, p ? p->head.b : EPIPE); break;
	case CHILD_OPENED:
		if (p && p->n_fds == 1) {
			p->n_fds = 0;
			r->on.opened(r->ctx, p->fds[0], 0);
		} else {
			r->on.opened(r->ctx, -1, p && p->head.b ? p->head.b : EPIPE);
		}
		break;
	case CHILD_ANSWER:
		r->on.answered(r->ctx, p ? p->body : NULL, p ? p->n : 0);
		if (p)
			explicit_bzero(p->body, p->n);
		break;
	default: break;
	}
	free(r);
}

static struct request *take_request(struct child *c, int id, int answer)
{
	struct request **at = &c->requests;
	while (*at && ((*at)->id != id || (int)(*at)->answer != answer))
		at = &(*at)->next;
	struct request *r = *at;
	if (r) {
		*at = r->next;
		c->n_requests--;
	}
	return r;
}

static void lose(struct child *c)
{
	loop_io_want(c->io, 0);
	while (c->requests && !c->gone)
		finish(take_request(c, c->requests->id, (int)c->requests->answer), NULL);
	if (!c->gone)
		c->on_lost(c->ctx);
}

static void ready(void *ctx, int events)
{
	(void)events;
	struct child *c = ctx;
	int err = OK;
	c->calling = true;
	for (int i = 0; i < PACKETS_A_TURN && !err && !c->gone; i++) {
		err = child_packet_recv(c->pair, &c->in, MSG_DONTWAIT);
		if (err == ERR_IO)
			lose(c);
		if (err)
			break;
		struct request *r = take_request(c, c->in.head.id, c->in.head.kind);
		if (r)
			finish(r, &c->in);
		child_packet_close_fds(&c->in);
	}
	c->calling = false;
	if (c->gone)
		free(c);
}

int child_attach(struct child *c, struct loop *l, void (*on_lost)(void *ctx), void *ctx)
{
	c->on_lost = on_lost;
	c->ctx = ctx;
	c->io = loop_io_create(l, c->pair, ready, c);
	if (!c->io)
		return ERR_NOMEM;
	loop_io_want(c->io, LOOP_READ);
	return OK;
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
		kill(pid, SIGKILL); /* stuck in its handler */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void child_destroy(struct child *c)
{
	if (!c)
		return;
	loop_io_destroy(c->io);
	close(c->pair);
	wait_for_end(c->pid);
	while (c->requests)
		free(take_request(c, c->requests->id, (int)c->requests->answer));
	c->gone = true;
	if (!c->calling)
		free(c);
}

static bool id_in_use(const struct child *c, int id)
{
	for (const struct request *r = c->requests; r; r = r->next)
		if (r->id == id)
			return true;
	return false;
}

static int new_id(struct child *c)
{
	do {
		c->last_id = c->last_id == INT_MAX ? 1 : c->last_id + 1;
	} while (id_in_use(c, c->last_id));
	return c->last_id;
}

/* Sends a request and remembers who waits for the answer. The head gets its id,
 * which is returned, or a negative err. */
static int ask(struct child *c, struct child_head head, const struct buf *body, const int *fds,
	int n_fds, struct request what)
{
	if (c->n_requests >= REQUESTS_MAX)
		return ERR_LIMIT;
	struct request *r = malloc(sizeof(*r));
	if (!r)
		return ERR_NOMEM;
	what.id = head.id = new_id(c);
	what.next = c->requests;
	*r = what;
	int err =
		child_packet_send(c->pair, &head, body->data, body->len, fds, n_fds, MSG_DONTWAIT);
	if (err) {
		free(r);
		return err;
	}
	c->requests = r;
	c->n_requests++;
	return r->id;
}

static uint32_t put_strings(struct buf *b, const char *const *strings)
{
	uint32_t n = 0;
	for (; strings && strings[n]; n++)
		buf_put(b, strings[n], strlen(strings[n]) + 1);
	return n;
}

int child_spawn(struct child *c, const struct child_spawn *what, child_exit_fn *on_exit, void *ctx)
{
	struct child_spawn_body head = { .quiet = what->quiet };
	struct buf body;
	if (what->n_keep < 0 || what->n_keep > CHILD_FDS_MAX)
		return ERR_LIMIT;
	for (int i = 0; i < what->n_keep; i++)
		head.keep_as[i] = what->keep_as[i];
	buf_init(&body, CHILD_PACKET_MAX);
	buf_put_zero(&body, sizeof(head));
	head.n_argv = put_strings(&body, what->argv);
	head.n_env = put_strings(&body, what->env);
	int err = buf_ok(&body);
	if (!err) {
		memcpy(body.data, &head, sizeof(head));
		err = ask(c, (struct child_head){ .kind = CHILD_SPAWN }, &body, what->keep,
			what->n_keep,
			(struct request){
				.answer = CHILD_EXITED, .on.exited = on_exit, .ctx = ctx });
	}
	buf_fini(&body);
	return err;
}

void child_signal(struct child *c, int id, int signum)
{
	struct child_head head = { .kind = CHILD_SIGNAL, .id = id, .a = signum };
	/* Full: a supervisor that has not read a hundred packets is not well. */
	int err = child_packet_send(c->pair, &head, NULL, 0, NULL, 0, MSG_DONTWAIT);
	(void)err;
}

int child_open(struct child *c, const char *path, int flags, mode_t mode, child_open_fn *on_open,
	void *ctx)
{
	struct child_head head = { .kind = CHILD_OPEN, .a = flags, .b = (int32_t)mode };
	struct buf body = { .data = (uint8_t *)(uintptr_t)path, .len = strlen(path) + 1 };
	int id = ask(c, head, &body, NULL, 0,
		(struct request){ .answer = CHILD_OPENED, .on.opened = on_open, .ctx = ctx });
	return id < 0 ? id : OK;
}

int child_ask(struct child *c, const void *request, size_t n, child_answer_fn *on_answer, void *ctx)
{
	struct buf body = { .data = (uint8_t *)(uintptr_t)request, .len = n };
	int id = ask(c, (struct child_head){ .kind = CHILD_ASK }, &body, NULL, 0,
		(struct request){ .answer = CHILD_ANSWER, .on.answered = on_answer, .ctx = ctx });
	return id < 0 ? id : OK;
}

int child_ask_now(struct child *c, const void *request, size_t n, uint8_t *answer, size_t cap)
{
	struct child_head head = { .kind = CHILD_ASK };
	assert(!c->io && !c->requests);
	head.id = new_id(c);
	int err = child_packet_send(c->pair, &head, request, n, NULL, 0, 0);
	if (!err)
		err = child_packet_recv(c->pair, &c->in, 0);
	if (err)
		return err;
	child_packet_close_fds(&c->in);
	if (c->in.n > cap)
		return ERR_LIMIT;
	memcpy(answer, c->in.body, c->in.n);
	explicit_bzero(c->in.body, c->in.n);
	return (int)c->in.n;
}
