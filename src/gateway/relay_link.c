#include <stdlib.h>
#include <string.h>

#include "gateway/relay_private.h"

static void destroy(struct relay_link *l, bool lost)
{
	struct relay_run *run = l->run;
	struct relay *r = run->relay;
	if (run->link == l)
		run->link = NULL;
	if (lost)
		relay_audit_put_left(run);
	r->n_links--;
	r->n_greeting -= !l->ready;
	for (struct relay_tunnel *t = run->tunnels; t; t = t->next)
		relay_tunnel_wait(t);
	relay_address_drop(r, l->address);
	free(l->agent_id);
	free(l->client_id);
	free(l->name);
	free(l);
	relay_changed(run);
	relay_run_drop_empty(run);
}

void relay_link_close(struct relay_link *l, unsigned code, const char *reason)
{
	log_info(l->run->relay->config.log, "agent of run %s: closed: %s", l->run->id, reason);
	ws_text_close(l->ws, code, reason);
	destroy(l, false);
}

/* A link whose queue is full is closed by its own on_close. */
void relay_link_send(struct relay_link *l, const struct tunnel_message *m)
{
	char *text = l->ready ? tunnel_message_print(m) : NULL;
	int err = text ? ws_text_send(l->ws, text, strlen(text)) : OK;
	if (err)
		log_warn(l->run->relay->config.log, "agent of run %s: not told: %s", l->run->id,
			err_str(err));
	free(text);
}

void relay_link_tell_rights(struct relay_link *l, struct relay_tunnel *t)
{
	if (!l->ready || t->is_runner || t->state == RELAY_WAITING)
		return;
	t->told = (uint8_t)relay_tunnel_rights(t);
	relay_link_send(l, &(struct tunnel_message){ .type = TUNNEL_RIGHTS,
				   .channel = t->id,
				   .rights = relay_tunnel_rights(t) });
}

void relay_link_ask(struct relay_link *l, struct relay_tunnel *t)
{
	if (!l->ready || t->state != RELAY_WAITING || !t->grant)
		return;
	relay_link_send(
		l, &(struct tunnel_message){
			   .type = TUNNEL_OPEN,
			   .channel = t->id,
			   .kind = "rfb",
			   .rights = (enum tunnel_rights)t->granted,
			   .user = t->grant->user,
			   .grant = t->grant->id,
			   .protocol = t->resumable ? TUNNEL_RESUME_PROTOCOL : TUNNEL_RAW_PROTOCOL,
		   });
	t->told = t->granted;
	t->state = RELAY_ASKED;
	t->deadline_us = relay_deadline_us(TUNNEL_OPEN_S);
	if (relay_tunnel_rights(t) != t->told)
		relay_link_tell_rights(l, t);
}

static void on_hello(struct relay_link *l, const struct tunnel_message *m)
{
	struct relay_run *run = l->run;
	if (m->version != TUNNEL_VERSION) {
		relay_link_close(l, WS_CODE_POLICY, "this gateway speaks version 1");
		return;
	}
	if (l->ready) {
		relay_link_close(l, WS_CODE_POLICY, "a second hello");
		return;
	}
	l->ready = true;
	run->relay->n_greeting--;
	l->name = strdup(m->agent);
	log_info(run->relay->config.log, "agent of run %s: %s from %s", run->id, m->agent,
		l->address->text);
	relay_grant_tell(l);
	for (struct relay_tunnel *t = run->tunnels; t; t = t->next) {
		if (t->state == RELAY_JOINED) /* it may have missed what they are */
			relay_link_tell_rights(l, t);
		relay_link_ask(l, t);
	}
	relay_changed(run);
}

static void on_refused(struct relay_link *l, const struct tunnel_message *m)
{
	struct relay_tunnel *t = relay_run_tunnel(l->run, m->channel);
	if (!t || t->state != RELAY_ASKED)
		return;
	t->state = RELAY_WAITING; /* the agent need not be told */
	relay_tunnel_close(t, WS_CODE_AGAIN_LATER, m->reason);
}

static void on_message(void *ctx, const char *text, size_t n)
{
	struct relay_link *l = ctx;
	struct tunnel_message m;
	char problem[TUNNEL_PROBLEM_MAX];
	bool is_json;
	if (tunnel_message_parse(text, n, TUNNEL_FROM_AGENT, &m, &is_json, problem)) {
		if (is_json)
			relay_link_close(l, WS_CODE_POLICY, problem);
		else
			relay_link_close(l, WS_CODE_PROTOCOL, "not JSON");
		return;
	}
	if (m.type == TUNNEL_HELLO)
		on_hello(l, &m);
	else if (!l->ready)
		relay_link_close(l, WS_CODE_POLICY, "hello comes first");
	else if (m.type == TUNNEL_REFUSED)
		on_refused(l, &m);
	tunnel_message_fini(&m);
}

static void on_close(void *ctx, int err, unsigned code, const char *reason)
{
	struct relay_link *l = ctx;
	log_info(l->run->relay->config.log, "agent of run %s: left (%s, %u %s)", l->run->id,
		err_str(err), code, reason);
	ws_text_destroy(l->ws);
	destroy(l, code == WS_CODE_LOST);
}

static const struct ws_text_events events = { on_message, on_close };

int relay_link_create(struct relay_run *run, struct stream *below, const struct buf *early,
	const char *agent_id, const char *client_id, const char *address)
{
	struct relay *r = run->relay;
	struct relay_link *l = calloc(1, sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	const struct ws_text_config config = {
		.message_max = TUNNEL_MESSAGE_MAX,
		.queue_max = RELAY_QUEUE_MAX,
		.events = &events,
		.ctx = l,
	};
	l->run = run;
	l->since_ms = relay_now_ms();
	l->deadline_us = relay_deadline_us(TUNNEL_HELLO_S);
	l->agent_id = strdup(agent_id);
	l->client_id = strdup(client_id);
	l->address = relay_address_take(r, address);
	if (!l->agent_id || !l->client_id || !l->address)
		goto fail;
	l->ws = ws_text_create(r->loop, below, &config, early->data, early->len);
	if (!l->ws)
		goto fail;
	struct relay_link *before = run->link;
	run->link = l;
	r->n_links++;
	r->n_greeting++;
	if (before)
		relay_link_close(before, TUNNEL_CLOSE_REPLACED, "replaced");
	relay_watch(r);
	relay_changed(run);
	return OK;

fail:
	relay_address_drop(r, l->address);
	free(l->agent_id);
	free(l->client_id);
	free(l);
	return ERR_NOMEM;
}
