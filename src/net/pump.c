#include "net/pump.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/loop_coarse.h"
#include "net/ws_forward.h"
#include "net/ws_frame.h"
#include "net/ws_stream.h"

enum {
	STALL_S = 60,
	EARLY_MAX = 256 * 1024,
	READ_MAX = 64 * 1024, /* what one more read may bring */
	LOOKS = 4,            /* at a queue, in the time it may stand still */
	SECOND_US = 1000000,
};

struct side {
	struct pump *p;
	struct stream *s; /* owned; NULL: not joined yet, or closed */
	/* Its queue when last looked at, and since when it is no shorter. */
	size_t seen;
	uint64_t moved_us;
};

struct pump {
	struct loop *loop;
	struct side sides[2];
	struct pump_config config;
	void (*on_end)(void *ctx, enum pump_why why);
	void *ctx;
	struct pump_stats stats;
	enum pump_why why;
	bool ending;   /* one side has ended, what it sent is still being written */
	bool over;     /* both sides are closed */
	bool watching; /* a queue */
	struct loop_coarse timer;
	struct buf early; /* until there is a b: bytes, or frames of a WebSocket */
};

static struct side *other(struct side *s)
{
	return &s->p->sides[s == &s->p->sides[PUMP_A] ? PUMP_B : PUMP_A];
}

static int index_of(const struct side *s)
{
	return s == &s->p->sides[PUMP_A] ? PUMP_A : PUMP_B;
}

static void close_side(struct side *s, unsigned code, const char *reason)
{
	struct stream *stream = s->s;
	s->s = NULL;
	if (stream && ws_stream_is(stream))
		ws_stream_close(stream, code, reason);
	else
		stream_close(stream, true);
}

static void close_both(struct pump *p, unsigned code, const char *reason)
{
	p->over = true;
	loop_coarse_stop(p->loop, &p->timer);
	buf_fini(&p->early);
	close_side(&p->sides[PUMP_A], code, reason);
	close_side(&p->sides[PUMP_B], code, reason);
}

/* Why a WebSocket on the other side is closed. */
static unsigned code_to_pass_on(const struct pump *p, const struct side *ended)
{
	if (p->why == PUMP_LOST)
		return WS_CODE_GOING_AWAY;
	unsigned code = ws_stream_is(ended->s) ? ws_stream_close_code(ended->s) : WS_CODE_NORMAL;
	return code == WS_CODE_NONE ? WS_CODE_NORMAL : code;
}

/* The pump may be destroyed when it returns. */
static void finish(struct pump *p)
{
	struct side *ended = &p->sides[p->stats.end];
	bool ws = ended->s && ws_stream_is(ended->s);
	const char *reason = p->why == PUMP_CLOSED && ws ? ws_stream_close_reason(ended->s) : NULL;
	/* The one that says why is closed last. */
	close_side(other(ended), code_to_pass_on(p, ended), reason);
	close_both(p, WS_CODE_GOING_AWAY, NULL);
	p->on_end(p->ctx, p->why);
}

static void end_by_limit(struct pump *p, enum pump_why why, int end)
{
	p->why = why;
	p->stats.end = end;
	if (why == PUMP_STALLED)
		close_side(&p->sides[end], WS_CODE_AGAIN_LATER, "too slow");
	close_both(p, why == PUMP_STALLED ? WS_CODE_GOING_AWAY : WS_CODE_NORMAL, NULL);
	p->on_end(p->ctx, why);
}

/* What waits to be taken by this side. For one that has not come it is what the other
 * has sent, once that is not read any more: nothing else would tell that the sender is
 * gone. */
static size_t waiting_for(const struct side *s)
{
	const struct pump *p = s->p;
	if (s->s)
		return stream_queued(s->s);
	return p->early.len > EARLY_MAX - READ_MAX ? p->early.len : 0;
}

static bool queue_of(struct side *s, uint64_t now, uint64_t limit_us, bool *stalled)
{
	size_t queued = waiting_for(s);
	if (queued == 0 || queued != s->seen)
		s->moved_us = now;
	s->seen = queued;
	*stalled = now - s->moved_us >= limit_us;
	return queued > 0;
}

static unsigned seconds_left(uint64_t since_us, unsigned limit_s, uint64_t now)
{
	uint64_t end = since_us + (uint64_t)limit_s * SECOND_US;
	return end > now ? (unsigned)((end - now) / SECOND_US) + 1 : 0;
}

