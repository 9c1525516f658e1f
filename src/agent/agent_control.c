#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"
#include "base/clock.h"
#include "http/ws_dial.h"
#include "net/ws_text.h"

/* The control WebSocket of an agent of our own: doc/PROTOCOL.tunnel.md section 1. */

/* One that ends sooner was refused rather than lost: waits go on growing. */
enum { LASTED_US = 10 * 1000 * 1000 };

static void connect_now(void *agent);

static void connect_later(struct agent *a)
{
	if (!a->control_retry)
		a->control_retry = loop_timer_create(a->loop, connect_now, a);
	if (!a->control_retry)
		agent_end(a, true, "not enough memory");
	else
		loop_timer_start(a->control_retry, backoff_next_ms(&a->control_backoff));
}

void agent_control_send(struct agent *a, const struct tunnel_message *m)
{
	char *text = a->control ? tunnel_message_print(m) : NULL;
	/* One that does not get it hears of its end by on_close. */
	if (text && ws_text_send(a->control, text, strlen(text)))
		log_debug(a->log, "agent: the gateway does not take control messages");
	free(text);
}

static void say_hello(struct agent *a)
{
	struct json *kinds = json_make_list();
	json_add(kinds, json_make_text("rfb"));
	struct tunnel_message hello = {
		.type = TUNNEL_HELLO,
		.version = TUNNEL_VERSION,
		.kinds = json_of(kinds),
		.agent = "porthole",
	};
	agent_control_send(a, &hello);
	json_drop(kinds);
}

static void act(struct agent *a, const struct tunnel_message *m)
{
	switch (m->type) {
	case TUNNEL_OPEN: agent_channel_open(a, m); break;
	case TUNNEL_CLOSE: agent_channel_close(a, m->channel, m->reason); break;
	case TUNNEL_RIGHTS: agent_channel_set_rights(a, m->channel, m->rights); break;
	case TUNNEL_REVOKE: agent_channel_revoke(a, m->grant); break;
	case TUNNEL_COMMAND: agent_poll(a); break;
	default: break;
	}
}

static void drop_control(struct agent *a, unsigned code, const char *reason)
{
	struct ws_text *ws = a->control;
	a->control = NULL;
	ws_text_close(ws, code, reason);
}

static void on_message(void *ctx, const char *text, size_t n)
{
	struct agent *a = ctx;
	struct tunnel_message m;
	char problem[TUNNEL_PROBLEM_MAX];
	bool is_json = false;
	int err = tunnel_message_parse(text, n, TUNNEL_FROM_GATEWAY, &m, &is_json, problem);
	if (err) {
		log_warn(a->log, "agent: the gateway sent no control message: %s", problem);
		drop_control(a, is_json ? WS_CODE_POLICY : WS_CODE_PROTOCOL, problem);
		connect_later(a);
		return;
	}
	act(a, &m);
	tunnel_message_fini(&m);
}

static void on_close(void *ctx, int err, unsigned code, const char *reason)
{
	struct agent *a = ctx;
	bool lasted = clock_now_us() - a->control_since_us > LASTED_US;
	(void)err;
	if (lasted)
		a->control_backoff.n = 0;
	log_info(a->log, "agent: the control connection ended: %u%s%s", code, *reason ? " " : "",
		reason);
	struct ws_text *ws = a->control;
	a->control = NULL;
	ws_text_destroy(ws);
	if (code == TUNNEL_CLOSE_REPLACED)
		agent_end(a, true,
			"another process with this agent id has joined run %s: end it, or "
			"give this one a run of its own",
			a->run_id);
	else
		connect_later(a);
	agent_poll(a); /* commands are not pushed for now */
}

static const struct ws_text_events control_events = { on_message, on_close };

static void on_dialled(void *ctx, const struct ws_dial_answer *answer)
{
	struct agent *a = ctx;
	a->control_dial = NULL;
	struct ws_text_config config = {
		.ws.role = WS_CLIENT,
		.message_max = TUNNEL_MESSAGE_MAX,
		.events = &control_events,
		.ctx = a,
	};
	if (!answer->stream) {
		log_warn(a->log, "agent: no control connection to %s: %s", a->url, answer->error);
		connect_later(a);
		if (answer->status >= 400 && answer->status < 500)
			agent_poll(a); /* the run may be gone */
		return;
	}
	a->control =
		ws_text_create(a->loop, answer->stream, &config, answer->early, answer->n_early);
	if (!a->control) {
		stream_close(answer->stream, false);
		connect_later(a);
		return;
	}
	a->control_since_us = clock_now_us();
	log_info(a->log, "agent: connected to %s", a->url);
	say_hello(a);
	agent_poll(a);
}

static void connect_now(void *ctx)
{
	struct agent *a = ctx;
	char path[AGENT_PATH_MAX], url[2 * AGENT_TEXT_MAX + AGENT_PATH_MAX];
	struct agent_fields fields = { .n = 0 };
	if (a->ended || a->finishing || !a->running || a->control || a->control_dial)
		return;
	snprintf(path, sizeof(path), "/ws/agent/%s", a->run_id);
	agent_ws_url(a, path, url, sizeof(url));
	if (agent_sign(a, AGENT_WITH_RUN, "GET", path, "", 0, &fields)) {
		connect_later(a);
		return;
	}
	struct ws_dial_config config = {
		.url = url,
		.protocol = TUNNEL_CONTROL_PROTOCOL,
		.fields = fields.list,
		.tls = a->tls,
		.https_proxy = a->https_proxy,
		.queue_max = 2 * 1024 * 1024,
	};
	a->control_dial = ws_dial_start(a->loop, &config, on_dialled, a);
	if (!a->control_dial)
		connect_later(a);
}

void agent_control_start(struct agent *a)
{
	a->control_backoff.n = 0;
	connect_now(a);
}

void agent_control_stop(struct agent *a)
{
	if (a->control_retry)
		loop_timer_stop(a->control_retry);
	ws_dial_cancel(a->control_dial);
	a->control_dial = NULL;
	drop_control(a, WS_CODE_NORMAL, NULL);
}
