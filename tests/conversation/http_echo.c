/* Serves two files, what is posted to /echo, and an echoing WebSocket at /websockify
 * (subprotocol "binary" or none) on a port of 127.0.0.1, which it prints. Ends with stdin. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/server.h"
#include "net/listener.h"
#include "net/socket_stream.h"
#include "net/ws_stream.h"

enum { QUEUE_MAX = 1024 * 1024, LARGE = 2 * 1024 * 1024 };

/* printf '<html>hello</html>' | gzip -9n */
static const uint8_t hello_gzip[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
	0xb3, 0xc9, 0x28, 0xc9, 0xcd, 0xb1, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xb7, 0xd1, 0x07, 0xb3,
	0x01, 0x31, 0x6b, 0xb8, 0x98, 0x12, 0x00, 0x00, 0x00 };
static uint8_t large[LARGE];
static const struct asset files[] = {
	{ "/assets/large.bin", "application/octet-stream", "\"large\"", hello_gzip,
		sizeof(hello_gzip), large, LARGE },
	{ "/index.html", "text/html; charset=utf-8", "\"hello\"", hello_gzip, sizeof(hello_gzip),
		(const uint8_t *)"<html>hello</html>", 18 },
};

struct echo_server {
	struct loop *loop;
	struct asset_table table;
	struct origin_rules rules;
	struct visit *visits;
};

/* One connection, an http_conn first and perhaps a WebSocket later. */
struct visit {
	struct echo_server *server;
	struct http_conn *conn;
	struct stream *ws;
	struct visit *next, **link;
};

static void visit_end(struct visit *v)
{
	*v->link = v->next;
	if (v->next)
		v->next->link = v->link;
	http_conn_destroy(v->conn);
	stream_close(v->ws, true);
	free(v);
}

static void echo_data(void *ctx, const uint8_t *data, size_t n)
{
	struct visit *v = ctx;
	if (stream_send(v->ws, data, n))
		visit_end(v);
}

static void echo_drain(void *ctx)
{
	(void)ctx;
}

static void echo_end(void *ctx, int err)
{
	(void)err;
	visit_end(ctx);
}

static const struct stream_events echo_events = { echo_data, echo_drain, echo_end };

static void on_upgrade(struct visit *v, struct http_exchange *x)
{
	const struct http_request *r = http_exchange_head(x);
	const struct ws_config config = { .role = WS_SERVER };
	bool binary = http_request_has_token(r, "Sec-WebSocket-Protocol", "binary");
	struct response refusal = response_for_error(404);
	struct buf early;
	if (!http_text_is(r->path, "/websockify")) {
		http_answer(x, &refusal);
		return;
	}
	struct stream *s = http_upgrade(x, binary ? "binary" : "", &early);
	if (s)
		v->ws = ws_stream_create(v->server->loop, s, &config, early.data, early.len);
	buf_fini(&early);
	if (v->ws) {
		stream_set_events(v->ws, &echo_events, v);
		stream_want_read(v->ws, true);
	} else {
		stream_close(s, false);
	}
}

/* "/echo" answers with the body of the request. */
static void on_request(void *ctx, struct http_exchange *x)
{
	struct visit *v = ctx;
	struct http_text body = http_exchange_body(x);
	const struct response same = {
		.status = 200,
		.type = "application/octet-stream",
		.body = (const uint8_t *)body.p,
		.body_len = body.n,
	};
	if (http_exchange_is_upgrade(x))
		on_upgrade(v, x);
	else if (http_text_is(http_exchange_head(x)->path, "/echo"))
		http_answer(x, &same);
	else
		http_answer_file(x, &v->server->table);
}

static void on_done(void *ctx, struct http_conn *c)
{
	struct visit *v = ctx;
	(void)c;
	v->conn = NULL;
	if (!v->ws)
		visit_end(v);
}

static void visit_start(struct echo_server *e, struct visit *v, struct stream *s)
{
	const struct http_config config = {
		.origin = &e->rules,
		.on_request = on_request,
		.on_done = on_done,
		.ctx = v,
		.body_max = HTTP_BODY_MAX,
	};
	*v = (struct visit){ .server = e, .next = e->visits, .link = &e->visits };
	if (v->next)
		v->next->link = &v->next;
	e->visits = v;
	v->conn = http_conn_create(e->loop, &config, s, NULL, 0);
	if (!v->conn) {
		stream_close(s, false);
		visit_end(v);
	}
}

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	struct echo_server *e = ctx;
	struct stream *s = socket_stream_create(e->loop, fd, QUEUE_MAX);
	struct visit *v = s ? malloc(sizeof(*v)) : NULL;
	(void)peer;
	if (v)
		visit_start(e, v, s);
	else if (s)
		stream_close(s, false);
	else
		close(fd);
}

static void on_stdin(void *ctx, int events)
{
	struct echo_server *e = ctx;
	char byte;
	(void)events;
	if (read(STDIN_FILENO, &byte, 1) <= 0)
		loop_stop(e->loop);
}

int main(void)
{
	struct echo_server e = { .loop = loop_create(), .table = { files, ARRAY_LEN(files) } };
	struct address any;
	if (!e.loop || address_parse("127.0.0.1:0", &any))
		return 1;
	struct listener *l = listener_create(e.loop, NULL, &any, on_accept, &e);
	struct loop_io *in = loop_io_create(e.loop, STDIN_FILENO, on_stdin, &e);
	if (!l || !in)
		return 1;
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (uint8_t)(i % 251);
	e.rules.port = address_port(listener_address(l));
	loop_io_want(in, LOOP_READ);
	printf("%d\n", e.rules.port);
	fflush(stdout);
	int err = loop_run(e.loop);
	while (e.visits)
		visit_end(e.visits);
	loop_io_destroy(in);
	listener_destroy(l);
	loop_destroy(e.loop);
	return err ? 1 : 0;
}
