#include "net/ws_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "net/ws_out.h"

enum {
	FRAME_MAX = 64 * 1024 * 1024,
	PENDING_MAX = 1024 * 1024, /* one read of the stream below, and early bytes */
	PING_S = 30,
	PONG_S = 10,
	PINGS_A_SECOND = 50, /* of the peer, each costs us an answer */
	/* A peer that only sends pings and reads nothing has no more queued for it. */
	PONG_BEHIND_MAX = 64 * 1024,
	PONGS_QUEUED_MAX = 64,
};

static void send_close(struct ws_link *l, unsigned code, const char *reason)
{
	uint8_t payload[2 + WS_REASON_MAX] = { (uint8_t)(code >> 8), (uint8_t)code };
	size_t n = reason ? utf8_cut(reason, strlen(reason), WS_REASON_MAX) : 0;
	if (l->sending)
		return; /* it would be taken for payload */
	if (n > 0)
		memcpy(payload + 2, reason, n);
	/* Without room for it the connection just ends. */
	int err = ws_out_control(l->below, ws_link_masks(l), WS_CLOSE, payload, code ? 2 + n : 0);
	(void)err;
}

/* The owner hears of it after what came before has been passed on. */
static void end(struct ws_link *l, unsigned code, int err)
{
	if (l->ended)
		return;
	l->ended = true;
	l->reading = false;
	l->code = code;
	l->err = err;
	loop_coarse_stop(l->loop, &l->alive);
	stream_want_read(l->below, false);
	if (!l->calling)
		loop_task_queue(l->loop, &l->resume);
}

void ws_link_refuse(struct ws_link *l, unsigned code)
{
	bool limit =
		code == WS_CODE_TOO_BIG || code == WS_CODE_POLICY || code == WS_CODE_AGAIN_LATER;
	if (!l->ended)
		send_close(l, code, NULL);
	end(l, code, limit ? ERR_LIMIT : ERR_PROTO);
}

