#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/head.h"
#include "http/upgrade.h"
#include "net/socket_stream.h"

enum { QUEUE_MAX = 8 * 1024 * 1024, PATIENCE_MS = 60 * 1000, STEP_MS = 1, ANSWER_MAX = 3 << 20 };

struct script_peer {
	struct script_peer *next, *prev;
	struct script *script;
	struct stream *stream;
	struct loop_timer *timer;
	struct buf in, out;
	bool upgraded;
};

static void peer_destroy(struct script_peer *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		p->script->peers = p->next;
	if (p->next)
		p->next->prev = p->prev;
	loop_timer_destroy(p->timer);
	stream_close(p->stream, true);
	buf_fini(&p->in);
	buf_fini(&p->out);
	free(p);
}

static void say_some(void *ctx)
{
	struct script_peer *p = ctx;
	size_t n = p->script->step && p->script->step < p->out.len ? p->script->step : p->out.len;
	if (n > 0 && stream_send(p->stream, p->out.data, n)) {
		peer_destroy(p);
		return;
	}
	buf_consume(&p->out, n);
	if (p->out.len > 0)
		loop_timer_start(p->timer, STEP_MS);
	else if (p->script->hang_up)
		peer_destroy(p);
}

static void put_answer(struct script_peer *p, const struct http_request *r)
{
	char accept[UPGRADE_ACCEPT_TEXT] = "";
	const struct http_text *key = http_request_field(r, "Sec-WebSocket-Key");
	const char *answer = p->script->answer ? p->script->answer : "";
	const char *at = strstr(answer, "{accept}");
	if (key)
		upgrade_accept(key->p, accept);
	size_t n = at ? (size_t)(at - answer) : strlen(answer);
	buf_put(&p->out, answer, n);
	if (at) {
		buf_put(&p->out, accept, strlen(accept));
		buf_put(&p->out, at + 8, strlen(at + 8));
	}
	p->upgraded = strncmp(answer, "HTTP/1.1 101", 12) == 0;
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct script_peer *p = ctx;
	struct script *s = p->script;
	struct http_request r;
	int status;
	buf_put(p->upgraded ? &s->later : &p->in, data, n);
	struct rd in = rd_of(p->in.data, p->in.len);
	if (p->upgraded || http_request_parse(&in, &r, &status) ||
		(long long)in.left < r.content_length)
		return;
	s->requests++;
	s->request_len = p->in.len;
	assert_true(p->in.len < sizeof(s->request));
	memcpy(s->request, p->in.data, p->in.len);
	s->request[p->in.len] = '\0';
	put_answer(p, &r);
	buf_reset(&p->in);
	say_some(p);
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	(void)err;
	peer_destroy(ctx);
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void on_accept(void *ctx, int fd, const struct address *address)
{
	struct script *s = ctx;
	struct script_peer *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	(void)address;
	s->connections++;
	p->script = s;
	p->next = s->peers;
	if (p->next)
		p->next->prev = p;
	s->peers = p;
	buf_init(&p->in, sizeof(s->request));
	buf_init(&p->out, ANSWER_MAX);
	p->timer = loop_timer_create(s->loop, say_some, p);
	p->stream = socket_stream_create(s->loop, fd, QUEUE_MAX);
	assert_non_null(p->stream);
	stream_set_events(p->stream, &events, p);
	if (s->tls) {
		struct stream *t = tls_stream_server(s->loop, s->tls, p->stream, NULL, 0);
		assert_non_null(t);
		p->stream = t;
		stream_set_events(t, &events, p);
	}
	stream_want_read(p->stream, true);
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for too long");
}

void script_start(struct script *s, struct loop *l)
{
	struct address any;
	*s = (struct script){ .loop = l };
	assert_int_equal(address_parse("127.0.0.1:0", &any), OK);
	s->listener = listener_create(l, NULL, &any, on_accept, s);
	assert_non_null(s->listener);
	s->port = address_port(listener_address(s->listener));
	buf_init(&s->later, 1 << 20);
}

void script_stop(struct script *s)
{
	while (s->peers)
		peer_destroy(s->peers);
	listener_destroy(s->listener);
	buf_fini(&s->later);
}

void script_wait(struct script *s, const int *done)
{
	struct loop_timer *t = loop_timer_create(s->loop, give_up, s);
	loop_timer_start(t, PATIENCE_MS);
	while (!*done)
		loop_turn(s->loop);
	loop_timer_destroy(t);
}

void script_say(struct script *s, const char *text)
{
	assert_non_null(s->peers);
	assert_int_equal(stream_send(s->peers->stream, text, strlen(text)), OK);
}
