#include "agent/agent_session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* A session as its viewer has it: a stream that may be without a link for a while. */

/* A viewer that takes nothing and still sends more than this is not read. */
enum { HELD_STOP = 256 * 1024, HELD_MAX = HELD_STOP + 2 * STREAM_READ_MAX };

static const struct stream_ops session_ops;

static struct agent_session *session_of(struct stream *s)
{
	assert(s->ops == &session_ops);
	return (struct agent_session *)s;
}

static void unlink_session(struct agent_session *s)
{
	if (!s->agent)
		return;
	if (s->prev)
		s->prev->next = s->next;
	else
		s->agent->sessions = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->agent = NULL;
}

/* What the viewer is given lies in `held`, so that goes last. */
static void free_session(struct agent_session *s)
{
	buf_fini(&s->held);
	free(s);
}

void agent_session_destroy(struct agent_session *s)
{
	unlink_session(s);
	agent_session_drop_channel(s);
	stream_close(s->link, true);
	s->link = NULL;
	loop_task_cancel(s->loop, &s->end_task);
	loop_task_cancel(s->loop, &s->drain_task);
	loop_task_cancel(s->loop, &s->feed_task);
	loop_timer_destroy(s->ack);
	loop_timer_destroy(s->keep);
	tunnel_resume_destroy(s->resume);
	out_queue_fini(&s->waiting);
	s->gone = true;
	if (!s->calling)
		free_session(s);
}

void agent_session_call(struct agent_session *s)
{
	s->calling = true;
}

bool agent_session_returned(struct agent_session *s)
{
	s->calling = false;
	if (!s->gone)
		return true;
	free_session(s);
	return false;
}

static size_t queued(const struct stream *stream)
{
	const struct agent_session *s = (const struct agent_session *)stream;
	size_t below = s->link ? stream_queued(s->link) : 1; /* no link: nothing is to be drawn */
	return s->waiting.len + s->unsent + below;
}

static void fill_tail(struct agent_session *s)
{
	struct iovec part;
	size_t room;
	while ((room = tunnel_resume_room(s->resume)) > 0 &&
		out_queue_peek(&s->waiting, &part, 1) > 0) {
		size_t n = part.iov_len < room ? part.iov_len : room;
		if (tunnel_resume_write(s->resume, part.iov_base, n))
			break;
		s->unsent += n;
		out_queue_consume(&s->waiting, n);
	}
}

/* One record. False: there is none, or the link is lost, which its on_end tells. */
static bool put_record(struct agent_session *s)
{
	struct iovec parts[TUNNEL_OUT_PARTS];
	size_t n = tunnel_resume_next(s->resume, parts), total = 0;
	for (size_t i = 0; i < n; i++)
		total += parts[i].iov_len;
	if (n == 0 || stream_sendv(s->link, parts, n))
		return false;
	size_t data = n > 1 ? total - TUNNEL_RECORD_HEAD : 0;
	s->unsent -= data < s->unsent ? data : s->unsent;
	return true;
}

void agent_session_push(struct agent_session *s)
{
	fill_tail(s);
	while (s->link && stream_queued(s->link) == 0 && put_record(s))
		;
	if (queued(&s->s) > 0)
		s->owes_drain = true;
	else if (s->owes_drain)
		loop_task_queue(s->loop, &s->drain_task);
}

static int keep(struct agent_session *s, const uint8_t *data, size_t n)
{
	size_t room = s->waiting.len > 0 ? 0 : tunnel_resume_room(s->resume);
	size_t part = n < room ? n : room;
	int err = part > 0 ? tunnel_resume_write(s->resume, data, part) : OK;
	if (err)
		return err;
	s->unsent += part;
	return out_queue_put(&s->waiting, data + part, n - part);
}

static int send_bytes(struct stream *stream, const void *data, size_t n)
{
	struct agent_session *s = session_of(stream);
	if (s->over)
		return ERR_IO;
	if (n > AGENT_QUEUE_MAX - s->waiting.len)
		return ERR_LIMIT;
	int err = keep(s, data, n);
	if (err) /* a part of it may be there: there is no going on */
		agent_session_give_up(s);
	else
		agent_session_push(s);
	return err;
}