/* What a peer may send, RFC 6455 section 7.4. */
static bool close_code_valid(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static void on_close_frame(struct ws_link *l)
{
	size_t n = (size_t)l->head.len;
	const char *reason = (const char *)l->control + 2;
	if (n == 0) {
		l->peer_closed = true;
		send_close(l, 0, NULL);
		end(l, WS_CODE_NONE, OK);
		return;
	}
	unsigned code = n == 1 ? 0 : (unsigned)(l->control[0] << 8 | l->control[1]);
	if (!close_code_valid(code)) {
		ws_link_refuse(l, WS_CODE_PROTOCOL);
		return;
	}
	if (!utf8_valid(reason, n - 2)) {
		ws_link_refuse(l, WS_CODE_BAD_TEXT);
		return;
	}
	l->peer_closed = true;
	if (n > 2)
		l->reason = strndup(reason, n - 2); /* no memory: no reason */
	send_close(l, code, NULL);
	end(l, code, code == WS_CODE_NORMAL || code == WS_CODE_GOING_AWAY ? OK : ERR_IO);
}

static bool too_many_pings(struct ws_link *l)
{
	uint64_t now = clock_now_us();
	if (now - l->ping_window_us >= 1000000) {
		l->ping_window_us = now;
		l->pings = 0;
	}
	if (stream_queued(l->below) > 0 && ++l->pongs_queued > PONGS_QUEUED_MAX)
		return true;
	return ++l->pings > PINGS_A_SECOND;
}

static void send_pong(struct ws_link *l)
{
	l->pong_due = false;
	int err = ws_out_control(l->below, ws_link_masks(l), WS_PONG, l->control, l->pong_len);
	(void)err; /* on_end comes when it is final */
}

void ws_link_in_frame(struct ws_link *l, bool on)
{
	l->sending = on;
	if (!on && l->pong_due)
		send_pong(l);
}

static void on_ping(struct ws_link *l)
{
	if (too_many_pings(l)) {
		ws_link_refuse(l, WS_CODE_POLICY);
		return;
	}
	/* A long queue drops the answer; the bytes before it show that we live. */
	if (stream_queued(l->below) > PONG_BEHIND_MAX)
		return;
	l->pong_due = l->sending;
	l->pong_len = (uint8_t)l->head.len;
	if (!l->pong_due)
		send_pong(l);
}

static void frame_done(struct ws_link *l)
{
	l->in_frame = false;
	switch (l->head.opcode) {
	case WS_CONTINUATION:
	case WS_TEXT:
	case WS_BINARY: l->in_message = !l->head.fin; break;
	case WS_CLOSE: on_close_frame(l); break;
	case WS_PING: on_ping(l); break;
	case WS_PONG: break;
	}
}

static void frame_begins(struct ws_link *l)
{
	bool control = l->head.opcode >= WS_CLOSE;
	bool continues = l->head.opcode == WS_CONTINUATION;
	unsigned code = 0;
	if (l->head.masked == ws_link_masks(l) || (!control && continues != l->in_message))
		code = WS_CODE_PROTOCOL;
	else if (l->head.len > FRAME_MAX)
		code = WS_CODE_TOO_BIG;
	else if (!control)
		code = l->events->begins(l);
	l->at = 0;
	l->in_frame = !code;
	if (code)
		ws_link_refuse(l, code);
}

/* Each of the three takes bytes from the front and returns how many. */
static size_t take_payload(struct ws_link *l, uint8_t *data, size_t n)
{
	uint64_t left = l->head.len - l->at;
	size_t len = left < n ? (size_t)left : n;
	uint64_t offset = l->at;
	l->at += len;
	bool control = l->head.opcode >= WS_CLOSE;
	if (control && len > 0)
		l->pong_due =
			false; /* the later ping is the one to answer, RFC 6455 section 5.5.3 */
	if (control && len > 0)
		memcpy(l->control + offset, data, len);
	if (control)
		ws_link_unmask(l, l->control + offset, len);
	if (l->at == l->head.len)
		frame_done(l);
	/* Last, for the owner may close the link. */
	if (!control)
		l->events->payload(l, data, len);
	return len;
}

static size_t take_split_head(struct ws_link *l, const uint8_t *data, size_t n)
{
	size_t had = l->head_len, room = sizeof(l->head_bytes) - had;
	size_t len = n < room ? n : room;
	memcpy(l->head_bytes + had, data, len);
	struct rd in = rd_of(l->head_bytes, had + len);
	int err = ws_head_parse(&in, &l->head);
	l->head_len = err == ERR_AGAIN ? (uint8_t)(had + len) : 0;
	if (err == ERR_AGAIN)
		return len;
	if (err)
		ws_link_refuse(l, WS_CODE_PROTOCOL);
	else
		frame_begins(l);
	return len - in.left;
}

static size_t take_head(struct ws_link *l, const uint8_t *data, size_t n)
{
	if (l->head_len > 0)
		return take_split_head(l, data, n);
	struct rd in = rd_of(data, n);
	int err = ws_head_parse(&in, &l->head);
	if (err == ERR_AGAIN)
		return take_split_head(l, data, n);
	if (err)
		ws_link_refuse(l, WS_CODE_PROTOCOL);
	else
		frame_begins(l);
	return n - in.left;
}

static size_t take_whole(struct ws_link *l, uint8_t *data, size_t n)
{
	bool may = l->events->whole && !l->in_message && l->head_len == 0;
	return may ? l->events->whole(l, data, n) : 0;
}

/* Stops where the owner does not want more. Returns how much was taken. */
static size_t take(struct ws_link *l, uint8_t *data, size_t n)
{
	size_t done = 0;
	while (l->reading && !l->gone && (done < n || (l->in_frame && l->at == l->head.len))) {
		if (!l->in_frame)
			done += take_whole(l, data + done, n - done);
		if (l->in_frame)
			done += take_payload(l, data + done, n - done);
		else if (done < n)
			done += take_head(l, data + done, n - done);
	}
	if (!l->gone)
		l->events->taken(l);
	return done;
}

static void release(struct ws_link *l)
{
	buf_fini(&l->pending);
	free(l->reason);
	l->events->release(l);
}

/* What every callback of below, timer and task ends with. */
static void settle(struct ws_link *l)
{
	if (l->ended && !l->told && !l->gone) {
		l->told = true;
		l->events->end(l, l->err);
	}
	l->calling = false;
	if (l->gone)
		release(l);
}

static void on_below_data(void *ctx, const uint8_t *data, size_t n)
{
	struct ws_link *l = ctx;
	l->calling = true;
	l->heard = true;
	/* A stream's bytes may be changed in place, see stream.h. */
	size_t done = take(l, (uint8_t *)(uintptr_t)data, n);
	if (!l->gone && !l->ended && done < n) {
		buf_put(&l->pending, data + done, n - done);
		if (buf_ok(&l->pending))
			end(l, WS_CODE_LOST, buf_ok(&l->pending));
	}
	settle(l);
}

static void on_below_drain(void *ctx)
{
	struct ws_link *l = ctx;
	l->pongs_queued = 0;
	l->calling = true;
	if (!l->ended)
		l->events->drain(l);
	settle(l);
}

/* An end without a Close frame is a lost connection, RFC 6455 section 7.1.5. */
static void end_with_below(struct ws_link *l)
{
	end(l, WS_CODE_LOST, l->below_err ? l->below_err : ERR_IO);
}

static void on_below_end(void *ctx, int err)
{
	struct ws_link *l = ctx;
	if (l->ended)
		return;
	l->below_ended = true;
	l->below_err = err;
	l->calling = true;
	if (!l->reading || l->pending.len == 0)
		end_with_below(l);
	settle(l);
}

static const struct stream_events below_events = {
	.on_data = on_below_data,
	.on_drain = on_below_drain,
	.on_end = on_below_end,
};

/* What was kept comes before what below still has. */
static void resume(void *ctx)
{
	struct ws_link *l = ctx;
	l->calling = true;
	if (!l->ended) {
		buf_consume(&l->pending, take(l, l->pending.data, l->pending.len));
		if (l->pending.len == 0) {
			buf_fini(&l->pending);
			buf_init(&l->pending, PENDING_MAX);
		}
	}
	if (!l->gone && l->reading && l->below_ended)
		end_with_below(l);
	else if (!l->gone && l->reading)
		stream_want_read(l->below, true);
	settle(l);
}

static unsigned ping_s(const struct ws_link *l)
{
	return l->config.ping_s ? l->config.ping_s : PING_S;
}

static unsigned pong_s(const struct ws_link *l)
{
	return l->config.pong_s ? l->config.pong_s : PONG_S;
}

static void ping(struct ws_link *l)
{
	if (l->sending) { /* a frame's end is near, or the owner gives up */
		loop_coarse_start(l->loop, &l->alive, 1);
		return;
	}
	l->waiting = true;
	l->heard = false;
	int err = ws_out_control(l->below, ws_link_masks(l), WS_PING, NULL, 0);
	(void)err; /* on_end comes when it is final */
	l->was_queued = stream_queued(l->below) > 0;
	loop_coarse_start(l->loop, &l->alive, pong_s(l));
}

/* Silence proves nothing while we do not read, or while the ping may still wait
 * behind other bytes: the owner watches a queue that does not move. */
static void keep_alive(void *ctx)
{
	struct ws_link *l = ctx;
	bool excused = !l->reading || l->was_queued;
	l->calling = true;
	if (!l->waiting) {
		ping(l);
	} else if (l->heard) {
		l->waiting = false;
		unsigned rest = ping_s(l) > pong_s(l) ? ping_s(l) - pong_s(l) : 1;
		loop_coarse_start(l->loop, &l->alive, rest);
	} else if (excused) {
		l->was_queued = stream_queued(l->below) > 0;
		loop_coarse_start(l->loop, &l->alive, pong_s(l));
	} else {
		end(l, WS_CODE_LOST, ERR_IO);
	}
	settle(l);
}

int ws_link_init(struct ws_link *l, struct loop *loop, struct stream *below,
	const struct ws_config *config, const struct ws_link_events *events, const uint8_t *early,
	size_t n_early)
{
	*l = (struct ws_link){
		.events = events,
		.loop = loop,
		.below = below,
		.config = *config,
		.resume = { .run = resume, .ctx = l },
		.alive = { .fire = keep_alive, .ctx = l },
	};
	buf_init(&l->pending, PENDING_MAX);
	if (n_early > 0)
		buf_put(&l->pending, early, n_early);
	if (buf_ok(&l->pending)) {
		int err = buf_ok(&l->pending);
		buf_fini(&l->pending);
		return err;
	}
	loop_coarse_start(loop, &l->alive, ping_s(l));
	stream_want_read(below, false);
	stream_set_events(below, &below_events, l);
	return OK;
}

void ws_link_want_read(struct ws_link *l, bool on)
{
	l->reading = on && !l->ended;
	l->heard = true; /* what came while we did not look */
	bool first_pending = l->pending.len > 0 || l->below_ended;
	if (l->reading && first_pending)
		loop_task_queue(l->loop, &l->resume);
	stream_want_read(l->below, l->reading && !first_pending);
}

void ws_link_close(struct ws_link *l, bool flush, unsigned code, const char *reason)
{
	if (l->loop && !l->ended && (flush || stream_queued(l->below) == 0))
		send_close(l, code, reason);
	stream_close(l->below, flush);
	loop_task_cancel(l->loop, &l->resume);
	loop_coarse_stop(l->loop, &l->alive);
	l->gone = true;
	if (!l->calling)
		release(l);
}

int ws_link_detach(struct ws_link *l)
{
	assert(!l->calling);
	int err = stream_detach(l->below);
	if (err)
		return err;
	loop_task_cancel(l->loop, &l->resume);
	loop_coarse_stop(l->loop, &l->alive);
	l->loop = NULL;
	return OK;
}

int ws_link_attach(struct ws_link *l, struct loop *loop)
{
	int err = stream_attach(l->below, loop);
	if (err)
		return err;
	l->loop = loop;
	l->waiting = false;
	if (!l->ended)
		loop_coarse_start(loop, &l->alive, ping_s(l));
	if (l->ended && !l->told)
		loop_task_queue(loop, &l->resume);
	ws_link_want_read(l, l->reading);
	return OK;
}
