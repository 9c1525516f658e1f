#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "net/loop_private.h"
#include "net/out_queue.h"
#include "net/tls_private.h"

enum {
	HANDSHAKE_MS = 15 * 1000,
	PENDING_MAX = 1024 * 1024, /* one read of the stream below, and early bytes */
	EARLY_OUT_MAX = 64 * 1024,
	/* What one read may open: it may also end a record of which all but the end
	 * came before. With less room a rest would be left at each turn. */
	PLAIN_MAX = STREAM_READ_MAX,
};

struct tls_stream {
	struct stream s; /* first: a struct stream * is a struct tls_stream * */
	struct loop *loop;
	struct stream *below;
	struct tls_context *ctx;
	struct tls_wire wire;
	void (*ready)(void *ctx);
	void *ready_ctx;
	struct loop_timer *deadline; /* of the handshake, NULL afterwards */
	struct loop_task go_on;
	struct buf pending;         /* sealed: the owner paused, or had its turn */
	struct out_queue early_out; /* plain, sent before the handshake was done */
	bool reading;               /* the owner wants data */
	bool calling;               /* inside a callback of below, a timer or a task */
	bool gone;                  /* destroyed from there */
	bool ended;                 /* on_end was called */
};

/* Defined last, after the operations it names. */
static const struct stream_ops tls_stream_ops;

static struct tls_stream *tls_stream(struct stream *s)
{
	assert(s->ops == &tls_stream_ops);
	return (struct tls_stream *)s;
}

static void stop_deadline(struct tls_stream *s)
{
	loop_timer_destroy(s->deadline);
	s->deadline = NULL;
}

static void tell_end(struct tls_stream *s, int err)
{
	s->ended = true;
	s->reading = false;
	stop_deadline(s);
	loop_task_cancel(s->loop, &s->go_on);
	s->s.events->on_end(s->s.ctx, err);
}

/* False when that has failed. */
static bool seal_early(struct tls_stream *s)
{
	struct iovec part;
	int err = OK;
	while (!err && out_queue_peek(&s->early_out, &part, 1) > 0) {
		err = tls_wire_seal(&s->wire, &part, 1);
		out_queue_consume(&s->early_out, part.iov_len);
	}
	return !err;
}

static void shaken(struct tls_stream *s)
{
	bool had_early = s->early_out.len > 0;
	stop_deadline(s);
	if (!seal_early(s))
		return;
	if (s->ready)
		s->ready(s->ready_ctx);
	if (!s->gone && had_early && stream_queued(s->below) == 0)
		s->s.events->on_drain(s->s.ctx);
}

static void read_some(struct tls_stream *s)
{
	uint8_t plain[PLAIN_MAX];
	size_t n = tls_wire_open(&s->wire, plain, sizeof(plain));
	if (n > 0)
		s->s.events->on_data(s->s.ctx, plain, n);
	if (!s->gone && s->wire.over && s->reading)
		tell_end(s, s->wire.over_err);
}

static void advance(struct tls_stream *s)
{
	if (!s->wire.shaken) {
		int err = tls_wire_shake(&s->wire);
		if (!err)
			shaken(s);
		else if (err != ERR_AGAIN)
			tell_end(s, err);
	}
	if (!s->gone && !s->ended && s->wire.broken && !s->wire.over)
		tell_end(s, ERR_IO);
	else if (!s->gone && s->wire.shaken && s->reading)
		read_some(s);
}

/* Whether there is something to do without more from below. */
static bool has_more(const struct tls_stream *s)
{
	const struct tls_wire *w = &s->wire;
	return s->pending.len > 0 || w->eof || w->over || w->broken ||
	       (w->shaken && tls_wire_has_plain(w));
}

static void update(struct tls_stream *s)
{
	bool more = has_more(s);
	bool want = !s->ended && (s->reading || !s->wire.shaken);
	if ((want && more) || (!s->ended && s->wire.broken && !s->wire.over))
		loop_task_queue(s->loop, &s->go_on);
	stream_want_read(s->below, want && !more);
}

