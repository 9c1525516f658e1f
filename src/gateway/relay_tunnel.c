#include <stdlib.h>
#include <string.h>

#include "gateway/relay_private.h"
#include "net/ws_stream.h"

static const char *user_of(const struct relay_tunnel *t)
{
	return t->grant ? t->grant->user : "";
}

static struct relay *relay_of(const struct relay_tunnel *t)
{
	return t->run->relay;
}

enum tunnel_rights relay_tunnel_rights(const struct relay_tunnel *t)
{
	bool may = !t->run->controls || t->run->controls == t;
	return t->granted == TUNNEL_CONTROL && may ? TUNNEL_CONTROL : TUNNEL_VIEW;
}

struct relay_count relay_tunnel_count(const struct relay_tunnel *t)
{
	struct pump_stats s = pump_stats(t->pump);
	int viewer = t->viewer_is_b ? PUMP_B : PUMP_A, desktop = 1 - viewer;
	return (struct relay_count){ s.bytes[viewer], s.bytes[desktop], s.messages[viewer],
		s.messages[desktop] };
}

void relay_count_add(struct relay_count *to, struct relay_count c)
{
	to->bytes_from_viewer += c.bytes_from_viewer;
	to->bytes_from_desktop += c.bytes_from_desktop;
	to->frames_from_viewer += c.frames_from_viewer;
	to->frames_from_desktop += c.frames_from_desktop;
}

static void set_state(struct relay_tunnel *t, enum relay_state state)
{
	struct relay *r = relay_of(t);
	r->n_waiting += (state != RELAY_JOINED) - (t->state != RELAY_JOINED);
	r->opened += state == RELAY_JOINED;
	t->state = (uint8_t)state;
	t->deadline_us = state == RELAY_JOINED ? 0 : relay_deadline_us(RELAY_WAIT_S);
	relay_watch(r);
}

void relay_tunnel_wait(struct relay_tunnel *t)
{
	if (t->state == RELAY_ASKED)
		set_state(t, RELAY_WAITING);
}

/* Our agent hears of it where it would otherwise open an end in vain, or wait. */
static void tell_agent(struct relay_tunnel *t, const char *reason)
{
	struct relay_link *l = t->run->link;
	if (l && t->state == RELAY_ASKED)
		relay_link_send(
			l, &(struct tunnel_message){
				   .type = TUNNEL_CLOSE, .channel = t->id, .reason = reason });
}

static void unlink_from_run(struct relay_tunnel *t)
{
	struct relay_run *run = t->run;
	struct relay_tunnel **at = &run->tunnels;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	run->n_tunnels--;
	run->relay->n_tunnels--;
	run->relay->n_waiting -= t->state != RELAY_JOINED;
	relay_count_add(&run->ended, relay_tunnel_count(t));
	relay_count_add(&run->relay->ended, relay_tunnel_count(t));
}

/* The pump is over; nothing but the books is left. */
static void finish(struct relay_tunnel *t, const char *reason)
{
	struct relay_run *run = t->run;
	struct relay *r = run->relay;
	log_info(r->config.log, "tunnel %s of run %s: ended: %s", t->id, run->id, reason);
	tell_agent(t, reason);
	relay_audit_put(t, reason);
	unlink_from_run(t);
	if (run->controls == t)
		relay_give_control(r, run->id, NULL);
	relay_grant_release(r, t->grant, t->resumable);
	relay_address_drop(r, t->viewer);
	relay_address_drop(r, t->desktop);
	pump_destroy(t->pump);
	free(t);
	relay_changed(run);
	relay_run_drop_empty(run);
}

void relay_tunnel_close(struct relay_tunnel *t, unsigned code, const char *reason)
{
	pump_close(t->pump, code, reason);
	finish(t, reason);
}

static void on_end(void *ctx, enum pump_why why)
{
	struct relay_tunnel *t = ctx;
	bool viewer = (pump_stats(t->pump).end == PUMP_B) == t->viewer_is_b;
	switch (why) {
	case PUMP_CLOSED: finish(t, viewer ? "viewer left" : "agent left"); break;
	case PUMP_LOST: finish(t, viewer ? "viewer lost" : "agent lost"); break;
	case PUMP_STALLED: finish(t, viewer ? "viewer stalled" : "agent stalled"); break;
	case PUMP_IDLE: finish(t, "idle"); break;
	case PUMP_EXPIRED: finish(t, "time limit"); break;
	}
}

static void take_viewer(struct relay_tunnel *t, const struct relay_tunnel_config *config,
	struct relay_address *address)
{
	t->grant = config->grant;
	t->granted = t->told = (uint8_t)config->granted;
	t->resumable = config->resumable;
	t->viewer = address;
	t->viewer_since_ms = relay_now_ms();
	log_info(relay_of(t)->config.log, "tunnel %s of run %s: viewer %s from %s, %s", t->id,
		t->run->id, user_of(t), address->text, tunnel_rights_text(config->granted));
}

static void append_to_run(struct relay_tunnel *t)
{
	struct relay_tunnel **at = &t->run->tunnels;
	while (*at)
		at = &(*at)->next;
	*at = t;
	t->run->n_tunnels++;
	relay_of(t)->n_tunnels++;
	relay_of(t)->n_waiting++;
}

struct relay_tunnel *relay_tunnel_create(
	struct relay_run *run, struct stream *ws, const struct relay_tunnel_config *config)
{
	struct relay *r = run->relay;
	const struct pump_config limits = {
		.idle_s = r->config.idle_limit_s,
		.max_s = r->config.absolute_limit_s,
	};
	struct relay_tunnel *t = calloc(1, sizeof(*t));
	struct relay_address *address = relay_address_take(r, config->address);
	if (!t || !address || token_make_id(t->id))
		goto fail;
	t->run = run;
	t->since_ms = relay_now_ms();
	t->pump = pump_create(r->loop, ws, NULL, &limits, on_end, t);
	if (!t->pump)
		goto fail;
	append_to_run(t);
	if (config->grant) {
		take_viewer(t, config, address);
		t->deadline_us = relay_deadline_us(RELAY_WAIT_S);
		relay_watch(r);
	} else {
		t->is_runner = t->viewer_is_b = true;
		t->desktop = address;
	}
	return t;

fail:
	relay_address_drop(r, address);
	free(t);
	return NULL;
}

static int join(struct relay_tunnel *t, struct stream *ws, const char *address,
	struct relay_address **taken)
{
	*taken = relay_address_take(relay_of(t), address);
	int err = *taken ? pump_join(t->pump, ws) : ERR_NOMEM;
	if (err) {
		relay_address_drop(relay_of(t), *taken);
		return err;
	}
	set_state(t, RELAY_JOINED);
	return OK;
}

int relay_tunnel_join_desktop(struct relay_tunnel *t, struct stream *ws, const char *address)
{
	struct relay_address *taken;
	int err = join(t, ws, address, &taken);
	if (err)
		return err;
	t->desktop = taken;
	log_debug(relay_of(t)->config.log, "tunnel %s of run %s: joined", t->id, t->run->id);
	relay_changed(t->run);
	return OK;
}

int relay_tunnel_join_viewer(
	struct relay_tunnel *t, struct stream *ws, const struct relay_tunnel_config *config)
{
	struct relay_address *taken;
	int err = join(t, ws, config->address, &taken);
	if (err)
		return err;
	take_viewer(t, config, taken);
	relay_changed(t->run);
	return OK;
}
