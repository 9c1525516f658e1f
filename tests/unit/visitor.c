#include "visitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_stream.h"
#include "net/ws_stream.h"

enum {
	GOT_MAX = 8 * 1024 * 1024,
	TICK_MS = 5,
	PATIENCE_MS = 60 * 1000, /* a stuck test fails; no test waits that long */
};

uint8_t visitor_large[VISITOR_LARGE];

static const struct asset files[] = {
	{ "/assets/large.bin", "application/octet-stream", "\"large\"", (const uint8_t *)"gz", 2,
		visitor_large, VISITOR_LARGE },
	{ "/index.html", "text/html", "\"page\"", (const uint8_t *)"compressed", 10,
		(const uint8_t *)"<html>", 6 },
};
static const struct asset_table table = { files, ARRAY_LEN(files) };
static const struct origin_rules rules = { .port = 5900 };

static void ws_data(void *ctx, const uint8_t *data, size_t n)
{
	struct visitor *v = ctx;
	buf_put(&v->ws_got, data, n);
	int err = stream_send(v->ws, data, n);
	assert_true(err == OK || err == ERR_IO || err == ERR_NOMEM);
}

static void ws_drain(void *ctx)
{
	(void)ctx;
}

static void ws_end(void *ctx, int err)
{
	struct visitor *v = ctx;
	(void)err;
	v->ws_ends++;
	stream_close(v->ws, false);
	v->ws = NULL;
}

static const struct stream_events ws_events = { ws_data, ws_drain, ws_end };

static void become_websocket(struct visitor *v, struct http_exchange *x)
{
	const struct ws_config server = { .role = WS_SERVER };
	struct buf early;
	struct stream *below = http_upgrade(x, v->protocol, &early);
	v->below = NULL;
	if (below)
		v->ws = ws_stream_create(v->loop, below, &server, early.data, early.len);
	buf_fini(&early);
	if (v->ws) {
		stream_set_events(v->ws, &ws_events, v);
		stream_want_read(v->ws, true);
	} else {
		stream_close(below, false);
	}
}

static void on_request(void *ctx, struct http_exchange *x)
{
	struct visitor *v = ctx;
	const struct http_request *r = http_exchange_head(x);
	v->requests++;
	if (v->on_request) {
		v->on_request(v, x);
	} else if (!http_exchange_is_upgrade(x)) {
		http_answer_file(x, &table);
	} else {
		v->upgrades++;
		snprintf(v->path, sizeof(v->path), "%.*s", (int)r->path.n, r->path.p);
		struct response refusal = response_for_error(v->refusal);
		if (v->refusal)
			http_answer(x, &refusal);
		else
			become_websocket(v, x);
	}
}

static void on_done(void *ctx, struct http_conn *c)
{
	struct visitor *v = ctx;
	assert_ptr_equal(v->conn, c);
	v->dones++;
	v->conn = NULL;
	v->below = NULL;
}

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for too long");
}

int visitor_set_up(void **state)
{
	struct visitor *v = calloc(1, sizeof(*v));
	assert_non_null(v);
	v->loop = loop_create();
	v->tick = loop_timer_create(v->loop, do_nothing, v);
	v->watchdog = loop_timer_create(v->loop, give_up, v);
	loop_timer_start(v->watchdog, PATIENCE_MS);
	v->config = (struct http_config){ .origin = &rules,
		.on_request = on_request,
		.on_done = on_done,
		.peer = "192.0.2.7",
		.body_max = VISITOR_BODY_MAX,
		.ctx = v };
	v->protocol = "";
	v->fd = -1;
	v->reading = true;
	buf_init(&v->got, GOT_MAX);
	buf_init(&v->ws_got, GOT_MAX);
	for (size_t i = 0; i < VISITOR_LARGE; i++)
		visitor_large[i] = (uint8_t)(i * 2654435761u >> 13);
	*state = v;
	return 0;
}

void visitor_hang_up(struct visitor *v)
{
	v->failing = false;
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	stream_close(v->ws, false);
	v->ws = NULL;
	http_conn_destroy(v->conn);
	v->conn = NULL;
}

