#include <stdio.h>
#include <string.h>

#include "agent/agent_session.h"
#include "base/random.h"
#include "net/ws_stream.h"

/* The links of a session: one channel's WebSocket after the other. */

void agent_session_drop_channel(struct agent_session *s)
{
	if (s->channel)
		agent_channel_drop(s->channel);
	s->channel = NULL;
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
		agent_session_give_up(oldest);
}

static void lose_link(struct agent_session *s, unsigned code)
{
	struct stream *link = s->link;
	s->link = NULL;
	ws_stream_close(link, code, NULL);
	agent_session_drop_channel(s);
	loop_timer_stop(s->ack);
	if (s->over || !s->agent)
		return;
	s->owes_drain = true;
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
	if (in->event == TUNNEL_EVENT_DATA)
		return agent_session_take(s, in->data, in->n);
	if (in->event == TUNNEL_EVENT_CLOSED)
		agent_session_give_up(s);
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
			agent_session_give_up(s);
			lose_link(s, WS_CODE_PROTOCOL);
			return;
		}
		if (!take_input(s, &input))
			return;
	}
	if (tunnel_resume_ack_wanted(s->resume) && !loop_timer_active(s->ack))
		loop_timer_start(s->ack, TUNNEL_ACK_MS);
	agent_session_push(s);
}

void agent_session_on_ack_due(void *ctx)
{
	struct agent_session *s = ctx;
	tunnel_resume_ack(s->resume);
	agent_session_push(s);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	take(ctx, rd_of(data, n));
}

static void on_drain(void *ctx)
{
	struct agent_session *s = ctx;
	agent_session_push(s);
}

static void on_end(void *ctx, int err)
{
	struct agent_session *s = ctx;
	unsigned code = ws_stream_close_code(s->link);
	(void)err;
	if (code == WS_CODE_PROTOCOL || code == WS_CODE_POLICY)
		agent_session_give_up(s);
	lose_link(s, WS_CODE_NORMAL);
}

static const struct stream_events link_events = { on_data, on_drain, on_end };

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
		agent_session_drop_channel(s);
	}
	s->unsent = tunnel_resume_unacked(s->resume);
	s->link = c->link;
	c->link = NULL;
	s->channel = c;
	c->session = s;
	s->owes_drain = true;
	snprintf(s->grant, sizeof(s->grant), "%s", c->grant);
	snprintf(s->channel_id, sizeof(s->channel_id), "%s", c->id);
	loop_timer_stop(s->keep);
	loop_timer_stop(s->ack);
	stream_set_events(s->link, &link_events, s);
	agent_session_push(s);
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

/* A record that opens nothing. */
static void refuse_record(struct agent_channel *c)
{
	log_info(c->agent->log, "agent: channel %s: no record opens it", c->id);
	ws_stream_close(c->link, WS_CODE_PROTOCOL, NULL);
	c->link = NULL;
	agent_channel_drop(c);
}

/* The session that the record opens, with its next key; NULL: the channel is refused. */
static struct agent_session *accept(
	struct agent_channel *c, const struct tunnel_record *opening, bool is_new)
{
	struct agent *a = c->agent;
	uint8_t fresh[TUNNEL_KEY];
	enum tunnel_refusal reason = is_new ? TUNNEL_REFUSED_FULL : TUNNEL_REFUSED_GONE;
	struct agent_session *s = is_new ? agent_session_create(a, c) : find(a, c, opening);
	int err = s ? random_bytes(fresh, sizeof(fresh)) : ERR_AUTH;
	if (!err)
		err = tunnel_resume_accept(s->resume, opening, fresh, &reason);
	if (!err)
		return s;
	if (is_new && s)
		agent_session_destroy(s);
	refuse(c, reason);
	return NULL;
}

/* False: the session is gone. */
static bool go_on(struct agent_session *s)
{
	struct agent *a = s->agent;
	uint32_t viewer = s->viewer;
	log_info(a->log, "viewer %u: its link is back", viewer);
	agent_session_read_link(s);
	agent_session_call(s);
	desktop_set_waiting(a->desktop, viewer, false);
	desktop_set_view_only(a->desktop, viewer, s->channel->rights == TUNNEL_VIEW);
	return agent_session_returned(s);
}

static bool begin(struct agent_session *s)
{
	agent_session_call(s);
	int err = show(s);
	if (!agent_session_returned(s))
		return false;
	if (err)
		agent_session_destroy(s);
	return !err;
}

void agent_session_open(struct agent_channel *c, const struct tunnel_record *opening, struct rd in)
{
	bool is_new = opening->type == TUNNEL_RECORD_HELLO;
	if (!is_new && opening->type != TUNNEL_RECORD_RESUME) {
		refuse_record(c);
		return;
	}
	struct agent_session *s = accept(c, opening, is_new);
	if (!s)
		return;
	/* What follows the record lies in the channel's buffer, which lives on. */
	put_on(s, c);
	if (is_new ? begin(s) : go_on(s))
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

void agent_sessions_close(struct agent *a, const char *channel, const char *why)
{
	for (struct agent_session *s = a->sessions; s; s = s->next) {
		if (!strcmp(s->channel_id, channel)) {
			agent_session_end(s, why);
			return;
		}
	}
}

void agent_sessions_revoke(struct agent *a, const char *grant, const char *why)
{
	for (struct agent_session *s = a->sessions, *next; s; s = next) {
		next = s->next;
		if (!grant || !strcmp(s->grant, grant))
			agent_session_end(s, why);
	}
}
