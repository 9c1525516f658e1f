#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/server_private.h"

enum {
	HEAD_TIMEOUT_MS = 10 * 1000,
	IDLE_TIMEOUT_MS = 30 * 1000,
	BODY_RATE = 1024, /* bytes a second, once the free time is over */
	KEEP_MAX = 4096,  /* what a buffer of an idle connection may hold */
};

static void finish(struct http_conn *c, bool flush)
{
	bool waiting = c->state == CONN_WAITING;
	c->state = CONN_OVER;
	stream_close(c->stream, flush);
	c->stream = NULL;
	if (waiting && c->x.on_gone)
		c->x.on_gone(c->x.gone_ctx);
	c->config.on_done(c->config.ctx, c);
	http_conn_destroy(c);
}

static void refuse(struct http_conn *c, int status)
{
	struct response r = response_for_error(status);
	char json[256];
	if (c->config.json_errors) {
		const char *advice = (const char *)r.body;
		int n = snprintf(json, sizeof(json), "{\"error\":\"%.*s\"}",
			(int)strcspn(advice, "\n"), advice);
		r.type = "application/json";
		r.body = (const uint8_t *)json;
		r.body_len = (size_t)n;
	}
	http_conn_respond(c, &r, false);
}

/* There is no head, or not all of it. */
static void refuse_headless(struct http_conn *c, int status)
{
	static const struct http_text none = { "-", 1 };
	c->x.head = (struct http_request){ .method = none, .path = none };
	c->last = true;
	refuse(c, status);
}

/* A connection that idles holds little memory, one that is in use asks for none. */
static void trim(struct buf *b)
{
	size_t max = b->max;
	if (b->cap > KEEP_MAX) {
		buf_fini(b);
		buf_init(b, max);
	}
	buf_reset(b);
}

static size_t long_one(const struct buf *b)
{
	return b->cap > HTTP_HEAD_MAX ? b->cap : 0;
}

bool http_conn_charge(struct http_conn *c)
{
	struct http_budget *b = c->config.budget;
	if (!b)
		return true;
	size_t held = long_one(&c->x.body) + long_one(&c->kept);
	b->used = b->used - c->charged + held;
	c->charged = held;
	return held == 0 || b->used <= b->max;
}

static void drop_body(struct http_conn *c)
{
	size_t max = c->x.body.max;
	buf_fini(&c->x.body);
	buf_init(&c->x.body, max);
	http_conn_charge(c);
}

/* Waits for more of a head, or for the first byte of one. */
static void wait_for_request(struct http_conn *c)
{
	if (c->in.len == 0) {
		trim(&c->in);
		trim(&c->out);
		trim(&c->x.bytes);
		trim(&c->x.body);
		http_conn_charge(c);
	} else if (!c->in_head) {
		c->in_head = true;
		loop_timer_start(c->timer, c->config.head_timeout_ms);
	}
	stream_want_read(c->stream, true);
}

static void ask(struct http_conn *c)
{
	c->state = CONN_WAITING;
	c->in_head = false;
	c->x.on_gone = NULL;
	loop_timer_stop(c->timer);
	c->calling = true;
	c->config.on_request(c->config.ctx, &c->x);
	c->calling = false;
	if (c->state == CONN_WAITING) /* to see it leave */
		stream_want_read(c->stream, c->in.len < HTTP_HEAD_MAX);
}

static bool has_body(const struct http_request *r)
{
	return r->chunked || r->content_length > 0;
}

/* Who runs the server may have to tell it a name. */
static void log_stranger(const struct http_conn *c, int status)
{
	const struct http_request *r = &c->x.head;
	const struct http_text *host = http_request_field(r, "Host");
	const struct http_text *origin = http_request_field(r, "Origin");
	static const struct http_text none = { "none", 4 };
	const struct http_text *name = status == 403 ? origin : host;
	if (!name)
		name = &none;
	log_info(c->config.log, "http: refused %.*s for %s %.*s: %d", (int)r->path.n, r->path.p,
		status == 403 ? "origin" : "host", (int)name->n, name->p, status);
}