static void arm(struct pump *p)
{
	uint64_t now = clock_now_us();
	unsigned delay = 0, left;
	if (p->watching)
		delay = p->config.stall_s / LOOKS + 1;
	if (p->config.idle_s) {
		left = seconds_left(p->stats.progress_us, p->config.idle_s, now);
		delay = !delay || left < delay ? left : delay;
	}
	if (p->config.max_s) {
		left = seconds_left(p->stats.began_us, p->config.max_s, now);
		delay = !delay || left < delay ? left : delay;
	}
	if (p->watching || p->config.idle_s || p->config.max_s)
		loop_coarse_start(p->loop, &p->timer, delay);
}

static void look(void *ctx)
{
	struct pump *p = ctx;
	uint64_t now = clock_now_us(), limit = (uint64_t)p->config.stall_s * SECOND_US;
	bool stalled[2];
	bool a = queue_of(&p->sides[PUMP_A], now, limit, &stalled[PUMP_A]);
	bool b = queue_of(&p->sides[PUMP_B], now, limit, &stalled[PUMP_B]);
	p->watching = a || b;
	if (p->watching && (stalled[PUMP_A] || stalled[PUMP_B]))
		end_by_limit(p, PUMP_STALLED, stalled[PUMP_A] ? PUMP_A : PUMP_B);
	else if (p->config.max_s && !seconds_left(p->stats.began_us, p->config.max_s, now))
		end_by_limit(p, PUMP_EXPIRED, PUMP_A);
	else if (p->config.idle_s && !seconds_left(p->stats.progress_us, p->config.idle_s, now))
		end_by_limit(p, PUMP_IDLE, PUMP_A);
	else
		arm(p);
}

static void watch(struct side *s)
{
	struct pump *p = s->p;
	if (p->watching)
		return;
	p->watching = true;
	s->seen = waiting_for(s);
	s->moved_us = clock_now_us();
	arm(p);
}

static void on_end(void *ctx, int err)
{
	struct side *s = ctx, *to = other(s);
	struct pump *p = s->p;
	if (!p->ending) {
		bool ws = ws_stream_is(s->s);
		bool in_order = ws ? ws_stream_peer_closed(s->s) : err == OK;
		p->why = in_order ? PUMP_CLOSED : PUMP_LOST;
		p->stats.end = index_of(s);
		p->stats.err = err;
		p->stats.code = ws ? ws_stream_close_code(s->s) : 0;
		p->ending = true;
		if (to->s && stream_queued(to->s) > 0) {
			stream_want_read(to->s, false);
			watch(to);
			return;
		}
	}
	finish(p);
}

static void on_drain(void *ctx)
{
	struct side *s = ctx;
	s->seen = SIZE_MAX; /* another queue of the same length is not the old one */
	if (s->p->ending)
		finish(s->p);
	else if (other(s)->s)
		stream_want_read(other(s)->s, true);
}

static int keep_early(struct side *from, const struct iovec *parts, size_t n)
{
	struct buf *early = &from->p->early;
	for (size_t i = 0; i < n; i++)
		buf_put(early, parts[i].iov_base, parts[i].iov_len);
	if (early->len > EARLY_MAX - READ_MAX) {
		stream_want_read(from->s, false);
		watch(other(from));
	}
	return buf_ok(early);
}

static int deliver(struct side *from, const struct iovec *parts, size_t n, size_t rest)
{
	struct side *to = other(from);
	if (!to->s)
		return keep_early(from, parts, n);
	int err = OK;
	if (n > 0 && ws_stream_is(from->s) && ws_stream_is(to->s))
		err = ws_stream_send_frames(to->s, parts, n, rest);
	else if (n > 0)
		err = stream_sendv(to->s, parts, n);
	if (err)
		stream_want_read(from->s, false);
	if (!err && stream_queued(to->s) > 0) {
		stream_want_read(from->s, false);
		watch(to);
	}
	return err;
}

static void pass_on(void *ctx, const struct ws_forwarded *what)
{
	struct side *from = ctx;
	struct pump *p = from->p;
	int err = deliver(from, what->parts, what->n, what->rest);
	p->stats.bytes[index_of(from)] += what->payload;
	p->stats.messages[index_of(from)] += what->n_messages;
	p->stats.progress_us = clock_now_us();
	/* A peer that is gone says so itself. */
	if (!err || err == ERR_IO)
		return;
	p->why = PUMP_LOST;
	p->stats.end = index_of(other(from));
	p->stats.err = err;
	finish(p);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)data, n };
	struct ws_forwarded what = { &part, 1, n, 1, 0 };
	pass_on(ctx, &what);
}

