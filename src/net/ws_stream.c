#include "net/ws_stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/ws_out.h"

enum {
	FRAME_MAX = 64 * 1024 * 1024,
	PENDING_MAX = 1024 * 1024, /* one read of the stream below, and early bytes */
	SCRATCH_MAX = 256 * 1024 * 1024,
	CONTROL_MAX = 125,
	PING_MS = 30 * 1000,
	PONG_MS = 10 * 1000,
	PINGS_A_SECOND = 100, /* of the peer, each costs us an answer */
	/* A peer that only sends pings and reads nothing has no more queued for it. */
	PONG_BEHIND_MAX = 64 * 1024,
};

struct ws_stream {
	struct stream s; /* first: a struct stream * is a struct ws_stream * */
	struct loop *loop;
	struct stream *below;
	struct ws_config config;
	unsigned code; /* how it ended; 0 before */
	char *reason;  /* of the peer's Close; NULL: none */
	bool reading;  /* the owner wants data */
	bool ended;    /* on_end was called */
	bool calling;  /* inside a callback of below, a timer or a task */
	bool gone;     /* destroyed from there */

	struct buf pending; /* received but not looked at: the owner paused */
	struct loop_task pump;
	bool below_ended; /* with bytes pending; below_err says how */
	int below_err;

	/* The frame we are in. */
	uint8_t head_bytes[WS_HEAD_MAX]; /* a head that came in pieces */
	size_t head_len;
	struct ws_head head;
	uint64_t at; /* payload bytes seen */
	bool in_frame;
	bool in_message; /* between fragments */
	uint8_t control[CONTROL_MAX];

	uint64_t ping_window_us; /* when counting the peer's pings began */
	int pings;

	struct loop_timer *timer;
	bool waiting; /* for a sign of life after a ping */
	bool heard;
	bool was_queued; /* the ping itself may still be on its way */
	struct buf scratch;
};

/* Defined last, after the operations it names. */
static const struct stream_ops ws_stream_ops;

static struct ws_stream *ws_stream(struct stream *s)
{
	assert(s->ops == &ws_stream_ops);
	return (struct ws_stream *)s;
}

static bool masks(const struct ws_stream *s)
{
	return s->config.role == WS_CLIENT;
}

static void tell_end(struct ws_stream *s, int err)
{
	s->ended = true;
	s->reading = false;
	s->code = s->code ? s->code : WS_CODE_LOST;
	loop_timer_stop(s->timer);
	stream_want_read(s->below, false);
	s->s.events->on_end(s->s.ctx, err);
}

static void send_close(struct ws_stream *s, unsigned code, const char *reason)
{
	uint8_t payload[2 + WS_REASON_MAX] = { (uint8_t)(code >> 8), (uint8_t)code };
	size_t n = reason ? strnlen(reason, WS_REASON_MAX + 1) : 0;
	if (n > WS_REASON_MAX)
		for (n = WS_REASON_MAX; n > 0 && ((uint8_t)reason[n] & 0xc0) == 0x80;)
			n--;
	if (n > 0)
		memcpy(payload + 2, reason, n);
	/* Without room for it the connection just ends. */
	int err = ws_out_control(s->below, masks(s), WS_CLOSE, payload, code ? 2 + n : 0);
	(void)err;
}

static void refuse(struct ws_stream *s, enum ws_code code)
{
	s->code = code;
	send_close(s, code, NULL);
	tell_end(s, code == WS_CODE_TOO_BIG || code == WS_CODE_POLICY ? ERR_LIMIT : ERR_PROTO);
}