static void release(struct tls_stream *s)
{
	tls_wire_fini(&s->wire);
	tls_context_unref(s->ctx);
	buf_fini(&s->pending);
	out_queue_fini(&s->early_out);
	free(s);
}

/* Ends a callback of below, a timer or a task. */
static void returned(struct tls_stream *s)
{
	s->calling = false;
	s->wire.in = NULL;
	s->wire.in_len = 0;
	if (s->gone)
		release(s);
	else
		update(s);
}

static void on_below_data(void *ctx, const uint8_t *data, size_t n)
{
	struct tls_stream *s = ctx;
	s->calling = true;
	s->wire.in = data;
	s->wire.in_len = n;
	advance(s);
	if (!s->gone && !s->ended) {
		buf_put(&s->pending, s->wire.in, s->wire.in_len);
		if (buf_ok(&s->pending))
			tell_end(s, buf_ok(&s->pending));
	}
	returned(s);
}

static void on_below_drain(void *ctx)
{
	struct tls_stream *s = ctx;
	if (s->wire.shaken && !s->ended)
		s->s.events->on_drain(s->s.ctx);
}

static void on_below_end(void *ctx, int err)
{
	struct tls_stream *s = ctx;
	if (s->ended)
		return;
	s->wire.eof = true;
	s->wire.eof_err = err;
	s->calling = true;
	/* One who does not read is told at once: it can only be that sending failed. */
	if (s->wire.shaken && !s->reading)
		tell_end(s, err ? err : ERR_IO);
	returned(s);
}

static const struct stream_events below_events = {
	.on_data = on_below_data,
	.on_drain = on_below_drain,
	.on_end = on_below_end,
};

static void keep_pending(struct tls_stream *s)
{
	size_t max = s->pending.max;
	buf_consume(&s->pending, s->pending.len - s->wire.in_len);
	if (s->pending.len > 0)
		return;
	buf_fini(&s->pending);
	buf_init(&s->pending, max);
}

/* What was kept comes before what below still has. */
static void go_on(void *ctx)
{
	struct tls_stream *s = ctx;
	s->calling = true;
	s->wire.in = s->pending.data;
	s->wire.in_len = s->pending.len;
	advance(s);
	if (!s->gone)
		keep_pending(s);
	returned(s);
}

static void too_slow(void *ctx)
{
	struct tls_stream *s = ctx;
	s->calling = true;
	s->wire.broken = true;
	tls_wire_keep_error(&s->wire, "the TLS handshake has taken longer than 15 s");
	tell_end(s, ERR_IO);
	returned(s);
}

static size_t tls_room(const struct stream *self)
{
	const struct tls_stream *s = (const struct tls_stream *)self;
	return s->wire.shaken ? tls_wire_room(stream_room(s->below))
			      : EARLY_OUT_MAX - s->early_out.len;
}

static int send_early(struct tls_stream *s, const struct iovec *parts, size_t n)
{
	int err = OK;
	for (size_t i = 0; i < n && !err; i++)
		err = out_queue_put(&s->early_out, parts[i].iov_base, parts[i].iov_len);
	if (err)
		s->wire.broken = true;
	return err;
}

static int tls_sendv(struct stream *self, const struct iovec *parts, size_t n)
{
	struct tls_stream *s = tls_stream(self);
	size_t left = tls_room(self);
	if (s->ended || s->wire.broken || s->wire.unsent)
		return ERR_IO;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].iov_len > left)
			return ERR_LIMIT;
		left -= parts[i].iov_len;
	}
	int err = s->wire.shaken ? tls_wire_seal(&s->wire, parts, n) : send_early(s, parts, n);
	if (err && !s->calling)
		update(s);
	return err;
}

static int tls_send(struct stream *self, const void *data, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)data, n };
	return tls_sendv(self, &part, 1);
}

static size_t tls_queued(const struct stream *self)
{
	const struct tls_stream *s = (const struct tls_stream *)self;
	return stream_queued(s->below) + s->early_out.len;
}

