#include "agent/agent.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/agent_private.h"
#include "crypto/hmac.h"
#include "crypto/request_signature.h"
#include "crypto/secret.h"
#include "crypto/text.h"
#include "desktop/desktop.h"

/* An agent's life: it registers, claims a run or was given one, tells that it
 * started, serves, finishes. */

void agent_end(struct agent *a, bool failed, const char *fmt, ...)
{
	char why[AGENT_ERROR_MAX];
	va_list args;
	if (a->ended)
		return;
	a->ended = true;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	a->events->on_end(a->ctx, failed, why);
}

static void join(void *ctx);

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

static void beat(void *ctx);

static void begin(struct agent *a)
{
	a->running = true;
	a->refusals = 0;
	/* Beyond any an agent before this one used: the gateway takes a number it has
	 * seen from us for a repetition. Existing gateways expect to begin with 0. */
	a->sequence = a->own ? (long long)time(NULL) * 1000 : 0;
	log_info(a->log, "agent: joined run %s at %s", a->run_id, a->url);
	tell_started(a);
	if (a->own)
		agent_control_start(a);
	beat(a);
	agent_poll(a);
}

static void on_beaten(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	char why[AGENT_TEXT_MAX];
	a->beating = 0;
	if (answer->status == 200 || agent_learn_clock(a, answer))
		return;
	agent_why(answer, why, sizeof(why));
	log_debug(a->log, "agent: no heartbeat: %s", why);
}

/* "{"agentId": ...}", the caller frees it. */
static char *identity_body(struct agent *a, bool registers)
{
	struct json *body = json_make_object();
	if (registers) {
		json_put_text(body, "displayName", a->label);
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

static void beat(void *ctx)
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
	if (!id || !token || strlen(id) > 50 || strlen(token) > 128)
		return;
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
		if (a->claims) {
			log_info(a->log, "agent: registered at %s, waiting for a run", a->url);
			beat(a);
			claim(a);
		} else {
			begin(a);
		}
		return;
	}
	agent_why(answer, why, sizeof(why));
	if (agent_learn_clock(a, answer)) {
		join(a);
	} else if (answer->status == 401 || answer->status == 403) {
		agent_end(a, true,
			"%s refuses this agent: %s; check the agent id and the client token",
			a->url, why);
	} else {
		log_warn(a->log, "agent: cannot register at %s: %s; trying again", a->url, why);
		join_later(a);
	}
}

