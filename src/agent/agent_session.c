#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"
#include "base/random.h"
#include "net/ws_stream.h"

/* A stream that outlives its link: doc/PROTOCOL.tunnel.md section 3. The desktop has
 * it as a viewer's stream; below it is one channel's WebSocket after the other. */
struct agent_session {
	struct stream s;     /* first */
	struct agent *agent; /* NULL: it is gone, and this ends with its viewer */
	struct loop *loop;
	struct agent_session *next, *prev;
	struct agent_channel *channel; /* borrowed; NULL while there is no link */
	struct stream *link;           /* owned */
	struct tunnel_resume *resume;
	char grant[64], user[AGENT_USER_MAX];
	enum tunnel_rights granted;
	uint32_t viewer;
	struct buf waiting; /* what the tail has no room for */
	size_t unsent;      /* in the tail, not given to the present link */
	struct loop_timer *ack, *keep;
	struct loop_task end_task, drain_task;
	bool reading;
	bool calling; /* inside an event of ours */
	bool gone;    /* closed from there */
	bool over;    /* the peer has no more */
};

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

static void drop_channel(struct agent_session *s)
{
	if (s->channel)
		agent_channel_drop(s->channel);
	s->channel = NULL;
}

static void destroy(struct agent_session *s)
{
	unlink_session(s);
	drop_channel(s);
	stream_close(s->link, true);
	loop_task_cancel(s->loop, &s->end_task);
	loop_task_cancel(s->loop, &s->drain_task);
	loop_timer_destroy(s->ack);
	loop_timer_destroy(s->keep);
	tunnel_resume_destroy(s->resume);
	buf_fini(&s->waiting);
	s->gone = true;
	if (!s->calling)
		free(s);
}

/* After an event: false when the viewer closed the stream in it. */
static bool returned(struct agent_session *s)
{
	s->calling = false;
	if (!s->gone)
		return true;
	free(s);
	return false;
}

/* Fills the tail and the link; what the link does not take waits for its drain. */
static void push(struct agent_session *s)
{
	size_t room = tunnel_resume_room(s->resume);
	size_t n = s->waiting.len < room ? s->waiting.len : room;
	if (n > 0 && !tunnel_resume_write(s->resume, s->waiting.data, n)) {
		s->unsent += n;
		buf_consume(&s->waiting, n);
	}
	while (s->link && stream_queued(s->link) == 0 && tunnel_resume_has_next(s->resume)) {
		struct iovec parts[TUNNEL_OUT_PARTS];
		size_t n_parts = tunnel_resume_next(s->resume, parts);
		size_t total = 0;
		for (size_t i = 0; i < n_parts; i++)
			total += parts[i].iov_len;
		if (n_parts == 0 || stream_sendv(s->link, parts, n_parts))
			break; /* its on_end tells */
		size_t data = n_parts > 1 ? total - TUNNEL_RECORD_HEAD : 0;
		s->unsent -= data < s->unsent ? data : s->unsent;
	}
}

static size_t queued(const struct stream *stream)
{
	const struct agent_session *s = (const struct agent_session *)stream;
	size_t below = s->link ? stream_queued(s->link) : 1; /* no link: nothing is to be drawn */
	return s->waiting.len + s->unsent + below;
}

static int send_bytes(struct stream *stream, const void *data, size_t n)
{
	struct agent_session *s = session_of(stream);
	if (s->over)
		return ERR_IO;
	size_t before = s->waiting.len;
	buf_put(&s->waiting, data, n);
	if (buf_ok(&s->waiting)) {
		int err = buf_ok(&s->waiting);
		s->waiting.bad = OK;
		buf_truncate(&s->waiting, before);
		return err;
	}
	push(s);
	return OK;
}

static void want_read(struct stream *stream, bool on)
{
	struct agent_session *s = session_of(stream);
	s->reading = on;
	if (s->link)
		stream_want_read(s->link, on);
}

static void close_session(struct stream *stream, bool flush)
{
	struct agent_session *s = session_of(stream);
	if (flush && s->link && !s->over) {
		tunnel_resume_finish(s->resume);
		push(s);
	}
	destroy(s);
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
	s->calling = true;
	s->s.events->on_end(s->s.ctx, ERR_IO);
	(void)returned(s);
}