/* 0: go on; else the status to answer before the body is looked at. */
static int judge(struct http_conn *c)
{
	const struct http_request *r = &c->x.head;
	const struct http_text *expect = http_request_field(r, "Expect");
	int status = origin_check(c->config.origin, r);
	c->x.is_upgrade = upgrade_is_wanted(r) && !has_body(r);
	if (status) {
		log_stranger(c, status);
		return status;
	}
	if (has_body(r) && (http_text_is(r->method, "HEAD") || http_text_is(r->method, "GET")))
		return 400;
	if (r->content_length > (long long)c->config.body_max ||
		(r->chunked && c->config.body_max == 0))
		return 413;
	if (expect && !http_text_is_nocase(*expect, "100-continue"))
		return 417;
	return c->x.is_upgrade ? upgrade_check(r, c->x.accept) : 0;
}

static int start_body(struct http_conn *c)
{
	static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct http_request *r = &c->x.head;
	c->state = CONN_BODY;
	c->in_head = false;
	c->chunked = (struct chunked){ 0 };
	c->body_left = r->chunked ? 0 : (size_t)r->content_length;
	c->body_seen = 0;
	c->body_late = false;
	loop_timer_start(c->timer, c->config.head_timeout_ms);
	stream_want_read(c->stream, true);
	if (r->minor == 1 && c->in.len == 0 && http_request_field(r, "Expect"))
		return stream_send(c->stream, go, sizeof(go) - 1);
	return OK;
}

/* The head's bytes stay where its texts point; what follows becomes `in`. */
static int keep_head(struct http_conn *c, struct rd rest)
{
	struct buf all = c->in;
	c->in = c->x.bytes;
	c->x.bytes = all;
	buf_reset(&c->in);
	buf_put(&c->in, rest.p, rest.left);
	return buf_ok(&c->in);
}

static void take_head(struct http_conn *c)
{
	struct rd in = rd_of(c->in.data, c->in.len);
	int status = 0;
	int err = http_request_parse(&in, &c->x.head, &status);
	if (err == ERR_AGAIN) {
		wait_for_request(c);
		return;
	}
	buf_reset(&c->x.body);
	if (err) {
		refuse_headless(c, status);
		return;
	}
	bool body = has_body(&c->x.head);
	c->last = !c->x.head.keep_alive;
	status = judge(c);
	if (keep_head(c, in)) {
		c->state = CONN_OVER;
	} else if (status) {
		c->last = c->last || body;
		refuse(c, status);
	} else if (!body) {
		ask(c);
	} else if (start_body(c)) {
		c->state = CONN_OVER;
	}
}

static int take_sized(struct http_conn *c, struct rd *in)
{
	size_t n = c->body_left < in->left ? c->body_left : in->left;
	buf_put(&c->x.body, rd_bytes(in, n), n);
	c->body_left -= n;
	if (buf_ok(&c->x.body))
		return buf_ok(&c->x.body);
	return c->body_left > 0 ? ERR_AGAIN : OK;
}

static void take_body(struct http_conn *c)
{
	struct rd in = rd_of(c->in.data, c->in.len);
	int err =
		c->x.head.chunked ? chunked_take(&c->chunked, &in, &c->x.body) : take_sized(c, &in);
	c->body_seen += c->in.len - in.left;
	buf_consume(&c->in, c->in.len - in.left);
	bool fits = http_conn_charge(c);
	if (err == ERR_NOMEM) {
		c->state = CONN_OVER;
	} else if (!fits) {
		c->last = true;
		drop_body(c);
		refuse(c, 503);
	} else if (err == ERR_PROTO || err == ERR_LIMIT) {
		c->last = true;
		refuse(c, err == ERR_PROTO ? 400 : 413);
	} else if (!err) {
		ask(c);
	}
}

/* What comes after an answer. The connection may be gone afterwards. */
static void settle(struct http_conn *c)
{
	if (c->state == CONN_SENDING && !http_conn_is_busy(c)) {
		c->state = CONN_HEAD;
		buf_fini(&c->kept);
		http_conn_charge(c);
		if (c->last || c->draining)
			finish(c, true);
		else if (c->in.len > 0)
			loop_task_queue(c->loop, &c->go_on); /* others first */
		else
			wait_for_request(c);
	} else if (c->state == CONN_OVER) {
		finish(c, false);
	}
}