/* What a peer may send, RFC 6455 section 7.4. */
static bool close_code_valid(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static void on_close_frame(struct ws_stream *s)
{
	if (s->head.len == 0) {
		s->code = WS_CODE_NONE;
		send_close(s, 0, NULL);
		tell_end(s, OK);
		return;
	}
	unsigned code = s->head.len == 1 ? 0 : (unsigned)(s->control[0] << 8 | s->control[1]);
	if (!close_code_valid(code)) {
		refuse(s, WS_CODE_PROTOCOL);
		return;
	}
	s->code = code;
	s->reason = strndup((const char *)s->control + 2, (size_t)s->head.len - 2);
	send_close(s, code, NULL);
	tell_end(s, code == WS_CODE_NORMAL || code == WS_CODE_GOING_AWAY ? OK : ERR_IO);
}

static void on_ping(struct ws_stream *s)
{
	uint64_t now = clock_now_us();
	if (now - s->ping_window_us >= 1000000) {
		s->ping_window_us = now;
		s->pings = 0;
	}
	if (++s->pings > PINGS_A_SECOND) {
		refuse(s, WS_CODE_POLICY);
		return;
	}
	/* A long queue drops the answer; the bytes before it show that we live. */
	if (stream_queued(s->below) > PONG_BEHIND_MAX)
		return;
	int err = ws_out_control(s->below, masks(s), WS_PONG, s->control, (size_t)s->head.len);
	(void)err;
}

static void frame_done(struct ws_stream *s)
{
	s->in_frame = false;
	switch (s->head.opcode) {
	case WS_CONTINUATION:
	case WS_TEXT:
	case WS_BINARY: s->in_message = !s->head.fin; break;
	case WS_CLOSE: on_close_frame(s); break;
	case WS_PING: on_ping(s); break;
	case WS_PONG: break;
	}
}

static void frame_begins(struct ws_stream *s)
{
	bool control = s->head.opcode >= WS_CLOSE;
	bool continues = s->head.opcode == WS_CONTINUATION;
	if (s->head.masked == masks(s))
		refuse(s, WS_CODE_PROTOCOL);
	else if (s->head.opcode == WS_TEXT && !s->config.text_as_binary)
		refuse(s, WS_CODE_UNSUPPORTED);
	else if (!control && continues != s->in_message)
		refuse(s, WS_CODE_PROTOCOL);
	else if (s->head.len > FRAME_MAX)
		refuse(s, WS_CODE_TOO_BIG);
	s->at = 0;
	s->in_frame = true;
	if (!s->ended && s->head.len == 0)
		frame_done(s);
}

/* Each of the three takes bytes from the front and returns how many. */
static size_t take_payload(struct ws_stream *s, uint8_t *data, size_t n)
{
	uint64_t left = s->head.len - s->at;
	size_t len = left < n ? (size_t)left : n;
	uint64_t offset = s->at;
	s->at += len;
	if (s->head.masked)
		ws_mask(data, len, s->head.mask, offset);
	if (s->head.opcode >= WS_CLOSE)
		memcpy(s->control + offset, data, len);
	if (s->at == s->head.len)
		frame_done(s);
	/* Last, for the owner may destroy us. */
	if (s->head.opcode < WS_CLOSE)
		s->s.events->on_data(s->s.ctx, data, len);
	return len;
}

static size_t take_split_head(struct ws_stream *s, const uint8_t *data, size_t n)
{
	size_t had = s->head_len, room = sizeof(s->head_bytes) - had;
	size_t len = n < room ? n : room;
	memcpy(s->head_bytes + had, data, len);
	struct rd in = rd_of(s->head_bytes, had + len);
	int err = ws_head_parse(&in, &s->head);
	s->head_len = err == ERR_AGAIN ? had + len : 0;
	if (err == ERR_AGAIN)
		return len;
	if (err)
		refuse(s, WS_CODE_PROTOCOL);
	else
		frame_begins(s);
	return len - in.left;
}

static size_t take_head(struct ws_stream *s, const uint8_t *data, size_t n)
{
	if (s->head_len > 0)
		return take_split_head(s, data, n);
	struct rd in = rd_of(data, n);
	int err = ws_head_parse(&in, &s->head);
	if (err == ERR_AGAIN)
		return take_split_head(s, data, n);
	if (err)
		refuse(s, WS_CODE_PROTOCOL);
	else
		frame_begins(s);
	return n - in.left;
}

/* Stops where the owner does not want more. Returns how much was taken. */
static size_t take(struct ws_stream *s, uint8_t *data, size_t n)
{
	size_t done = 0;
	while (done < n && s->reading && !s->gone) {
		if (s->in_frame)
			done += take_payload(s, data + done, n - done);
		else
			done += take_head(s, data + done, n - done);
	}
	return done;
}

static void release(struct ws_stream *s)
{
	buf_fini(&s->pending);
	free(s->reason);
	free(s);
}

static void returned(struct ws_stream *s)
{
	s->calling = false;
	if (s->gone)
		release(s);
}

static void on_below_data(void *ctx, const uint8_t *data, size_t n)
{
	struct ws_stream *s = ctx;
	s->calling = true;
	s->heard = true;
	/* A stream's bytes may be changed in place, see stream.h. */
	size_t done = take(s, (uint8_t *)(uintptr_t)data, n);
	if (!s->gone && !s->ended && done < n) {
		buf_put(&s->pending, data + done, n - done);
		if (buf_ok(&s->pending))
			tell_end(s, buf_ok(&s->pending));
	}
	returned(s);
}

static void on_below_drain(void *ctx)
{
	struct ws_stream *s = ctx;
	if (!s->ended)
		s->s.events->on_drain(s->s.ctx);
}

/* An end without a Close frame is a lost connection, RFC 6455 section 7.1.5. */
static void end_with_below(struct ws_stream *s)
{
	tell_end(s, s->below_err ? s->below_err : ERR_IO);
}

static void on_below_end(void *ctx, int err)
{
	struct ws_stream *s = ctx;
	if (s->ended)
		return;
	s->below_ended = true;
	s->below_err = err;
	s->calling = true;
	if (!s->reading || s->pending.len == 0)
		end_with_below(s);
	returned(s);
}

static const struct stream_events below_events = {
	.on_data = on_below_data,
	.on_drain = on_below_drain,
	.on_end = on_below_end,
};

/* What was kept comes before what below still has. */
static void pump_pending(void *ctx)
{
	struct ws_stream *s = ctx;
	s->calling = true;
	buf_consume(&s->pending, take(s, s->pending.data, s->pending.len));
	if (!s->gone && s->reading && s->below_ended)
		end_with_below(s);
	else if (!s->gone && s->reading)
		stream_want_read(s->below, true);
	returned(s);
}

static void ping(struct ws_stream *s)
{
	s->waiting = true;
	s->heard = false;
	int err = ws_out_control(s->below, masks(s), WS_PING, NULL, 0);
	(void)err; /* on_end comes when it is final */
	s->was_queued = stream_queued(s->below) > 0;
	loop_timer_start(s->timer, PONG_MS);
}

/* Silence proves nothing while we do not read, or while the ping may still wait
 * behind other bytes: the owner watches a queue that does not move. */
static void keep_alive(void *ctx)
{
	struct ws_stream *s = ctx;
	bool excused = !s->reading || s->was_queued;
	s->calling = true;
	if (!s->waiting) {
		ping(s);
	} else if (s->heard) {
		s->waiting = false;
		loop_timer_start(s->timer, PING_MS - PONG_MS);
	} else if (excused) {
		s->was_queued = stream_queued(s->below) > 0;
		loop_timer_start(s->timer, PONG_MS);
	} else {
		tell_end(s, ERR_IO);
	}
	returned(s);
}

static int ws_sendv(struct stream *self, const struct iovec *parts, size_t n)
{
	struct ws_stream *s = ws_stream(self);
	return s->ended ? ERR_IO : ws_out_send(s->below, masks(s), &s->scratch, parts, n);
}

static int ws_send(struct stream *self, const void *data, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)data, n };
	return ws_sendv(self, &part, 1);
}

