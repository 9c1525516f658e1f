#include "agent/agent.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/agent_private.h"
#include "base/shape.h"
#include "crypto/hmac.h"
#include "crypto/request_signature.h"
#include "crypto/secret.h"
#include "crypto/text.h"
#include "desktop/desktop.h"

/* An agent's beginning and end, and those of its runs. */

void agent_end(struct agent *a, bool failed, const char *fmt, ...)
{
	va_list args;
	if (a->ended)
		return;
	a->ended = true;
	a->end_failed = failed;
	va_start(args, fmt);
	vsnprintf(a->end_why, sizeof(a->end_why), fmt, args);
	va_end(args);
	loop_task_queue(a->loop, &a->end_task);
}

static void on_end_task(void *ctx)
{
	struct agent *a = ctx;
	a->events->on_end(a->ctx, a->end_failed, a->end_why);
}

static void leave_run(struct agent *a)
{
	agent_control_stop(a);
	agent_runner_stop(a);
	agent_channels_end(a);
	agent_outbox_clear(a);
	if (a->polling)
		http_client_cancel(a->http, a->polling);
	a->polling = 0;
	a->running = a->finishing = a->poll_again = false;
	loop_timer_stop(a->finish);
	loop_timer_start(a->poll, a->poll_ms);
}

void agent_lose_run(struct agent *a, const char *why)
{
	log_warn(a->log, "agent: run %s is lost: %s", a->run_id, why);
	leave_run(a);
	if (!a->claims || a->quitting)
		agent_end(a, true,
			"the gateway refuses run %s: %s; check run id and capability token",
			a->run_id, why);
}

void agent_finished(struct agent *a)
{
	if (a->quitting) {
		agent_end(a, false, "the run is finished");
		return;
	}
	log_info(a->log, "agent: run %s is finished; waiting for the next one", a->run_id);
	leave_run(a);
}

static void on_finish_late(void *ctx)
{
	struct agent *a = ctx;
	if (a->quitting)
		agent_end(a, false, "the gateway could not be told that the run is finished");
	else
		agent_lose_run(a, "the gateway could not be told that it is finished");
}

static void finish(struct agent *a, int exit_code)
{
	struct json *m = json_make_object();
	agent_flush_output(a);
	json_put_text(m, "event", "finished");
	json_put_int(m, "exitCode", exit_code);
	agent_marker(a, m);
	a->finishing = true;
	agent_control_stop(a);
	agent_runner_stop(a);
	agent_channels_end(a);
	loop_timer_start(a->finish, a->quitting ? AGENT_FINISH_MS : AGENT_LEAVE_MS);
	agent_outbox_hurry(a);
}

void agent_stop(struct agent *a)
{
	a->quitting = !a->claims;
	finish(a, 0);
}

void agent_finish(struct agent *a, int exit_code)
{
	if (a->quitting || a->ended)
		return;
	a->quitting = true;
	if (!a->running) {
		agent_end(a, false, "no run was under way");
	} else if (!a->finishing) {
		finish(a, exit_code);
	} else {
		loop_timer_start(a->finish, AGENT_FINISH_MS);
		agent_outbox_hurry(a);
	}
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

static bool consists_of(const char *s, const char *characters, size_t max)
{
	size_t n = strspn(s, characters);
	return n > 0 && n <= max && s[n] == '\0';
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

bool agent_is_token(const char *s)
{
	return consists_of(s, LETTERS ".~+/=", 200);
}

static bool is_name(const char *s)
{
	return s && consists_of(s, LETTERS ".", 200);
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
	if (!is_name(c->agent_id))
		return "an agent id is 1 to 200 letters, digits, dots, dashes and underscores: "
		       "give one with --agent-id, as the client was created with";
	if (c->run_id && !shape_is_id(c->run_id))
		return "a run id is 1 to 50 letters, digits, dashes and underscores: check "
		       "--run-id";
	if (c->run_id && !agent_is_token(c->capability_token))
		return "this is no capability token: copy it again, it is one word of text";
	if (c->client_token && !agent_is_token(c->client_token))
		return "this is no client token: copy it again, it is one word of text";
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
	a->version = copy(c->version);
	a->https_proxy = copy(c->https_proxy);
	a->own = !c->hmac_secret;
	a->claims = !c->run_id;
	if (a->own && a->client_token)
		derive_key(a);
	bool bad = !a->agent_id || !a->label || !a->display_mode || (c->run_id && !a->run_id) ||
		   (c->version && !a->version) || (c->capability_token && !a->capability_token) ||
		   (c->client_token && !a->client_token) || (c->hmac_secret && !a->hmac_secret) ||
		   (c->https_proxy && !a->https_proxy);
	return bad ? ERR_NOMEM : OK;
}

/* What the gateway's URL makes of the options for certificates. */
static int judge_tls(struct agent *a, const struct agent_config *c, char error[AGENT_ERROR_MAX])
{
	bool secure = !strncasecmp(a->url, "https", 5);
	if (!secure && (c->http.pin || c->http.ca_file)) {
		snprintf(error, AGENT_ERROR_MAX,
			"a pinned key or certificates are for https:// gateways, and %s has no TLS",
			a->url);
		return ERR_AUTH;
	}
	if (secure && c->http.insecure)
		log_warn(a->log, "agent: the gateway's certificate is not checked (--insecure): "
				 "anybody on the way can read and change what is sent");
	return OK;
}

static int open_clients(struct agent *a, const struct agent_config *c, char error[AGENT_ERROR_MAX])
{
	struct tls_client_config tls = {
		.ca_file = c->http.ca_file,
		.pin = c->http.pin,
		.insecure = c->http.insecure,
	};
	int err = judge_tls(a, c, error);
	if (err)
		return err;
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
	struct agent *a = why ? NULL : calloc(1, sizeof(*a));
	snprintf(error, AGENT_ERROR_MAX, "%s", why ? why : "not enough memory");
	if (!a)
		return NULL;
	a->loop = l;
	a->log = c->log;
	a->desktop = c->desktop;
	a->events = events;
	a->ctx = ctx;
	a->require_password = c->require_password;
	a->poll_ms = c->poll_interval_ms ? c->poll_interval_ms : AGENT_POLL_MS;
	a->rest_ms = c->poll_interval_ms ? c->poll_interval_ms : AGENT_REST_MS;
	a->start = (struct loop_task){ .run = agent_join, .ctx = a };
	a->end_task = (struct loop_task){ .run = on_end_task, .ctx = a };
	a->url = take_url(c->gateway_url);
	if (!a->url) {
		snprintf(error, AGENT_ERROR_MAX,
			"'%.128s' is no gateway's URL: http://127.0.0.1:3100 and "
			"https://gateway.example.org are some",
			c->gateway_url ? c->gateway_url : "");
		goto fail;
	}
	a->poll = loop_timer_create(l, agent_tick, a);
	a->heartbeat = loop_timer_create(l, agent_beat, a);
	a->finish = loop_timer_create(l, on_finish_late, a);
	if (!a->poll || !a->heartbeat || !a->finish || take_texts(a, c) || agent_outbox_init(a) ||
		agent_output_init(a) || open_clients(a, c, error))
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
		loop_task_cancel(a->loop, &a->end_task);
		agent_control_stop(a);
		agent_runner_stop(a);
		agent_channels_end(a);
		agent_outbox_fini(a);
		agent_output_fini(a);
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
	forget(a->https_proxy);
	free(a->run_id);
	free(a->agent_id);
	free(a->label);
	free(a->display_mode);
	free(a->version);
	free(a->url);
	free(a);
}