static const struct stream_events side_events = {
	.on_data = on_data,
	.on_drain = on_drain,
	.on_end = on_end,
};

/* Without a `to` frames wait in the form they have for a server. */
static void connect_side(struct side *from, const struct stream *to)
{
	struct ws_forward forward = {
		.frames = !to || ws_stream_is(to),
		.mask = to && ws_stream_is(to) && ws_stream_masks(to),
		.whole = !to,
		.write = pass_on,
		.ctx = from,
	};
	stream_set_events(from->s, &side_events, from);
	if (ws_stream_is(from->s))
		ws_stream_forward(from->s, &forward);
}

struct pump *pump_create(struct loop *l, struct stream *a, struct stream *b,
	const struct pump_config *config, void (*on_ended)(void *ctx, enum pump_why why), void *ctx)
{
	struct pump *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct pump){
		.loop = l,
		.sides = { { .p = p, .s = a }, { .p = p, .s = b } },
		.config = *config,
		.on_end = on_ended,
		.ctx = ctx,
		.timer = { .fire = look, .ctx = p },
	};
	if (p->config.stall_s == 0)
		p->config.stall_s = STALL_S;
	p->stats.began_us = p->stats.progress_us = clock_now_us();
	buf_init(&p->early, EARLY_MAX);
	connect_side(&p->sides[PUMP_A], b);
	if (b)
		connect_side(&p->sides[PUMP_B], a);
	stream_want_read(a, !b || stream_queued(b) == 0);
	if (b)
		stream_want_read(b, stream_queued(a) == 0);
	arm(p);
	return p;
}

/* One frame that waited, in writable memory, in the form that `to` wants. */
static int send_early_frame(struct ws_head *h, uint8_t *payload, struct stream *to)
{
	uint8_t head[WS_HEAD_MAX];
	struct iovec parts[2] = { { .iov_base = head }, { payload, (size_t)h->len } };
	if (!ws_stream_is(to))
		return h->len > 0 ? stream_sendv(to, parts + 1, 1) : OK;
	int err = random_bytes(h->mask, sizeof(h->mask));
	h->masked = true;
	parts[0].iov_len = ws_head_write(h, head);
	ws_mask(payload, (size_t)h->len, h->mask, 0);
	return err ? err : ws_stream_send_frames(to, parts, 2, 0);
}

static int send_early_frames(struct rd in, struct stream *to)
{
	int err = OK;
	while (in.left > 0 && !err) {
		struct ws_head h;
		err = ws_head_parse(&in, &h);
		const uint8_t *payload = rd_bytes(&in, (size_t)h.len);
		if (!err)
			err = send_early_frame(&h, (uint8_t *)(uintptr_t)payload, to);
	}
	return err;
}

static int send_early(const struct pump *p, struct stream *to)
{
	const struct buf *early = &p->early;
	struct iovec part = { early->data, early->len };
	bool frames = ws_stream_is(p->sides[PUMP_A].s);
	if (early->len == 0)
		return OK;
	if (frames && ws_stream_is(to) && !ws_stream_masks(to))
		return ws_stream_send_frames(to, &part, 1, 0);
	if (frames)
		return send_early_frames(rd_of(early->data, early->len), to);
	return stream_sendv(to, &part, 1);
}

int pump_join(struct pump *p, struct stream *b)
{
	struct side *a = &p->sides[PUMP_A];
	if (p->over || p->ending)
		return ERR_IO;
	int err = send_early(p, b);
	if (err && err != ERR_IO) /* of which b's own end will tell */
		return err;
	buf_fini(&p->early);
	p->sides[PUMP_B].s = b;
	p->sides[PUMP_B].seen = SIZE_MAX; /* what waits now is another queue */
	connect_side(a, b);
	connect_side(&p->sides[PUMP_B], a->s);
	stream_want_read(a->s, stream_queued(b) == 0);
	stream_want_read(b, stream_queued(a->s) == 0);
	if (stream_queued(b) > 0)
		watch(&p->sides[PUMP_B]);
	return OK;
}

void pump_close(struct pump *p, unsigned code, const char *reason)
{
	if (!p->over)
		close_both(p, code, reason);
}

struct pump_stats pump_stats(const struct pump *p)
{
	return p->stats;
}

void pump_destroy(struct pump *p)
{
	if (!p)
		return;
	pump_close(p, WS_CODE_GOING_AWAY, NULL);
	free(p);
}