static size_t ws_queued(const struct stream *self)
{
	return stream_queued(((const struct ws_stream *)self)->below);
}

static void ws_want_read(struct stream *self, bool on)
{
	struct ws_stream *s = ws_stream(self);
	s->reading = on && !s->ended;
	s->heard = true; /* what came while we did not look */
	bool first_pending = s->pending.len > 0 || s->below_ended;
	if (s->reading && first_pending)
		loop_task_queue(s->loop, &s->pump);
	stream_want_read(s->below, s->reading && !first_pending);
}

static void close_with(struct ws_stream *s, bool flush, unsigned code, const char *reason)
{
	if (!s->ended && (flush || stream_queued(s->below) == 0))
		send_close(s, code, reason);
	stream_close(s->below, flush);
	loop_task_cancel(s->loop, &s->pump);
	loop_timer_destroy(s->timer);
	buf_fini(&s->scratch);
	s->gone = true;
	if (!s->calling)
		release(s);
}

static void ws_close(struct stream *self, bool flush)
{
	close_with(ws_stream(self), flush, WS_CODE_NORMAL, NULL);
}

static int ws_fd(const struct stream *self)
{
	return stream_fd(((const struct ws_stream *)self)->below);
}

static const struct stream_ops ws_stream_ops = {
	.name = "websocket",
	.send = ws_send,
	.sendv = ws_sendv,
	.queued = ws_queued,
	.want_read = ws_want_read,
	.close = ws_close,
	.fd = ws_fd,
};

bool ws_stream_is(const struct stream *s)
{
	return s->ops == &ws_stream_ops;
}

void ws_stream_close(struct stream *ws, unsigned code, const char *reason)
{
	if (ws)
		close_with(ws_stream(ws), true, code, reason);
}

unsigned ws_stream_close_code(const struct stream *ws)
{
	return ((const struct ws_stream *)ws)->code;
}

const char *ws_stream_close_reason(const struct stream *ws)
{
	const struct ws_stream *s = (const struct ws_stream *)ws;
	return s->reason ? s->reason : "";
}

struct stream *ws_stream_create(struct loop *l, struct stream *below,
	const struct ws_config *config, const uint8_t *early, size_t n_early)
{
	struct ws_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct ws_stream){
		.s = { .ops = &ws_stream_ops },
		.loop = l,
		.below = below,
		.config = *config,
		.pump = { .run = pump_pending, .ctx = s },
		.timer = loop_timer_create(l, keep_alive, s),
	};
	buf_init(&s->pending, PENDING_MAX);
	buf_init(&s->scratch, SCRATCH_MAX);
	buf_put(&s->pending, early, n_early);
	if (!s->timer || buf_ok(&s->pending)) {
		loop_timer_destroy(s->timer);
		release(s);
		return NULL;
	}
	loop_timer_start(s->timer, PING_MS);
	stream_want_read(below, false);
	stream_set_events(below, &below_events, s);
	return &s->s;
}