/* One request at most, so that who sends many ahead is not the only one served. */
static void go_on(void *ctx)
{
	struct http_conn *c = ctx;
	if (c->state == CONN_HEAD && c->draining) {
		finish(c, true);
		return;
	}
	if (c->state == CONN_HEAD)
		take_head(c);
	if (c->state == CONN_BODY)
		take_body(c);
	settle(c);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct http_conn *c = ctx;
	buf_put(&c->in, data, n);
	if (buf_ok(&c->in))
		finish(c, false);
	else if (c->state == CONN_WAITING)
		stream_want_read(c->stream, c->in.len < HTTP_HEAD_MAX);
	else
		go_on(c);
}

static void on_drain(void *ctx)
{
	struct http_conn *c = ctx;
	if (c->state != CONN_SENDING)
		return;
	loop_timer_start(c->timer, c->config.idle_timeout_ms);
	if (http_conn_send_body(c))
		c->state = CONN_OVER;
	settle(c);
}

static void on_end(void *ctx, int err)
{
	(void)err;
	finish(ctx, false);
}

static const struct stream_events events = { on_data, on_drain, on_end };

/* True: a body came fast enough, and has as long again. */
static bool body_may_go_on(struct http_conn *c)
{
	unsigned window_ms = c->config.head_timeout_ms / 2;
	if (c->body_late && c->body_seen < (size_t)window_ms * BODY_RATE / 1000)
		return false;
	c->body_late = true;
	c->body_seen = 0;
	loop_timer_start(c->timer, window_ms);
	return true;
}

static void time_out(void *ctx)
{
	struct http_conn *c = ctx;
	bool in_body = c->state == CONN_BODY;
	bool in_head = c->state == CONN_HEAD && c->in_head && c->in.len > 0;
	if (in_body && body_may_go_on(c))
		return;
	c->last = true;
	if (in_head)
		refuse_headless(c, 408);
	else if (in_body)
		refuse(c, 408);
	finish(c, (in_head || in_body) && c->state == CONN_SENDING);
}

static void set_config(struct http_conn *c, const struct http_config *config)
{
	c->config = *config;
	if (!c->config.head_timeout_ms)
		c->config.head_timeout_ms = HEAD_TIMEOUT_MS;
	if (!c->config.idle_timeout_ms)
		c->config.idle_timeout_ms = IDLE_TIMEOUT_MS;
	if (c->config.body_max > HTTP_BODY_MAX)
		c->config.body_max = HTTP_BODY_MAX;
	buf_init(&c->in, HTTP_IN_MAX);
	buf_init(&c->out, HTTP_ANSWER_HEAD_MAX);
	buf_init(&c->x.bytes, HTTP_IN_MAX);
	buf_init(&c->x.body, c->config.body_max);
	c->peer = strdup(config->peer ? config->peer : "");
}

struct http_conn *http_conn_create(struct loop *l, const struct http_config *config,
	struct stream *s, const uint8_t *early, size_t n_early)
{
	struct http_conn *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->loop = l;
	c->go_on = (struct loop_task){ .run = go_on, .ctx = c };
	c->in_head = true;
	set_config(c, config);
	buf_put(&c->in, early, n_early);
	c->timer = loop_timer_create(l, time_out, c);
	if (buf_ok(&c->in) || !c->timer || !c->peer)
		goto fail;
	c->stream = s; /* last: from here on it is ours */
	stream_set_events(s, &events, c);
	loop_timer_start(c->timer, c->config.head_timeout_ms);
	loop_task_queue(l, &c->go_on);
	return c;

fail:
	http_conn_destroy(c);
	return NULL;
}

void http_conn_destroy(struct http_conn *c)
{
	if (!c)
		return;
	stream_close(c->stream, false);
	loop_task_cancel(c->loop, &c->go_on);
	loop_timer_destroy(c->timer);
	buf_fini(&c->in);
	buf_fini(&c->out);
	buf_fini(&c->kept);
	buf_fini(&c->x.bytes);
	drop_body(c);
	free(c->peer);
	free(c);
}

void http_conn_drain(struct http_conn *c)
{
	c->draining = true;
	if (c->state == CONN_HEAD)
		loop_task_queue(c->loop, &c->go_on);
}
