#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"
#include "base/clock.h"
#include "http/ws_dial.h"
#include "net/ws_stream.h"

/* Streaming as an existing runner does: one WebSocket a run, opened by START, on which
 * we are the RFB server and speak first. A stream that ends because its viewer left is
 * opened anew, for the next one, until STOP. */

enum { TRIES_MAX = 5, LASTED_US = 1000 * 1000 };

struct agent_runner {
	struct agent *agent; /* NULL: stopped, and freed when its viewer is gone */
	char command_id[64]; /* of the START that is not acknowledged yet, or "" */
	struct ws_dial *dial;
	struct loop_timer *retry;
	struct backoff backoff;
	unsigned tries;
	uint32_t viewer;
	bool shown; /* a viewer of the desktop is on it */
	uint64_t shown_us;
};

static void dial_now(void *runner);

static void acknowledge(struct agent_runner *r, const char *result, const char *error)
{
	if (*r->command_id)
		agent_ack(r->agent, r->command_id, result, error);
	r->command_id[0] = '\0';
}

static void destroy(struct agent_runner *r)
{
	ws_dial_cancel(r->dial);
	loop_timer_destroy(r->retry);
	free(r);
}

static void give_up(struct agent_runner *r, const char *why)
{
	struct agent *a = r->agent;
	log_warn(a->log, "agent: streaming has ended: %s", why);
	acknowledge(r, NULL, why);
	agent_event(a, "error", why);
	a->runner = NULL;
	destroy(r);
}

static void try_again(struct agent_runner *r, const char *why)
{
	if (++r->tries >= TRIES_MAX)
		give_up(r, why);
	else
		loop_timer_start(r->retry, backoff_next_ms(&r->backoff));
}

static void on_left(void *ctx)
{
	struct agent_runner *r = ctx;
	r->shown = false;
	if (!r->agent) {
		destroy(r);
		return;
	}
	/* A gateway that ends each stream at once does not want one. */
	bool lasted = clock_now_us() - r->shown_us > LASTED_US;
	if (lasted)
		r->backoff.n = 0;
	loop_timer_start(r->retry, lasted ? 0 : backoff_next_ms(&r->backoff));
}

static void on_dialled(void *ctx, const struct ws_dial_answer *answer)
{
	struct agent_runner *r = ctx;
	struct agent *a = r->agent;
	struct ws_config ws = { .role = WS_CLIENT, .text_as_binary = true };
	struct desktop_viewer_config config = {
		.label = "somebody by the gateway",
		.security = a->require_password ? RFB_SECURITY_VNC_AUTH : RFB_SECURITY_NONE,
		.patient = true,
		.on_left = on_left,
		.ctx = r,
	};
	r->dial = NULL;
	if (!answer->stream) {
		try_again(r, answer->error);
		return;
	}
	struct stream *s =
		ws_stream_create(a->loop, answer->stream, &ws, answer->early, answer->n_early);
	if (!s || desktop_add_viewer(a->desktop, &config, s, NULL, 0, &r->viewer)) {
		stream_close(s ? s : answer->stream, false);
		try_again(r, "not enough memory");
		return;
	}
	r->tries = 0;
	r->shown = true;
	r->shown_us = clock_now_us();
	acknowledge(r, "VNC streaming started", NULL);
}

static void dial_now(void *ctx)
{
	struct agent_runner *r = ctx;
	struct agent *a = r->agent;
	char path[AGENT_PATH_MAX], url[2 * AGENT_TEXT_MAX + AGENT_PATH_MAX];
	static const char *const fields[] = { "X-VNC-Client: true", NULL };
	snprintf(path, sizeof(path), "/ws/vnc/%s", a->run_id);
	agent_ws_url(a, path, url, sizeof(url));
	struct ws_dial_config config = {
		.url = url,
		.protocol = TUNNEL_RAW_PROTOCOL,
		.fields = fields,
		.tls = a->tls,
		.https_proxy = a->https_proxy,
		.queue_max = AGENT_QUEUE_MAX,
	};
	r->dial = ws_dial_start(a->loop, &config, on_dialled, r);
	if (!r->dial)
		try_again(r, "not enough memory");
}

void agent_runner_start(struct agent *a, const char *command_id)
{
	struct agent_runner *r = a->runner;
	if (r && r->shown) {
		agent_ack(a, command_id, "VNC streaming started", NULL);
		return;
	}
	if (!r) {
		r = calloc(1, sizeof(*r));
		struct loop_timer *retry = r ? loop_timer_create(a->loop, dial_now, r) : NULL;
		if (!retry) {
			free(r);
			agent_ack(a, command_id, NULL, "not enough memory");
			return;
		}
		r->agent = a;
		r->retry = retry;
		a->runner = r;
	}
	acknowledge(r, NULL, "Another start came");
	snprintf(r->command_id, sizeof(r->command_id), "%s", command_id);
	r->tries = r->backoff.n = 0;
	if (!r->dial) {
		loop_timer_stop(r->retry);
		dial_now(r);
	}
}

void agent_runner_stop(struct agent *a)
{
	struct agent_runner *r = a->runner;
	a->runner = NULL;
	if (!r)
		return;
	r->agent = NULL;
	if (r->shown)
		desktop_close_viewer(a->desktop, r->viewer, "the agent left the gateway");
	else
		destroy(r);
}
