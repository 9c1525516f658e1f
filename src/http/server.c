#include "http/server.h"

#include <stdlib.h>
#include <time.h>

#include "http/response.h"
#include "http/upgrade.h"
#include "net/ws_stream.h"

enum {
	HEAD_TIMEOUT_MS = 10 * 1000,
	IDLE_TIMEOUT_MS = 30 * 1000,
	/* A head that is not complete yet and one read of the stream. */
	IN_MAX = HTTP_HEAD_MAX + 32 * 1024,
	RESPONSE_HEAD_MAX = 4 * 1024,
	/* A file goes out in pieces of this size, the next one when the one before
	 * has left: what waits for a slow reader is the file itself. */
	PIECE = 32 * 1024,
};

struct http_conn {
	struct loop *loop;
	struct http_config config;
	struct stream *stream;
	struct loop_timer *timer; /* of the head, of idling or of a slow reader */
	struct loop_task start;
	struct buf in;
	const uint8_t *body; /* borrowed: what of the response is not sent yet */
	size_t body_left;
	bool in_head; /* the timer runs for a head */
	bool last;    /* the connection ends after this response */
};

static void finish(struct http_conn *c, bool flush)
{
	stream_close(c->stream, flush);
	c->stream = NULL;
	c->config.on_done(c->config.ctx, c);
	http_conn_destroy(c);
}

static bool is_busy(const struct http_conn *c)
{
	return c->body_left > 0 || stream_queued(c->stream) > 0;
}

/* Sends what the stream takes without queueing more than a piece. */
static int send_body(struct http_conn *c)
{
	while (c->body_left > 0 && stream_queued(c->stream) == 0) {
		size_t n = c->body_left < PIECE ? c->body_left : PIECE;
		int err = stream_send(c->stream, c->body, n);
		if (err)
			return err;
		c->body += n;
		c->body_left -= n;
	}
	return OK;
}

static int respond(struct http_conn *c, const struct response *r, bool with_body)
{
	struct buf head;
	buf_init(&head, RESPONSE_HEAD_MAX);
	response_put_head(&head, r, !c->last, time(NULL));
	c->body = r->body;
	c->body_left = with_body ? r->body_len : 0;
	size_t n = c->body_left < PIECE ? c->body_left : PIECE;
	struct iovec parts[] = {
		{ head.data, head.len },
		{ (void *)(uintptr_t)c->body, n },
	};
	int err = buf_ok(&head);
	if (!err)
		err = stream_sendv(c->stream, parts, n > 0 ? 2 : 1);
	buf_fini(&head);
	if (err)
		return err;
	if (n > 0)
		c->body += n;
	c->body_left -= n;
	c->in_head = false;
	stream_want_read(c->stream, false);
	loop_timer_start(c->timer, c->config.idle_timeout_ms);
	return send_body(c);
}

/* The query is never logged: it may hold what only its sender should know. */
static void log_answer(const struct http_conn *c, const struct http_request *r, int status)
{
	const struct http_text *host = http_request_field(r, "Host");
	struct http_text name = host ? *host : (struct http_text){ "none", 4 };
	if (status == 403 || status == 421)
		log_info(c->config.log, "http: refused %.*s for host %.*s: %d", (int)r->path.n,
			r->path.p, (int)name.n, name.p, status);
	else
		log_debug(c->config.log, "http: %.*s %.*s: %d", (int)r->method.n, r->method.p,
			(int)r->path.n, r->path.p, status);
}

static int refuse(struct http_conn *c, int status)
{
	struct response r = response_for_error(status);
	log_debug(c->config.log, "http: refused: %d", status);
	return respond(c, &r, true);
}

static void hand_over(struct http_conn *c, struct rd early)
{
	struct http_config config = c->config;
	const struct ws_config server = { .role = WS_SERVER };
	struct stream *ws = ws_stream_create(c->loop, c->stream, &server, early.p, early.left);
	if (!ws) {
		finish(c, false);
		return;
	}
	c->stream = NULL;
	http_conn_destroy(c);
	config.on_websocket(config.ctx, ws);
}

