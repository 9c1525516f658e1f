#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_private.h"
#include "base/shape.h"
#include "desktop/desktop.h"

/* How an agent comes by a run: it registers, claims one or was given one, tells that
 * it started; and beats for as long as it lives. */

static void join_later(struct agent *a)
{
	loop_timer_start(a->poll, backoff_next_ms(&a->join_backoff));
}

static void put_capabilities(struct json *object)
{
	struct json *list = json_make_list();
	json_add(list, json_make_text("vnc"));
	json_add(list, json_make_text("screen"));
	json_add(list, json_make_text("input"));
	json_add(list, json_make_text("clipboard"));
	json_put(object, "capabilities", list);
}

static void tell_started(struct agent *a)
{
	char resolution[32];
	int w, h;
	struct json *m = json_make_object();
	desktop_size(a->desktop, &w, &h);
	snprintf(resolution, sizeof(resolution), "%dx%d", w, h);
	json_put_text(m, "event", "started");
	json_put_text(m, "command", "vnc");
	json_put_text(m, "workerType", "vnc");
	json_put_text(m, "displayMode", a->display_mode);
	json_put_text(m, "resolution", resolution);
	put_capabilities(m);
	json_put_text(m, "agentId", a->agent_id);
	agent_marker(a, m);
	agent_event(a, "info", "Screen sharing is ready");
}

static void begin(struct agent *a)
{
	a->running = true;
	a->refusals = 0;
	memset(a->done, 0, sizeof(a->done));
	/* Beyond any an agent before this one used: the gateway takes a number it has
	 * seen from us for a repetition. Existing gateways expect to begin with 0. */
	a->sequence = a->own ? ((long long)time(NULL) + a->clock_offset_s) * 1000 : 0;
	log_info(a->log, "agent: joined run %s at %s", a->run_id, a->url);
	tell_started(a);
	agent_begin_output(a);
	if (a->own)
		agent_control_start(a);
	agent_beat(a);
	agent_poll(a);
}

/* "{"agentId": ...}", the caller frees it. */
static char *identity_body(struct agent *a, bool registers)
{
	struct json *body = json_make_object();
	if (registers) {
		json_put_text(body, "displayName", a->label);
		if (a->version)
			json_put_text(body, "version", a->version);
		put_capabilities(body);
	}
	json_put_text(body, "agentId", a->agent_id);
	char *text = json_print(body, false);
	json_drop(body);
	return text;
}

static int post_identity(struct agent *a, const char *path, bool registers, http_client_fn *on_done)
{
	char *body = identity_body(a, registers);
	int id = ERR_NOMEM;
	if (body)
		id = agent_send(a, AGENT_WITH_CLIENT, "POST", path, body, strlen(body), on_done, a);
	free(body);
	return id;
}

static void on_renewed(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	char why[AGENT_TEXT_MAX];
	a->beating = 0;
	if (answer->status == 200)
		return;
	agent_why(answer, why, sizeof(why));
	log_warn(a->log, "agent: cannot register again at %s: %s", a->url, why);
}

static void on_beaten(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	char why[AGENT_TEXT_MAX];
	a->beating = 0;
	if (answer->status == 200)
		return;
	if (agent_learn_clock(a, answer)) {
		agent_beat(a);
		return;
	}
	agent_why(answer, why, sizeof(why));
	log_debug(a->log, "agent: no heartbeat: %s", why);
	/* A gateway that does not know it any more has lost its store, or has a new one. */
	bool unknown = answer->status == 401 || answer->status == 403 || answer->status == 404;
	if (unknown && !a->joining && !a->ended)
		a->beating = post_identity(a, "/api/clients/register", true, on_renewed);
	a->beating = a->beating > 0 ? a->beating : 0;
}

void agent_beat(void *ctx)
{
	struct agent *a = ctx;
	if (!a->client_token || a->ended)
		return;
	loop_timer_start(a->heartbeat, AGENT_HEARTBEAT_MS);
	int id = a->beating ? 0 : post_identity(a, "/api/clients/heartbeat", false, on_beaten);
	if (id > 0)
		a->beating = id;
}

static void take_run(struct agent *a, struct json_ref run)
{
	const char *id = json_get_text(run, "id"), *token = json_get_text(run, "capabilityToken");
	const char *type = json_get_text(run, "workerType");
	if (!id || !token || !shape_is_id(id) || !agent_is_token(token)) {
		log_warn(a->log, "agent: the gateway's run has no proper id or token");
		return;
	}
	if (type && strcmp(type, "vnc")) {
		log_info(a->log, "agent: run %s is of type %s, not a screen", id, type);
		return;
	}
	free(a->run_id);
	free(a->capability_token);
	a->run_id = strdup(id);
	a->capability_token = strdup(token);
	if (!a->run_id || !a->capability_token)
		agent_end(a, true, "not enough memory");
	else
		begin(a);
}

static void on_claimed(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	char why[AGENT_TEXT_MAX], problem[JSON_PROBLEM_MAX];
	a->joining = 0;
	if (answer->status != 200) {
		agent_why(answer, why, sizeof(why));
		log_warn(a->log, "agent: cannot claim a run: %s", why);
		/* A refusal is for registering to explain. */
		a->registered = answer->status == 0 || answer->status >= 429;
		join_later(a);
		return;
	}
	struct json *body = json_parse(answer->body, answer->n_body, problem);
	struct json_ref run = json_get(json_of(body), "run");
	a->join_backoff.n = 0;
	if (json_kind_of(run) == JSON_TYPE_OBJECT)
		take_run(a, run);
	if (!a->running && !a->ended)
		loop_timer_start(a->poll, a->poll_ms);
	json_drop(body);
}

static void claim(struct agent *a)
{
	int id = post_identity(a, "/api/runs/claim", false, on_claimed);
	if (id > 0)
		a->joining = id;
	else
		join_later(a);
}

static void on_registered(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	char why[AGENT_TEXT_MAX];
	a->joining = 0;
	if (answer->status == 200) {
		a->join_backoff.n = 0;
		a->registered = a->claims;
		if (a->claims) {
			log_info(a->log, "agent: registered at %s, waiting for a run", a->url);
			agent_beat(a);
			claim(a);
		} else {
			begin(a);
		}
		return;
	}
	agent_why(answer, why, sizeof(why));
	if (agent_learn_clock(a, answer)) {
		agent_join(a);
	} else if (answer->status == 401 || answer->status == 403) {
		agent_end(a, true,
			"%s refuses this agent: %s; check the agent id and the client token",
			a->url, why);
	} else {
		log_warn(a->log, "agent: cannot register at %s: %s; trying again", a->url, why);
		join_later(a);
	}
}

void agent_join(void *ctx)
{
	struct agent *a = ctx;
	if (a->ended || a->joining)
		return;
	if (a->registered) {
		claim(a);
		return;
	}
	if (!a->client_token) {
		begin(a);
		return;
	}
	int id = post_identity(a, "/api/clients/register", true, on_registered);
	if (id > 0)
		a->joining = id;
	else
		join_later(a);
}

void agent_tick(void *ctx)
{
	struct agent *a = ctx;
	if (a->running)
		agent_poll(a);
	else
		agent_join(a);
}
