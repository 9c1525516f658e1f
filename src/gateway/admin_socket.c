#include "gateway/admin_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/socket_stream.h"

enum { QUEUE_MAX = 8 * 1024 * 1024 };

struct admin_client {
	struct admin_socket *socket;
	struct stream *stream;
	struct buf in;
	struct loop_task go_on;
	int asked; /* of the store, 0: nothing */
	struct admin_client *next, **link;
};

struct admin_socket {
	struct loop *loop;
	const struct admin_socket_config *config;
	struct listener *listener;
	struct admin_client *clients;
	int n_clients;
};

static void drop(struct admin_client *c, bool flush)
{
	struct admin_socket *a = c->socket;
	loop_task_cancel(a->loop, &c->go_on);
	if (c->asked)
		store_forget(a->config->store, c->asked);
	stream_close(c->stream, flush);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	a->n_clients--;
	buf_fini(&c->in);
	free(c);
}

/* OK, or the connection cannot go on. */
static int send_answer(struct admin_client *c, int status, struct json_ref answer)
{
	struct json *line = json_make_object();
	json_put_int(line, "status", status);
	json_put(line, "answer", json_clone(answer));
	char *text = json_print(line, false);
	struct iovec parts[] = { { text, text ? strlen(text) : 0 }, { (void *)"\n", 1 } };
	int err = text ? stream_sendv(c->stream, parts, ARRAY_LEN(parts)) : ERR_NOMEM;
	free(text);
	json_drop(line);
	return err;
}

static int send_error(struct admin_client *c, int status, const char *sentence)
{
	struct json *answer = json_make_object();
	json_put_text(answer, "error", sentence);
	int err = send_answer(c, status, json_of(answer));
	json_drop(answer);
	return err;
}

/* The next line, or more of it. */
static void next_line(struct admin_client *c)
{
	loop_task_queue(c->socket->loop, &c->go_on);
}

static void on_answer(void *ctx, int status, struct json_ref answer)
{
	struct admin_client *c = ctx;
	c->asked = 0;
	if (send_answer(c, status, answer))
		drop(c, false);
	else
		next_line(c);
}

static int ask_store(struct admin_client *c, const char *op, struct json_ref args)
{
	static const struct store_who who = { .kind = STORE_LOCAL, .address = "local" };
	int id = store_ask(c->socket->config->store, op, &who, json_clone(args), on_answer, c);
	c->asked = id > 0 ? id : 0;
	if (id > 0)
		return OK;
	next_line(c);
	return send_error(c, 503, "Too much to do: try again later");
}

static struct json *where(const char *url)
{
	struct json *answer = json_make_object();
	json_put_text(answer, "url", url);
	return answer;
}

/* True: `op` is this process's, and answered. */
static bool ask_here(struct admin_client *c, const char *op, struct json_ref args, int *err)
{
	const struct relay *relay = c->socket->config->relay;
	const char *run = json_get_text(args, "id");
	struct json *answer;
	if (strcmp(op, "relay.stats") == 0)
		answer = relay_stats(relay);
	else if (strcmp(op, "relay.status") == 0 && run)
		answer = relay_status(relay, run);
	else if (strcmp(op, "gateway.url") == 0)
		answer = where(c->socket->config->url);
	else
		return false;
	*err = send_answer(c, 200, json_of(answer));
	json_drop(answer);
	next_line(c);
	return true;
}

static int take_line(struct admin_client *c, const char *line, size_t n)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *request = json_parse(line, n, problem);
	struct json_ref args = json_get(json_of(request), "args");
	const char *op = json_get_text(json_of(request), "op");
	int err = OK;
	if (!op) {
		err = send_error(c, 400, request ? "op is missing" : problem);
		next_line(c);
	} else if (!ask_here(c, op, args, &err)) {
		err = ask_store(c, op, args);
	}
	json_drop(request);
	return err;
}

static void go_on(void *ctx)
{
	struct admin_client *c = ctx;
	const char *end = c->in.len ? memchr(c->in.data, '\n', c->in.len) : NULL;
	if (!end) {
		stream_want_read(c->stream, true);
		return;
	}
	size_t n = (size_t)(end - (const char *)c->in.data);
	stream_want_read(c->stream, false);
	int err = take_line(c, (const char *)c->in.data, n);
	buf_consume(&c->in, n + 1);
	if (err)
		drop(c, false);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct admin_client *c = ctx;
	buf_put(&c->in, data, n);
	if (!buf_ok(&c->in)) {
		if (memchr(data, '\n', n))
			go_on(c);
		return;
	}
	if (send_error(c, 413, "a line is longer than 1 MB"))
		log_debug(c->socket->config->log, "admin socket: not sent");
	drop(c, true);
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	(void)err;
	drop(ctx, true);
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void add(struct admin_socket *a, struct admin_client *c)
{
	c->next = a->clients;
	c->link = &a->clients;
	if (c->next)
		c->next->link = &c->next;
	a->clients = c;
	a->n_clients++;
}

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	struct admin_socket *a = ctx;
	(void)peer;
	bool ours = peer_is_ours(a->config->peers, fd);
	struct admin_client *c = NULL;
	if (ours && a->n_clients < ADMIN_SOCKET_MAX)
		c = calloc(1, sizeof(*c));
	if (c)
		c->stream = socket_stream_create(a->loop, fd, QUEUE_MAX);
	if (!c || !c->stream) {
		log_warn(a->config->log, "admin socket: refused %s",
			ours ? "one more connection" : "another user's process");
		close(fd);
		free(c);
		return;
	}
	c->socket = a;
	c->go_on = (struct loop_task){ .run = go_on, .ctx = c };
	buf_init(&c->in, ADMIN_SOCKET_LINE_MAX + 1);
	add(a, c);
	stream_set_events(c->stream, &events, c);
	stream_want_read(c->stream, true);
}

struct admin_socket *admin_socket_create(
	struct loop *l, const struct admin_socket_config *config, const char *path)
{
	struct address address;
	char text[sizeof("unix:") + sizeof(((struct sockaddr_un *)0)->sun_path)];
	int n = snprintf(text, sizeof(text), "unix:%s", path);
	if (n < 0 || (size_t)n >= sizeof(text) || address_parse(text, &address)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	struct admin_socket *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->loop = l;
	a->config = config;
	a->listener = listener_create(l, config->log, &address, on_accept, a);
	if (!a->listener) {
		int error = errno;
		free(a);
		errno = error;
		return NULL;
	}
	return a;
}

void admin_socket_destroy(struct admin_socket *a)
{
	if (!a)
		return;
	listener_destroy(a->listener);
	while (a->clients)
		drop(a->clients, true);
	free(a);
}