static void tls_want_read(struct stream *self, bool on)
{
	struct tls_stream *s = tls_stream(self);
	s->reading = on && !s->ended;
	if (!s->calling)
		update(s);
}

static void tls_close(struct stream *self, bool flush)
{
	struct tls_stream *s = tls_stream(self);
	if (s->loop && (flush || stream_queued(s->below) == 0))
		tls_wire_good_bye(&s->wire);
	stream_close(s->below, flush);
	loop_task_cancel(s->loop, &s->go_on);
	stop_deadline(s);
	s->gone = true;
	if (!s->calling)
		release(s);
}

static int tls_fd(const struct stream *self)
{
	return stream_fd(((const struct tls_stream *)self)->below);
}

/* A handshake that moves has its 15 s anew. */
static int start_deadline(struct tls_stream *s)
{
	s->deadline = loop_timer_create(s->loop, too_slow, s);
	if (!s->deadline)
		return ERR_NOMEM;
	loop_timer_start(s->deadline, HANDSHAKE_MS);
	return OK;
}

static int tls_detach(struct stream *self)
{
	struct tls_stream *s = tls_stream(self);
	assert(!s->calling);
	int err = stream_detach(s->below);
	if (err)
		return err;
	loop_task_cancel(s->loop, &s->go_on);
	stop_deadline(s);
	s->loop = NULL;
	return OK;
}

static int tls_attach(struct stream *self, struct loop *l)
{
	struct tls_stream *s = tls_stream(self);
	s->loop = l;
	int err = s->wire.shaken || s->ended ? OK : start_deadline(s);
	if (!err)
		err = stream_attach(s->below, l);
	if (err) {
		stop_deadline(s);
		s->loop = NULL;
		return err;
	}
	/* A client that has moved at once has not begun. */
	if (!s->ended)
		loop_task_queue(l, &s->go_on);
	update(s);
	return OK;
}

static const struct stream_ops tls_stream_ops = {
	.name = "tls",
	.send = tls_send,
	.sendv = tls_sendv,
	.queued = tls_queued,
	.want_read = tls_want_read,
	.close = tls_close,
	.fd = tls_fd,
	.room = tls_room,
	.detach = tls_detach,
	.attach = tls_attach,
};

/* host: NULL for a server */
static struct stream *create(struct loop *l, struct tls_context *ctx, struct stream *below,
	const char *host, const uint8_t *early, size_t n_early)
{
	struct tls_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct tls_stream){
		.s = { .ops = &tls_stream_ops },
		.loop = l,
		.below = below,
		.ctx = tls_context_ref(ctx),
		.wire = { .below = below },
		.go_on = { .run = go_on, .ctx = s },
	};
	buf_init(&s->pending, PENDING_MAX);
	buf_put(&s->pending, early, n_early);
	if (!tls_wire_init(&s->wire, ctx) || (host && !tls_wire_set_host(&s->wire, host)) ||
		buf_ok(&s->pending) || start_deadline(s)) {
		release(s);
		return NULL;
	}
	stream_want_read(below, false);
	stream_set_events(below, &below_events, s);
	loop_task_queue(l, &s->go_on);
	return &s->s;
}

struct stream *tls_stream_server(struct loop *l, struct tls_context *ctx, struct stream *below,
	const uint8_t *early, size_t n_early)
{
	return create(l, ctx, below, NULL, early, n_early);
}

struct stream *tls_stream_client(
	struct loop *l, struct tls_context *ctx, struct stream *below, const char *host)
{
	return create(l, ctx, below, host, NULL, 0);
}

void tls_stream_on_ready(struct stream *self, void (*ready)(void *ctx), void *ctx)
{
	struct tls_stream *s = tls_stream(self);
	s->ready = ready;
	s->ready_ctx = ctx;
}

const char *tls_stream_error(const struct stream *s)
{
	return s->ops == &tls_stream_ops ? ((const struct tls_stream *)s)->wire.error : NULL;
}