static void want_read(struct stream *stream, bool on)
{
	struct agent_session *s = session_of(stream);
	s->reading = on;
	if (on && s->held.len > 0)
		loop_task_queue(s->loop, &s->feed_task);
}

void agent_session_read_link(struct agent_session *s)
{
	if (s->link)
		stream_want_read(s->link, s->held.len < HELD_STOP);
}

static bool feed(struct agent_session *s, const uint8_t *data, size_t n)
{
	agent_session_call(s);
	s->s.events->on_data(s->s.ctx, data, n);
	return agent_session_returned(s);
}

bool agent_session_take(struct agent_session *s, const uint8_t *data, size_t n)
{
	if (s->reading && s->held.len == 0)
		return feed(s, data, n);
	buf_put(&s->held, data, n);
	if (buf_ok(&s->held))
		agent_session_give_up(s);
	agent_session_read_link(s);
	return true;
}

static void on_feed_task(void *ctx)
{
	struct agent_session *s = ctx;
	while (s->reading && s->held.len > 0) {
		size_t n = s->held.len < STREAM_READ_MAX ? s->held.len : STREAM_READ_MAX;
		if (!feed(s, s->held.data, n))
			return;
		buf_consume(&s->held, n);
	}
	agent_session_read_link(s);
}

/* What is in the tail goes along whatever the link's queue; what is not is cut off. */
static void close_session(struct stream *stream, bool flush)
{
	struct agent_session *s = session_of(stream);
	if (flush && s->link && !s->over) {
		fill_tail(s);
		tunnel_resume_finish(s->resume);
		while (put_record(s))
			;
	}
	agent_session_destroy(s);
}

static int descriptor(const struct stream *stream)
{
	const struct agent_session *s = (const struct agent_session *)stream;
	return s->link ? stream_fd(s->link) : -1;
}

static const struct stream_ops session_ops = {
	.name = "session",
	.send = send_bytes,
	.queued = queued,
	.want_read = want_read,
	.close = close_session,
	.fd = descriptor,
};

static void on_end_task(void *ctx)
{
	struct agent_session *s = ctx;
	agent_session_call(s);
	s->s.events->on_end(s->s.ctx, ERR_IO);
	agent_session_returned(s);
}

static void on_drain_task(void *ctx)
{
	struct agent_session *s = ctx;
	if (!s->owes_drain || queued(&s->s) > 0)
		return;
	s->owes_drain = false;
	agent_session_call(s);
	s->s.events->on_drain(s->s.ctx);
	agent_session_returned(s);
}

void agent_session_give_up(struct agent_session *s)
{
	s->over = true;
	loop_task_queue(s->loop, &s->end_task);
}

static void on_keep_over(void *ctx)
{
	agent_session_give_up(ctx);
}

struct agent_session *agent_session_create(struct agent *a, const struct agent_channel *c)
{
	struct agent_session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->s.ops = &session_ops;
	s->loop = a->loop;
	snprintf(s->user, sizeof(s->user), "%s", c->user);
	s->granted = c->granted;
	s->end_task = (struct loop_task){ .run = on_end_task, .ctx = s };
	s->drain_task = (struct loop_task){ .run = on_drain_task, .ctx = s };
	s->feed_task = (struct loop_task){ .run = on_feed_task, .ctx = s };
	buf_init(&s->held, HELD_MAX);
	s->resume = tunnel_resume_create(TUNNEL_AGENT);
	s->ack = loop_timer_create(a->loop, agent_session_on_ack_due, s);
	s->keep = loop_timer_create(a->loop, on_keep_over, s);
	if (!s->resume || !s->ack || !s->keep) {
		agent_session_destroy(s);
		return NULL;
	}
	s->agent = a;
	s->next = a->sessions;
	if (s->next)
		s->next->prev = s;
	a->sessions = s;
	return s;
}