static void join(void *ctx)
{
	struct agent *a = ctx;
	if (a->ended || a->joining)
		return;
	if (a->claims && a->join_backoff.n == 0 && loop_timer_active(a->heartbeat)) {
		claim(a); /* registered before */
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

static void on_tick(void *ctx)
{
	struct agent *a = ctx;
	if (a->running)
		agent_poll(a);
	else
		join(a);
}

static void leave_run(struct agent *a)
{
	agent_control_stop(a);
	agent_runner_stop(a);
	agent_channels_end(a);
	agent_outbox_clear(a);
	a->running = false;
}

void agent_lose_run(struct agent *a, const char *why)
{
	log_warn(a->log, "agent: run %s is lost: %s", a->run_id, why);
	if (!a->claims) {
		agent_end(a, true,
			"the gateway refuses run %s: %s; check run id and capability token",
			a->run_id, why);
		return;
	}
	leave_run(a);
	loop_timer_start(a->poll, a->poll_ms);
}

static void on_finish_late(void *ctx)
{
	agent_end(ctx, false, "the gateway could not be told that the run is finished");
}

void agent_finish(struct agent *a, int exit_code)
{
	if (a->finishing || a->ended)
		return;
	if (!a->running) {
		agent_end(a, false, "no run was under way");
		return;
	}
	struct json *m = json_make_object();
	agent_flush_lines(a);
	json_put_text(m, "event", "finished");
	json_put_int(m, "exitCode", exit_code);
	agent_marker(a, m);
	a->finishing = true;
	agent_control_stop(a);
	agent_runner_stop(a);
	loop_timer_start(a->finish, AGENT_FINISH_MS);
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* "http(s)://HOST..." without ending slashes, query or user. */
static char *take_url(const char *url)
{
	bool ok = url && (!strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8));
	size_t n = ok ? strlen(url) : 0;
	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n < 8 || n > AGENT_TEXT_MAX || strpbrk(url, "?#@ \t\r\n"))
		return NULL;
	return strndup(url, n);
}

static const char *judge(const struct agent_config *c)
{
	const char *why = NULL;
	if (!c->run_id != !c->capability_token)
		return "a run id and its capability token go together: give both, or neither to "
		       "claim runs with a client token";
	if (!c->client_token && !c->hmac_secret)
		return "no credential for the gateway: give --agent-id and --client-token-file (as "
		       "'porthole client create' or the console printed them), or set HMAC_SECRET "
		       "to act as an existing runner";
	if (c->hmac_secret && request_key_judge(c->hmac_secret, &why))
		return why;
	if (!c->run_id && !c->client_token)
		return "to claim runs an agent needs a client token: give --client-token-file, or "
		       "--run-id and --capability-token-file for one run";
	return NULL;
}

/* doc/STORE.md: so that the client token need not travel. */
static void derive_key(struct agent *a)
{
	static const char purpose[] = "porthole agent key";
	uint8_t mac[HASH_SHA256];
	hmac_sha256(a->client_token, strlen(a->client_token), purpose, sizeof(purpose) - 1, mac);
	text_put_hex(mac, sizeof(mac), a->key);
}

static int take_texts(struct agent *a, const struct agent_config *c)
{
	a->run_id = copy(c->run_id);
	a->capability_token = copy(c->capability_token);
	a->client_token = copy(c->client_token);
	a->hmac_secret = copy(c->hmac_secret);
	a->agent_id = strdup(c->agent_id);
	a->label = strdup(c->label ? c->label : c->agent_id);
	a->display_mode = strdup(c->display_mode ? c->display_mode : "screen");
	a->own = !c->hmac_secret;
	a->claims = !c->run_id;
	if (a->own && a->client_token)
		derive_key(a);
	bool bad = !a->agent_id || !a->label || !a->display_mode || (c->run_id && !a->run_id) ||
		   (c->capability_token && !a->capability_token) ||
		   (c->client_token && !a->client_token) || (c->hmac_secret && !a->hmac_secret);
	return bad ? ERR_NOMEM : OK;
}

static int open_clients(struct agent *a, const struct agent_config *c, char error[AGENT_ERROR_MAX])
{
	struct tls_client_config tls = {
		.ca_file = c->http.ca_file,
		.pin = c->http.pin,
		.insecure = c->http.insecure,
	};
	if (c->http.insecure)
		log_warn(a->log, "agent: the gateway's certificate is not checked (--insecure): "
				 "anybody on the way can read and change what is sent");
	a->http = http_client_create(a->loop, &c->http);
	if (!a->http)
		return ERR_NOMEM;
	if (!strncasecmp(a->url, "https", 5)) {
		a->tls = tls_context_client(&tls, error, AGENT_ERROR_MAX);
		if (!a->tls)
			return ERR_IO;
	}
	return OK;
}

struct agent *agent_create(struct loop *l, const struct agent_config *c,
	const struct agent_events *events, void *ctx, char error[AGENT_ERROR_MAX])
{
	const char *why = judge(c);
	struct agent *a = calloc(1, sizeof(*a));
	snprintf(error, AGENT_ERROR_MAX, "%s", why ? why : "not enough memory");
	if (!a || why)
		goto fail;
	a->loop = l;
	a->log = c->log;
	a->desktop = c->desktop;
	a->events = events;
	a->ctx = ctx;
	a->require_password = c->require_password;
	a->poll_ms = c->poll_interval_ms ? c->poll_interval_ms : AGENT_POLL_MS;
	a->start = (struct loop_task){ .run = join, .ctx = a };
	a->url = take_url(c->gateway_url);
	if (!a->url) {
		snprintf(error, AGENT_ERROR_MAX,
			"'%.128s' is no gateway's URL: http://127.0.0.1:3100 and "
			"https://gateway.example.org are some",
			c->gateway_url ? c->gateway_url : "");
		goto fail;
	}
	a->poll = loop_timer_create(l, on_tick, a);
	a->heartbeat = loop_timer_create(l, beat, a);
	a->finish = loop_timer_create(l, on_finish_late, a);
	if (!a->poll || !a->heartbeat || !a->finish || take_texts(a, c) || agent_outbox_init(a) ||
		open_clients(a, c, error))
		goto fail;
	loop_task_queue(l, &a->start);
	return a;
fail:
	agent_destroy(a);
	return NULL;
}

static void forget(char *secret)
{
	if (secret)
		secret_wipe(secret, strlen(secret));
	free(secret);
}

void agent_destroy(struct agent *a)
{
	if (!a)
		return;
	a->ended = true;
	if (a->loop) {
		loop_task_cancel(a->loop, &a->start);
		agent_control_stop(a);
		agent_runner_stop(a);
		agent_channels_end(a);
		agent_outbox_fini(a);
	}
	loop_timer_destroy(a->control_retry);
	loop_timer_destroy(a->poll);
	loop_timer_destroy(a->heartbeat);
	loop_timer_destroy(a->finish);
	http_client_destroy(a->http);
	tls_context_unref(a->tls);
	secret_wipe(a->key, sizeof(a->key));
	forget(a->capability_token);
	forget(a->client_token);
	forget(a->hmac_secret);
	free(a->run_id);
	free(a->agent_id);
	free(a->label);
	free(a->display_mode);
	free(a->url);
	free(a);
}