static void on_drain_task(void *ctx)
{
	struct agent_session *s = ctx;
	if (queued(&s->s) > 0)
		return;
	s->calling = true;
	s->s.events->on_drain(s->s.ctx);
	(void)returned(s);
}

/* The viewer is told by the ready list: nothing may come from inside a call. */
static void give_up(struct agent_session *s)
{
	s->over = true;
	loop_task_queue(s->loop, &s->end_task);
}

static void on_keep_over(void *ctx)
{
	give_up(ctx);
}

static void drop_oldest(struct agent *a)
{
	struct agent_session *oldest = NULL;
	int n = 0;
	for (struct agent_session *s = a->sessions; s; s = s->next) {
		if (s->link || s->over)
			continue;
		oldest = s; /* the newest comes first */
		n++;
	}
	if (n > TUNNEL_KEPT_MAX)
		give_up(oldest);
}

static void lose_link(struct agent_session *s, unsigned code)
{
	struct stream *link = s->link;
	s->link = NULL;
	ws_stream_close(link, code, NULL);
	drop_channel(s);
	loop_timer_stop(s->ack);
	if (s->over || !s->agent)
		return;
	tunnel_resume_lost(s->resume);
	s->unsent = tunnel_resume_unacked(s->resume);
	desktop_set_waiting(s->agent->desktop, s->viewer, true);
	loop_timer_start(s->keep, TUNNEL_KEEP_S * 1000);
	log_info(s->agent->log, "viewer %u: its link is lost; it may come back for %d s", s->viewer,
		TUNNEL_KEEP_S);
	drop_oldest(s->agent);
}

/* False: the session is gone. */
static bool take_input(struct agent_session *s, const struct tunnel_input *in)
{
	if (in->event == TUNNEL_EVENT_DATA) {
		s->calling = true;
		s->s.events->on_data(s->s.ctx, in->data, in->n);
		return returned(s);
	}
	if (in->event == TUNNEL_EVENT_ACKED)
		push(s);
	if (in->event == TUNNEL_EVENT_CLOSED)
		give_up(s);
	return true;
}

static void take(struct agent_session *s, struct rd in)
{
	while (in.left > 0 && !s->over && s->link) {
		struct tunnel_input input;
		int err = tunnel_resume_read(s->resume, &in, &input);
		if (err == ERR_AGAIN)
			break;
		if (err) {
			give_up(s);
			lose_link(s, WS_CODE_PROTOCOL);
			return;
		}
		if (!take_input(s, &input))
			return;
	}
	if (tunnel_resume_ack_wanted(s->resume) && !loop_timer_active(s->ack))
		loop_timer_start(s->ack, TUNNEL_ACK_MS);
	push(s);
	loop_task_queue(s->loop, &s->drain_task);
}

static void on_ack_due(void *ctx)
{
	struct agent_session *s = ctx;
	tunnel_resume_ack(s->resume);
	push(s);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	take(ctx, rd_of(data, n));
}

static void on_drain(void *ctx)
{
	struct agent_session *s = ctx;
	push(s);
	loop_task_queue(s->loop, &s->drain_task);
}

static void on_end(void *ctx, int err)
{
	struct agent_session *s = ctx;
	unsigned code = ws_stream_close_code(s->link);
	(void)err;
	if (code == WS_CODE_PROTOCOL || code == WS_CODE_POLICY)
		give_up(s);
	lose_link(s, WS_CODE_NORMAL);
}

static const struct stream_events link_events = { on_data, on_drain, on_end };

static struct agent_session *create(struct agent *a, const struct agent_channel *c)
{
	struct agent_session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->s.ops = &session_ops;
	s->loop = a->loop;
	snprintf(s->grant, sizeof(s->grant), "%s", c->grant);
	snprintf(s->user, sizeof(s->user), "%s", c->user);
	s->granted = c->granted;
	s->end_task = (struct loop_task){ .run = on_end_task, .ctx = s };
	s->drain_task = (struct loop_task){ .run = on_drain_task, .ctx = s };
	buf_init(&s->waiting, AGENT_QUEUE_MAX);
	s->resume = tunnel_resume_create(TUNNEL_AGENT);
	s->ack = loop_timer_create(a->loop, on_ack_due, s);
	s->keep = loop_timer_create(a->loop, on_keep_over, s);
	if (!s->resume || !s->ack || !s->keep) {
		destroy(s);
		return NULL;
	}
	s->agent = a;
	s->next = a->sessions;
	if (s->next)
		s->next->prev = s;
	a->sessions = s;
	return s;
}

