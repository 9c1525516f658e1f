#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"
#include "base/shape.h"
#include "http/ws_dial.h"
#include "net/ws_stream.h"
#include "tunnel/tunnel_record.h"

/* One data WebSocket a viewer: doc/PROTOCOL.tunnel.md section 2. */

static struct agent_channel *find(struct agent *a, const char *id)
{
	for (struct agent_channel *c = a->channels; c; c = c->next)
		if (!strcmp(c->id, id))
			return c;
	return NULL;
}

static void unlink_channel(struct agent_channel *c)
{
	struct agent *a = c->agent;
	if (!a)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		a->channels = c->next;
	if (c->next)
		c->next->prev = c->prev;
	a->n_channels--;
	c->agent = NULL;
}

void agent_channel_drop(struct agent_channel *c)
{
	unlink_channel(c);
	ws_dial_cancel(c->dial);
	stream_close(c->link, false);
	loop_timer_destroy(c->timer);
	buf_fini(&c->opening);
	free(c);
}

static void refuse(struct agent *a, const char *channel, const char *reason)
{
	struct tunnel_message m = {
		.type = TUNNEL_REFUSED,
		.channel = channel,
		.reason = reason,
	};
	log_info(a->log, "agent: channel %s: refused: %s", channel, reason);
	agent_control_send(a, &m);
}

static void on_left(void *ctx)
{
	agent_channel_drop(ctx);
}

static void show(struct agent_channel *c, struct stream *ws)
{
	struct agent *a = c->agent;
	char label[AGENT_USER_MAX + 32];
	snprintf(label, sizeof(label), "%s by the gateway", *c->user ? c->user : "somebody");
	struct desktop_viewer_config config = {
		.label = label,
		.security = a->require_password ? RFB_SECURITY_VNC_AUTH : RFB_SECURITY_NONE,
		.view_only = c->rights == TUNNEL_VIEW,
		.on_left = on_left,
		.ctx = c,
	};
	if (desktop_add_viewer(a->desktop, &config, ws, NULL, 0, &c->viewer)) {
		stream_close(ws, false);
		agent_channel_drop(c);
	}
}

/* The first record of a resumable channel, which may come in pieces. */
static void on_opening_data(void *ctx, const uint8_t *data, size_t n)
{
	struct agent_channel *c = ctx;
	struct tunnel_record record;
	buf_put(&c->opening, data, n);
	struct rd in = rd_of(c->opening.data, c->opening.len);
	int err = buf_ok(&c->opening);
	if (!err)
		err = tunnel_record_parse(&in, &record);
	if (err == ERR_AGAIN)
		return;
	if (err) {
		log_info(c->agent->log, "agent: channel %s: no record opens it", c->id);
		ws_stream_close(c->link, WS_CODE_PROTOCOL, NULL);
		c->link = NULL;
		agent_channel_drop(c);
		return;
	}
	loop_timer_stop(c->timer);
	agent_session_open(c, &record, in);
}

static void on_opening_drain(void *ctx)
{
	(void)ctx;
}

static void on_opening_end(void *ctx, int err)
{
	(void)err;
	agent_channel_drop(ctx);
}

static const struct stream_events opening_events = {
	on_opening_data,
	on_opening_drain,
	on_opening_end,
};

static void on_opening_late(void *ctx)
{
	struct agent_channel *c = ctx;
	log_info(c->agent->log, "agent: channel %s: nothing came", c->id);
	agent_channel_drop(c);
}

static void await_opening(struct agent_channel *c, struct stream *ws)
{
	c->link = ws;
	c->timer = loop_timer_create(c->agent->loop, on_opening_late, c);
	if (!c->timer) {
		agent_channel_drop(c);
		return;
	}
	loop_timer_start(c->timer, TUNNEL_OPENING_S * 1000);
	stream_set_events(ws, &opening_events, c);
	stream_want_read(ws, true);
}

static void on_dialled(void *ctx, const struct ws_dial_answer *answer)
{
	struct agent_channel *c = ctx;
	struct ws_config config = { .role = WS_CLIENT };
	c->dial = NULL;
	if (!answer->stream) {
		/* 404: the viewer has left; other refusals leave it waiting. */
		log_warn(c->agent->log, "agent: channel %s: no connection: %s", c->id,
			answer->error);
		if (answer->status != 404)
			refuse(c->agent, c->id, "the agent could not connect to the gateway");
		agent_channel_drop(c);
		return;
	}
	struct stream *ws = ws_stream_create(
		c->agent->loop, answer->stream, &config, answer->early, answer->n_early);
	if (!ws) {
		stream_close(answer->stream, false);
		agent_channel_drop(c);
	} else if (c->resumable) {
		await_opening(c, ws);
	} else {
		show(c, ws);
	}
}