int visitor_tear_down(void **state)
{
	struct visitor *v = *state;
	visitor_hang_up(v);
	loop_timer_destroy(v->tick);
	loop_timer_destroy(v->watchdog);
	loop_destroy(v->loop);
	buf_fini(&v->got);
	buf_fini(&v->ws_got);
	free(v);
	return 0;
}

void visitor_connect(struct visitor *v, const char *early, int buffer)
{
	int fds[2];
	visitor_hang_up(v);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	if (buffer)
		setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	v->fd = fds[0];
	v->below = socket_stream_create(v->loop, fds[1], VISITOR_QUEUE_MAX);
	assert_non_null(v->below);
	buf_reset(&v->got);
	buf_reset(&v->ws_got);
	v->eof = false;
	v->dones = v->requests = v->upgrades = v->ws_ends = 0;
	v->failing = true;
	v->conn = http_conn_create(
		v->loop, &v->config, v->below, (const uint8_t *)early, strlen(early));
	if (!v->conn)
		stream_close(v->below, false); /* still ours */
}

void visitor_listen(struct visitor *v, size_t most)
{
	uint8_t piece[4096];
	while (v->reading && v->fd >= 0 && !v->eof && most > 0) {
		ssize_t n = recv(
			v->fd, piece, most < sizeof(piece) ? most : sizeof(piece), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		v->eof = n <= 0;
		if (n > 0) {
			buf_put(&v->got, piece, (size_t)n);
			most -= (size_t)n;
		}
	}
}

void visitor_turn(struct visitor *v)
{
	loop_timer_start(v->tick, TICK_MS);
	loop_turn(v->loop);
	visitor_listen(v, SIZE_MAX);
}

void visitor_say_bytes(struct visitor *v, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (len > 0) {
		ssize_t n = send(v->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return; /* refused before all was said */
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
		if (len > 0)
			visitor_turn(v);
	}
}

void visitor_say(struct visitor *v, const char *text)
{
	visitor_say_bytes(v, text, strlen(text));
}

const char *visitor_head_of(struct visitor *v, size_t *len)
{
	static char head[8192];
	const char *end = v->got.len ? memmem(v->got.data, v->got.len, "\r\n\r\n", 4) : NULL;
	if (!end)
		return NULL;
	*len = (size_t)(end - (const char *)v->got.data) + 4;
	assert_true(*len < sizeof(head));
	memcpy(head, v->got.data, *len);
	head[*len] = 0;
	return head;
}

struct answer visitor_hear(struct visitor *v, bool with_body)
{
	struct answer a = { 0 };
	size_t head_len = 0;
	const char *head;
	while (!(head = visitor_head_of(v, &head_len)) && !v->eof)
		visitor_turn(v);
	assert_non_null(head);
	assert_int_equal(sscanf(head, "HTTP/1.1 %d ", &a.status), 1);
	snprintf(a.head, sizeof(a.head), "%s", head);
	a.keep_alive = strstr(head, "Connection: keep-alive\r\n");
	const char *length = strstr(head, "Content-Length: ");
	a.body_len = length && with_body ? strtoul(length + 16, NULL, 10) : 0;
	while (v->got.len < head_len + a.body_len && !v->eof)
		visitor_turn(v);
	assert_true(v->got.len >= head_len + a.body_len);
	size_t kept = a.body_len < sizeof(a.body) ? a.body_len : sizeof(a.body) - 1;
	memcpy(a.body, v->got.data + head_len, kept);
	buf_consume(&v->got, head_len + a.body_len);
	return a;
}

void visitor_wait_for_end(struct visitor *v)
{
	while (!v->eof || v->dones == 0)
		visitor_turn(v);
	assert_int_equal(v->dones, 1);
	assert_int_equal(v->got.len, 0);
}

struct answer visitor_ask(struct visitor *v, const char *text)
{
	visitor_say(v, text);
	return visitor_hear(v, strncmp(text, "HEAD", 4) != 0);
}
