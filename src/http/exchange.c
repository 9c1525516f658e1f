#include <assert.h>
#include <string.h>
#include <time.h>

#include "http/server_private.h"

static struct http_conn *conn_of(struct http_exchange *x)
{
	return (struct http_conn *)(void *)((char *)x - offsetof(struct http_conn, x));
}

const struct http_request *http_exchange_head(const struct http_exchange *x)
{
	return &x->head;
}

struct http_text http_exchange_body(const struct http_exchange *x)
{
	return (struct http_text){ (const char *)x->body.data, x->body.len };
}

const char *http_exchange_peer(const struct http_exchange *x)
{
	return conn_of((struct http_exchange *)(uintptr_t)x)->peer;
}

struct http_text http_exchange_target(const struct http_exchange *x)
{
	const struct http_request *r = &x->head;
	size_t n = (size_t)(r->query.p + r->query.n - r->path.p);
	return (struct http_text){ r->path.p, n };
}

bool http_exchange_is_upgrade(const struct http_exchange *x)
{
	return x->is_upgrade;
}

void http_exchange_set_gone(struct http_exchange *x, void (*on_gone)(void *ctx), void *ctx)
{
	x->on_gone = on_gone;
	x->gone_ctx = ctx;
}

/* The query is never logged: it may hold what only its sender should know. */
static void log_answer(const struct http_conn *c, int status)
{
	const struct http_request *r = &c->x.head;
	log_debug(c->config.log, "http: %.*s %.*s: %d", (int)r->method.n, r->method.p,
		(int)r->path.n, r->path.p, status);
}

bool http_conn_is_busy(const struct http_conn *c)
{
	return c->body_size > 0 || stream_queued(c->stream) > 0;
}

int http_conn_send_body(struct http_conn *c)
{
	while (c->body_size > 0 && stream_queued(c->stream) == 0) {
		size_t n = c->body_size < HTTP_PIECE ? c->body_size : HTTP_PIECE;
		int err = stream_send(c->stream, c->body, n);
		if (err)
			return err;
		c->body += n;
		c->body_size -= n;
	}
	return OK;
}

/* What is left of somebody else's bytes becomes ours. */
static int keep_body(struct http_conn *c)
{
	buf_init(&c->kept, c->body_size);
	buf_put(&c->kept, c->body, c->body_size);
	c->body = c->kept.data;
	if (buf_ok(&c->kept))
		return buf_ok(&c->kept);
	return http_conn_charge(c) ? OK : ERR_LIMIT;
}

static int put_answer(struct http_conn *c, const struct response *r)
{
	buf_reset(&c->out);
	response_put_head(&c->out, r, !c->last, time(NULL));
	c->body = r->body;
	c->body_size = r->type && !http_text_is(c->x.head.method, "HEAD") ? r->body_len : 0;
	size_t room = HTTP_QUEUE - c->out.len;
	size_t n = c->body_size < room ? c->body_size : room;
	struct iovec parts[] = {
		{ c->out.data, c->out.len },
		{ (void *)(uintptr_t)c->body, n },
	};
	int err = buf_ok(&c->out);
	if (!err)
		err = stream_sendv(c->stream, parts, n > 0 ? 2 : 1);
	if (err)
		return err;
	c->body_size -= n;
	if (n > 0)
		c->body += n;
	return http_conn_send_body(c);
}

int http_conn_respond(struct http_conn *c, const struct response *r, bool borrowed)
{
	log_answer(c, r->status);
	c->last = c->last || c->draining || r->status == 400;
	c->state = CONN_SENDING;
	c->in_head = false;
	stream_want_read(c->stream, false);
	loop_timer_start(c->timer, c->config.idle_timeout_ms);
	int err = put_answer(c, r);
	if (!err && !borrowed && c->body_size > 0)
		err = keep_body(c);
	if (err)
		c->state = CONN_OVER;
	return err;
}

static void answer(struct http_exchange *x, const struct response *r, bool borrowed)
{
	struct http_conn *c = conn_of(x);
	assert(c->state == CONN_WAITING);
	int err = http_conn_respond(c, r, borrowed);
	if (err)
		log_debug(c->config.log, "http: no answer: %s", err_str(err));
	if (!c->calling)
		loop_task_queue(c->loop, &c->go_on);
}

void http_answer(struct http_exchange *x, const struct response *r)
{
	answer(x, r, false);
}

void http_answer_file(struct http_exchange *x, const struct asset_table *t)
{
	struct response r = response_for_file(t, &x->head);
	answer(x, &r, true);
}

struct stream *http_upgrade(struct http_exchange *x, const char *protocol, struct buf *early)
{
	struct http_conn *c = conn_of(x);
	struct stream *s = c->stream;
	assert(c->state == CONN_WAITING && x->is_upgrade);
	buf_init(early, HTTP_IN_MAX);
	log_answer(c, 101);
	c->state = CONN_OVER;
	if (!c->calling)
		loop_task_queue(c->loop, &c->go_on);
	stream_want_read(s, false);
	buf_reset(&c->out);
	response_put_upgrade(&c->out, x->accept, protocol);
	if (buf_ok(&c->out) || stream_send(s, c->out.data, c->out.len))
		return NULL;
	c->stream = NULL;
	*early = c->in;
	c->in = (struct buf){ 0 };
	return s;
}