static int dial(struct agent_channel *c)
{
	struct agent *a = c->agent;
	char path[AGENT_PATH_MAX], url[2 * AGENT_TEXT_MAX + AGENT_PATH_MAX];
	struct agent_fields fields = { .n = 0 };
	snprintf(path, sizeof(path), "/ws/agent/%s/%s", a->run_id, c->id);
	agent_ws_url(a, path, url, sizeof(url));
	int err = agent_sign(a, AGENT_WITH_RUN, "GET", path, "", 0, &fields);
	if (err)
		return err;
	struct ws_dial_config config = {
		.url = url,
		.protocol = c->resumable ? TUNNEL_RESUME_PROTOCOL : TUNNEL_RAW_PROTOCOL,
		.fields = fields.list,
		.tls = a->tls,
		.https_proxy = a->https_proxy,
		.timeout_ms = TUNNEL_OPEN_S * 1000,
		.queue_max = AGENT_QUEUE_MAX,
	};
	c->dial = ws_dial_start(a->loop, &config, on_dialled, c);
	return c->dial ? OK : ERR_NOMEM;
}

static void add(struct agent *a, struct agent_channel *c, const struct tunnel_message *m)
{
	c->agent = a;
	snprintf(c->id, sizeof(c->id), "%s", m->channel);
	snprintf(c->grant, sizeof(c->grant), "%s", m->grant);
	snprintf(c->user, sizeof(c->user), "%s", m->user);
	c->granted = c->rights = m->rights;
	c->resumable = !strcmp(m->protocol, TUNNEL_RESUME_PROTOCOL);
	buf_init(&c->opening, 64 * 1024);
	c->next = a->channels;
	if (c->next)
		c->next->prev = c;
	a->channels = c;
	a->n_channels++;
}

void agent_channel_open(struct agent *a, const struct tunnel_message *m)
{
	if (find(a, m->channel) || !shape_is_id(m->channel))
		return;
	if (strcmp(m->kind, "rfb")) {
		refuse(a, m->channel, "this agent has no such kind of channel");
		return;
	}
	if (a->n_channels == AGENT_CHANNELS_MAX) {
		refuse(a, m->channel, "as many viewers as are allowed are connected");
		return;
	}
	struct agent_channel *c = calloc(1, sizeof(*c));
	if (!c) {
		refuse(a, m->channel, "the agent has no memory left");
		return;
	}
	add(a, c, m);
	if (!dial(c))
		return;
	refuse(a, m->channel, "the agent has no memory left");
	agent_channel_drop(c);
}

/* Ends it and what it carries. */
static void end(struct agent_channel *c, const char *why)
{
	if (c->session)
		agent_session_end(c->session, why);
	else if (c->viewer)
		desktop_close_viewer(c->agent->desktop, c->viewer, why); /* on_left follows */
	else
		agent_channel_drop(c);
}

void agent_channel_close(struct agent *a, const char *channel, const char *why)
{
	struct agent_channel *c = find(a, channel);
	if (c)
		end(c, why);
	else
		agent_sessions_close(a, channel, why);
}

void agent_channel_set_rights(struct agent *a, const char *channel, enum tunnel_rights rights)
{
	struct agent_channel *c = find(a, channel);
	if (!c || (rights == TUNNEL_CONTROL && c->granted == TUNNEL_VIEW))
		return;
	c->rights = rights;
	if (c->session)
		agent_session_set_rights(c->session, rights);
	else if (c->viewer)
		desktop_set_view_only(a->desktop, c->viewer, rights == TUNNEL_VIEW);
}

static void end_all(struct agent *a, const char *grant, const char *why)
{
	for (struct agent_channel *c = a->channels, *next; c; c = next) {
		next = c->next;
		if (!grant || !strcmp(c->grant, grant))
			end(c, why);
	}
	agent_sessions_revoke(a, grant, why);
}

void agent_channel_revoke(struct agent *a, const char *grant)
{
	end_all(a, grant, "its right has ended");
}

void agent_channels_end(struct agent *a)
{
	end_all(a, NULL, "the agent left the gateway");
	while (a->channels) /* of viewers whose end is under way */
		unlink_channel(a->channels);
}