static struct agent_session *find(
	struct agent *a, const struct agent_channel *c, const struct tunnel_record *opening)
{
	for (struct agent_session *s = a->sessions; s; s = s->next)
		if (!s->over && tunnel_resume_knows(s->resume, opening->key) &&
			s->granted == c->granted && !strcmp(s->user, c->user))
			return s;
	return NULL;
}

static void refuse(struct agent_channel *c, enum tunnel_refusal reason)
{
	struct tunnel_record r = { .type = TUNNEL_RECORD_REFUSED, .reason = (uint8_t)reason };
	struct buf out;
	buf_init(&out, TUNNEL_RECORD_MAX);
	tunnel_record_put(&out, &r);
	if (buf_ok(&out) || stream_send(c->link, out.data, out.len))
		log_debug(c->agent->log, "agent: channel %s: gone already", c->id);
	buf_fini(&out);
	stream_close(c->link, true);
	c->link = NULL;
	agent_channel_drop(c);
}

/* The channel's link becomes the session's. */
static void put_on(struct agent_session *s, struct agent_channel *c)
{
	if (s->link) {
		stream_close(s->link, true);
		s->link = NULL;
		drop_channel(s);
	}
	s->unsent = tunnel_resume_unacked(s->resume);
	s->link = c->link;
	c->link = NULL;
	s->channel = c;
	c->session = s;
	snprintf(s->grant, sizeof(s->grant), "%s", c->grant);
	loop_timer_stop(s->keep);
	stream_set_events(s->link, &link_events, s);
	push(s);
}

static int show(struct agent_session *s)
{
	struct agent *a = s->agent;
	char label[AGENT_USER_MAX + 32];
	snprintf(label, sizeof(label), "%s by the gateway", *s->user ? s->user : "somebody");
	struct desktop_viewer_config config = {
		.label = label,
		.security = a->require_password ? RFB_SECURITY_VNC_AUTH : RFB_SECURITY_NONE,
		.view_only = s->channel->rights == TUNNEL_VIEW,
	};
	return desktop_add_viewer(a->desktop, &config, &s->s, NULL, 0, &s->viewer);
}

void agent_session_open(struct agent_channel *c, const struct tunnel_record *opening, struct rd in)
{
	struct agent *a = c->agent;
	uint8_t fresh[TUNNEL_KEY];
	enum tunnel_refusal reason = TUNNEL_REFUSED_GONE;
	bool is_new = opening->type == TUNNEL_RECORD_HELLO;
	struct agent_session *s = is_new ? create(a, c) : find(a, c, opening);
	if (!s) {
		refuse(c, is_new ? TUNNEL_REFUSED_FULL : TUNNEL_REFUSED_GONE);
		return;
	}
	int err = random_bytes(fresh, sizeof(fresh));
	if (!err)
		err = tunnel_resume_accept(s->resume, opening, fresh, &reason);
	if (err) {
		if (is_new)
			destroy(s);
		refuse(c, reason);
		return;
	}
	/* The record and what follows lie in the channel's buffer, which lives on. */
	put_on(s, c);
	if (is_new && show(s)) {
		destroy(s);
		return;
	}
	if (!is_new) {
		log_info(a->log, "viewer %u: its link is back", s->viewer);
		agent_session_set_rights(s, c->rights);
		desktop_set_waiting(a->desktop, s->viewer, false);
		stream_want_read(s->link, s->reading);
	}
	take(s, in);
}

void agent_session_set_rights(struct agent_session *s, enum tunnel_rights rights)
{
	if (s->agent)
		desktop_set_view_only(s->agent->desktop, s->viewer, rights == TUNNEL_VIEW);
}

void agent_session_end(struct agent_session *s, const char *why)
{
	desktop_close_viewer(s->agent->desktop, s->viewer, why);
}

void agent_sessions_revoke(struct agent *a, const char *grant, const char *why)
{
	for (struct agent_session *s = a->sessions, *next; s; s = next) {
		next = s->next;
		if (!grant || !strcmp(s->grant, grant))
			agent_session_end(s, why);
	}
}
