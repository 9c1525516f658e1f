#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"

static void drop_first(struct agent_outbox *o)
{
	struct agent_letter *l = o->first;
	o->first = l->next;
	if (!o->first)
		o->last = &o->first;
	o->n--;
	o->bytes -= l->n;
	free(l->body);
	free(l);
}

static void send_first(struct agent *a);

static void on_retry(void *ctx)
{
	send_first(ctx);
}

static void retry_later(struct agent *a)
{
	loop_timer_start(a->outbox.retry, backoff_next_ms(&a->outbox.backoff));
}

/* Worth sending again: the gateway was not there, too busy, or restarting. */
static bool is_passing(int status)
{
	return status == 0 || status == 408 || status == 429 || status >= 500;
}

static void on_sent(void *ctx, const struct http_client_answer *answer)
{
	struct agent *a = ctx;
	struct agent_outbox *o = &a->outbox;
	char why[AGENT_TEXT_MAX];
	o->request = 0;
	if (agent_learn_clock(a, answer)) {
		send_first(a);
		return;
	}
	if (is_passing(answer->status)) {
		agent_why(answer, why, sizeof(why));
		log_debug(a->log, "agent: not told yet: %s", why);
		retry_later(a);
		return;
	}
	if (answer->status != 200) {
		agent_why(answer, why, sizeof(why));
		log_warn(a->log, "agent: %s was refused: %s", o->first->path, why);
	}
	o->backoff.n = 0;
	drop_first(o);
	send_first(a);
}

/* Output leaves room for what must not be lost: acknowledgements and markers. */
static bool has_room(const struct agent_outbox *o, size_t n, bool is_output)
{
	size_t spare = is_output ? 0 : AGENT_OUTBOX_SPARE;
	return o->n < AGENT_OUTBOX_MAX + spare &&
	       (!is_output || o->bytes + n <= AGENT_OUTBOX_BYTES);
}

static void put(struct agent *a, const char *path, struct json *body, bool is_output)
{
	struct agent_outbox *o = &a->outbox;
	char *text = json_print(body, false);
	struct agent_letter *l = calloc(1, sizeof(*l));
	size_t n = text ? strlen(text) : 0;
	json_drop(body);
	if (!l || !text || !has_room(o, n, is_output)) {
		if (o->dropped++ == 0)
			log_warn(a->log,
				"agent: the gateway does not take what it is told: dropping "
				"some of it");
		free(text);
		free(l);
		return;
	}
	snprintf(l->path, sizeof(l->path), "%s", path);
	l->body = text;
	l->n = n;
	*o->last = l;
	o->last = &l->next;
	o->n++;
	o->bytes += n;
}

static void put_event(struct agent *a, const char *type, const char *data)
{
	struct json *body = json_make_object();
	json_put_text(body, "type", type);
	json_put_text(body, "data", data);
	json_put_int(body, "sequence", a->sequence++);
	put(a, "/api/ingest/event", body, type[0] == 's'); /* stdout, stderr */
}

static void tell_dropped(struct agent *a)
{
	char text[AGENT_TEXT_MAX];
	struct agent_outbox *o = &a->outbox;
	snprintf(text, sizeof(text), "%llu messages were lost: the gateway did not take them",
		o->dropped);
	o->dropped = 0;
	log_warn(a->log, "agent: %s", text);
	put_event(a, "error", text);
}

static void send_first(struct agent *a)
{
	struct agent_outbox *o = &a->outbox;
	if (o->request || loop_timer_active(o->retry) || a->ended)
		return;
	if (!o->first && o->dropped > 0)
		tell_dropped(a);
	if (!o->first) {
		if (a->finishing)
			agent_finished(a);
		return;
	}
	int id = agent_send(
		a, AGENT_WITH_RUN, "POST", o->first->path, o->first->body, o->first->n, on_sent, a);
	if (id > 0)
		o->request = id;
	else
		retry_later(a);
}

void agent_event(struct agent *a, const char *type, const char *data)
{
	if (!a->running)
		return;
	put_event(a, type, data);
	send_first(a);
}

void agent_marker(struct agent *a, struct json *marker)
{
	char *text = json_print(marker, false);
	json_drop(marker);
	if (text)
		agent_event(a, "marker", text);
	free(text);
}

void agent_ack(struct agent *a, const char *command_id, const char *result, const char *error)
{
	char path[AGENT_PATH_MAX];
	struct json *body = json_make_object();
	snprintf(path, sizeof(path), "/api/runs/%s/commands/%s/ack", a->run_id, command_id);
	json_put(body, "result", result ? json_make_text(result) : json_make_null());
	json_put(body, "error", error ? json_make_text(error) : json_make_null());
	put(a, path, body, false);
	send_first(a);
}

int agent_outbox_init(struct agent *a)
{
	a->outbox.last = &a->outbox.first;
	a->outbox.retry = loop_timer_create(a->loop, on_retry, a);
	return a->outbox.retry ? OK : ERR_NOMEM;
}

void agent_outbox_hurry(struct agent *a)
{
	loop_timer_stop(a->outbox.retry);
	a->outbox.backoff.n = 0;
	send_first(a);
}

void agent_outbox_clear(struct agent *a)
{
	struct agent_outbox *o = &a->outbox;
	if (o->request > 0)
		http_client_cancel(a->http, o->request);
	o->request = 0;
	while (o->first)
		drop_first(o);
	if (o->retry)
		loop_timer_stop(o->retry);
	o->backoff.n = 0;
	o->dropped = 0;
}

void agent_outbox_fini(struct agent *a)
{
	agent_outbox_clear(a);
	loop_timer_destroy(a->outbox.retry);
}