/* OK, an error, or ERR_AGAIN: accepted, the stream is to be handed over. */
static int upgrade(struct http_conn *c, const struct http_request *r)
{
	char accept[UPGRADE_ACCEPT_TEXT];
	const char *protocol = NULL;
	int status = upgrade_check(r, accept);
	if (!status) {
		status = 404;
		protocol = c->config.on_upgrade(c->config.ctx, r, &status);
	}
	log_answer(c, r, protocol ? 101 : status);
	if (!protocol) {
		struct response out = response_for_error(status);
		return respond(c, &out, true);
	}

	struct buf head;
	buf_init(&head, RESPONSE_HEAD_MAX);
	response_put_upgrade(&head, accept, protocol);
	int err = buf_ok(&head);
	if (!err)
		err = stream_send(c->stream, head.data, head.len);
	buf_fini(&head);
	return err ? err : ERR_AGAIN;
}

static int answer(struct http_conn *c, const struct http_request *r)
{
	bool has_body = r->chunked || r->content_length > 0;
	bool is_head = http_text_is(r->method, "HEAD");
	int status = origin_check(c->config.origin, r);
	c->last = !r->keep_alive || has_body;
	if (!status && has_body && (is_head || http_text_is(r->method, "GET")))
		status = 400;
	if (!status && upgrade_is_wanted(r) && !has_body)
		return upgrade(c, r);

	struct response out =
		status ? response_for_error(status) : response_for_file(c->config.assets, r);
	log_answer(c, r, out.status);
	return respond(c, &out, !is_head);
}

/* Waits for more of a head, or for the first byte of one. */
static void wait_for_request(struct http_conn *c)
{
	if (c->in.len == 0) {
		buf_fini(&c->in); /* an idle connection holds no memory for it */
		buf_init(&c->in, IN_MAX);
	} else if (!c->in_head) {
		c->in_head = true;
		loop_timer_start(c->timer, c->config.head_timeout_ms);
	}
	stream_want_read(c->stream, true);
}

/* Answers one request after the other until one is not complete or a response
 * has to wait for its reader. The connection may be gone afterwards. */
static void run(struct http_conn *c)
{
	while (!is_busy(c) && !c->last) {
		struct http_request r;
		struct rd in = rd_of(c->in.data, c->in.len);
		int status = 0;
		int err = http_request_parse(&in, &r, &status);
		if (err == ERR_AGAIN) {
			wait_for_request(c);
			return;
		}
		c->last = err != OK;
		err = err ? refuse(c, status) : answer(c, &r);
		if (err == ERR_AGAIN) {
			hand_over(c, in);
			return;
		}
		if (err) {
			finish(c, false);
			return;
		}
		buf_consume(&c->in, c->in.len - in.left);
	}
	if (!is_busy(c))
		finish(c, true);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct http_conn *c = ctx;
	buf_put(&c->in, data, n);
	if (buf_ok(&c->in))
		finish(c, false);
	else
		run(c);
}

static void on_drain(void *ctx)
{
	struct http_conn *c = ctx;
	loop_timer_start(c->timer, c->config.idle_timeout_ms);
	if (send_body(c))
		finish(c, false);
	else
		run(c);
}

static void on_end(void *ctx, int err)
{
	(void)err;
	finish(ctx, false);
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void start(void *ctx)
{
	run(ctx);
}

static void time_out(void *ctx)
{
	struct http_conn *c = ctx;
	c->last = true;
	if (c->in_head && c->in.len > 0 && refuse(c, 408) == OK)
		finish(c, true);
	else
		finish(c, false);
}

struct http_conn *http_conn_create(struct loop *l, const struct http_config *config,
	struct stream *s, const uint8_t *early, size_t n_early)
{
	struct http_conn *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	*c = (struct http_conn){
		.loop = l,
		.config = *config,
		.start = { .run = start, .ctx = c },
		.in_head = true,
	};
	if (!c->config.head_timeout_ms)
		c->config.head_timeout_ms = HEAD_TIMEOUT_MS;
	if (!c->config.idle_timeout_ms)
		c->config.idle_timeout_ms = IDLE_TIMEOUT_MS;
	buf_init(&c->in, IN_MAX);
	buf_put(&c->in, early, n_early);
	c->timer = loop_timer_create(l, time_out, c);
	if (buf_ok(&c->in) || !c->timer)
		goto fail;
	c->stream = s; /* last: from here on it is ours */
	stream_set_events(s, &events, c);
	loop_timer_start(c->timer, c->config.head_timeout_ms);
	loop_task_queue(l, &c->start);
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
	loop_task_cancel(c->loop, &c->start);
	loop_timer_destroy(c->timer);
	buf_fini(&c->in);
	free(c);
}
