#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/relay_private.h"

static const char *text_of(struct json_ref object, const char *key)
{
	const char *text = json_get_text(object, key);
	return text ? text : "";
}

struct relay_grant *relay_grant_create(const char *run, struct json_ref redeemed)
{
	struct json_ref user = json_get(redeemed, "user"), grant = json_get(redeemed, "grant");
	const char *from[] = { run, text_of(user, "id"), text_of(user, "username"),
		text_of(grant, "session"), text_of(grant, "ticket"), text_of(grant, "link") };
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(from); i++)
		n += strlen(from[i]) + 1;
	struct relay_grant *g = calloc(1, sizeof(*g) + n);
	if (!g || token_make_id(g->id)) {
		free(g);
		return NULL;
	}
	const char **to[] = { &g->run, &g->user_id, &g->user, &g->session, &g->ticket, &g->link };
	char *at = g->text;
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		*to[i] = at;
		at = stpcpy(at, from[i]) + 1;
	}
	return g;
}

void relay_grant_release(struct relay *r, struct relay_grant *g, bool resumable)
{
	if (!g || !resumable) {
		free(g);
		return;
	}
	g->until_us = relay_deadline_us(RELAY_GRANT_S);
	g->next = r->kept;
	r->kept = g;
	relay_watch(r);
}

static void tell(struct relay_link *l, const struct relay_grant *g)
{
	relay_link_send(l, &(struct tunnel_message){ .type = TUNNEL_REVOKE, .grant = g->id });
}

void relay_grant_tell(struct relay_link *l)
{
	for (struct relay_grant *g = l->run->relay->kept; g; g = g->next)
		if (g->revoked && strcmp(g->run, l->run->id) == 0)
			tell(l, g);
}

void relay_grant_expire(struct relay *r, uint64_t now_us)
{
	for (struct relay_grant **at = &r->kept; *at;) {
		struct relay_grant *g = *at;
		if (g->until_us > now_us) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		free(g);
	}
}

void relay_grant_drop_all(struct relay *r)
{
	relay_grant_expire(r, UINT64_MAX);
}

static bool names(struct json_ref body, const char *key, const char *value)
{
	const char *text = json_get_text(body, key);
	return text && *text && strcmp(text, value) == 0;
}

static bool is_meant(const struct relay_grant *g, struct json_ref body)
{
	return names(body, "session", g->session) || names(body, "user", g->user_id) ||
	       names(body, "ticket", g->ticket) || names(body, "link", g->link) ||
	       names(body, "run", g->run);
}

static bool loses_all(const struct relay_run *run, struct json_ref body)
{
	return names(body, "run", run->id) ||
	       (run->link && names(body, "client", run->link->client_id));
}

static void end_tunnels(struct relay_run *run, struct json_ref body)
{
	bool all = loses_all(run, body), last = false;
	struct relay_tunnel *next;
	for (struct relay_tunnel *t = run->tunnels; t && !last; t = next) {
		next = t->next;
		/* Closing the last of both ends the run. */
		last = !next && !run->link;
		if (all || (t->grant && is_meant(t->grant, body)))
			relay_tunnel_close(t, WS_CODE_POLICY, "access ended");
	}
}

static void end_link(struct relay_run *run, struct json_ref body)
{
	if (run->link && loses_all(run, body))
		relay_link_close(run->link, WS_CODE_POLICY, "access ended");
}

static void for_runs(
	struct relay *r, void (*act)(struct relay_run *, struct json_ref), struct json_ref body)
{
	for (size_t i = 0; i < RELAY_BUCKETS; i++) {
		struct relay_run *next;
		for (struct relay_run *run = r->runs[i]; run; run = next) {
			next = run->next;
			act(run, body);
		}
	}
}

/* In this order: the channels leave their grants behind, and an agent hears of them
 * while it still has its link. */
void relay_grant_revoke(struct relay *r, struct json_ref body)
{
	for_runs(r, end_tunnels, body);
	for (struct relay_grant *g = r->kept; g; g = g->next) {
		struct relay_run *run = relay_run_find(r, g->run);
		if (g->revoked || !(is_meant(g, body) || (run && loses_all(run, body))))
			continue;
		g->revoked = true;
		if (run && run->link)
			tell(run->link, g);
	}
	for_runs(r, end_link, body);
}
