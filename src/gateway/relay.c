#include "gateway/relay.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "gateway/relay_private.h"

enum {
	TICK_MS = 1000,
	CHANNELS_MAX = 10000,
	CHANNELS_PER_RUN_MAX = 64,
	CHANNELS_PER_ADDRESS_MAX = 1000,
};

long long relay_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t relay_deadline_us(unsigned seconds)
{
	return clock_now_us() + (uint64_t)seconds * 1000000;
}

void relay_changed(struct relay_run *run)
{
	const struct relay_config *c = &run->relay->config;
	if (c->on_change)
		c->on_change(c->ctx, run->id);
}

/* One timer for all deadlines, which are all of seconds; with nothing pending, none. */
void relay_watch(struct relay *r)
{
	if (!loop_timer_active(r->tick))
		loop_timer_start(r->tick, TICK_MS);
}

static void expire_tunnel(struct relay_tunnel *t, uint64_t now)
{
	if (t->state == RELAY_JOINED || t->deadline_us == 0 || t->deadline_us > now)
		return;
	relay_tunnel_close(t, WS_CODE_AGAIN_LATER,
		t->state == RELAY_ASKED ? "agent did not answer" : "no agent");
}

static void expire_run(struct relay_run *run, uint64_t now)
{
	struct relay_link *link = run->link;
	struct relay_tunnel *next;
	if (link && !link->ready && link->deadline_us <= now) {
		bool last = !run->tunnels;
		relay_link_close(link, WS_CODE_POLICY, "no hello");
		if (last)
			return;
	}
	for (struct relay_tunnel *t = run->tunnels; t; t = next) {
		next = t->next;
		expire_tunnel(t, now);
	}
}

static void tick(void *ctx)
{
	struct relay *r = ctx;
	uint64_t now = clock_now_us();
	for (size_t i = 0; i < RELAY_BUCKETS && r->n_waiting + r->n_greeting > 0; i++) {
		struct relay_run *next;
		for (struct relay_run *run = r->runs[i]; run; run = next) {
			next = run->next;
			expire_run(run, now);
		}
	}
	relay_grant_expire(r, now);
	relay_audit_go_on(r);
	if (r->n_waiting + r->n_greeting > 0 || r->kept || r->records)
		loop_timer_start(r->tick, TICK_MS);
}

static int or_else(int value, int otherwise)
{
	return value > 0 ? value : otherwise;
}

struct relay *relay_create(struct loop *l, const struct relay_config *config)
{
	struct relay *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	struct relay_config *c = &r->config;
	r->loop = l;
	*c = *config;
	c->max_channels = or_else(c->max_channels, CHANNELS_MAX);
	c->max_channels_per_run = or_else(c->max_channels_per_run, CHANNELS_PER_RUN_MAX);
	c->max_channels_per_address =
		or_else(c->max_channels_per_address, CHANNELS_PER_ADDRESS_MAX);
	r->tick = loop_timer_create(l, tick, r);
	if (!r->tick) {
		free(r);
		return NULL;
	}
	return r;
}

/* Closes the tunnels of a run, and its agent's control WebSocket. It goes with the last. */
static void close_run(struct relay_run *run, unsigned code, const char *reason)
{
	while (run->tunnels) {
		bool last = !run->link && !run->tunnels->next;
		relay_tunnel_close(run->tunnels, code, reason);
		if (last)
			return;
	}
	relay_link_close(run->link, code, reason);
}

static void close_all(struct relay *r, unsigned code, const char *reason)
{
	for (size_t i = 0; i < RELAY_BUCKETS; i++)
		while (r->runs[i])
			close_run(r->runs[i], code, reason);
}

void relay_destroy(struct relay *r)
{
	if (!r)
		return;
	r->config.on_change = NULL;
	relay_ask_drop_all(r);
	close_all(r, WS_CODE_GOING_AWAY, "gateway is stopping");
	relay_audit_drop_all(r);
	relay_grant_drop_all(r);
	loop_timer_destroy(r->tick);
	free(r);
}

bool relay_close_run(struct relay *r, const char *run_id, const char *reason)
{
	struct relay_run *run = relay_run_find(r, run_id);
	if (!run || !run->tunnels)
		return false;
	for (bool last = false; !last;) {
		last = !run->tunnels->next;
		relay_tunnel_close(run->tunnels, WS_CODE_NORMAL, reason);
	}
	return true;
}

bool relay_close_channel(struct relay *r, const char *run, const char *channel)
{
	struct relay_tunnel *t = relay_run_tunnel(relay_run_find(r, run), channel);
	if (t)
		relay_tunnel_close(t, WS_CODE_POLICY, "disconnected");
	return t;
}

bool relay_give_control(struct relay *r, const char *run_id, const char *channel)
{
	struct relay_run *run = relay_run_find(r, run_id);
	struct relay_tunnel *to = channel ? relay_run_tunnel(run, channel) : NULL;
	if (!run || (channel && (!to || to->is_runner || to->granted != TUNNEL_CONTROL)))
		return false;
	run->controls = to;
	for (struct relay_tunnel *t = run->tunnels; t && run->link; t = t->next)
		if (relay_tunnel_rights(t) != t->told)
			relay_link_tell_rights(run->link, t);
	relay_changed(run);
	return true;
}

static void push_command(struct relay *r, struct json_ref body)
{
	const char *run_id = json_get_text(body, "runId");
	struct relay_run *run = run_id ? relay_run_find(r, run_id) : NULL;
	struct tunnel_message m = {
		.type = TUNNEL_COMMAND,
		.id = json_get_text(body, "commandId"),
		.command = json_get_text(body, "command"),
	};
	if (run && run->link && m.id && m.command)
		relay_link_send(run->link, &m);
}

void relay_notice(struct relay *r, const char *kind, struct json_ref body)
{
	if (strcmp(kind, "command_queued") == 0)
		push_command(r, body);
	else if (strcmp(kind, "revoked") == 0)
		relay_grant_revoke(r, body);
}

void relay_drain(struct relay *r)
{
	r->draining = true;
	close_all(r, WS_CODE_GOING_AWAY, "gateway is stopping");
}

bool relay_is_idle(const struct relay *r)
{
	return r->n_tunnels + r->n_links == 0 && !r->records;
}
