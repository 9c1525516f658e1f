#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/relay_private.h"

enum { ISO_TEXT = 40 };

static void put_time(struct json *to, const char *key, long long ms)
{
	char date[ISO_TEXT], text[ISO_TEXT + 8];
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	if (ms == 0 || !gmtime_r(&seconds, &tm))
		return;
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(ms % 1000));
	json_put_text(to, key, text);
}

/* What is known of a run's ends: "client" is the desktop's side. */
struct picture {
	bool client, viewer;
	long long client_since, viewer_since; /* of the oldest that is there; 0: none */
	struct relay_count count;
};

static void keep_oldest(long long *oldest, long long ms)
{
	if (ms && (*oldest == 0 || ms < *oldest))
		*oldest = ms;
}

static struct picture look_at(const struct relay_run *run)
{
	struct picture p = { .count = run->ended };
	if (run->link && run->link->ready) {
		p.client = true;
		p.client_since = run->link->since_ms;
	}
	for (const struct relay_tunnel *t = run->tunnels; t; t = t->next) {
		relay_count_add(&p.count, relay_tunnel_count(t));
		p.client = p.client || t->desktop;
		p.viewer = p.viewer || t->grant;
		keep_oldest(&p.viewer_since, t->viewer_since_ms);
		if (t->desktop && !run->link)
			keep_oldest(&p.client_since, t->since_ms);
	}
	return p;
}

static struct json *make_stats(const struct relay_run *run, const struct picture *p)
{
	struct json *to = json_make_object();
	long long from_client = (long long)p->count.bytes_from_desktop;
	long long from_viewer = (long long)p->count.bytes_from_viewer;
	json_put_text(to, "runId", run->id);
	json_put_text(to, "status", p->client && p->viewer ? "active" : "pending");
	json_put_bool(to, "clientConnected", p->client);
	json_put_bool(to, "viewerConnected", p->viewer);
	put_time(to, "createdAt", run->since_ms);
	put_time(to, "clientConnectedAt", p->client_since);
	put_time(to, "viewerConnectedAt", p->viewer_since);
	json_put_int(to, "bytesFromClient", from_client);
	json_put_int(to, "bytesToClient", from_viewer);
	json_put_int(to, "bytesFromViewer", from_viewer);
	json_put_int(to, "bytesToViewer", from_client);
	json_put_int(to, "totalBytes", from_client + from_viewer);
	return to;
}

static struct json *make_viewer(const struct relay_tunnel *t)
{
	struct relay_count c = relay_tunnel_count(t);
	struct json *to = json_make_object();
	json_put_text(to, "channel", t->id);
	json_put_text(to, "user", t->grant->user);
	json_put_text(to, "rights", tunnel_rights_text((enum tunnel_rights)t->granted));
	json_put_bool(to, "controls", relay_tunnel_rights(t) == TUNNEL_CONTROL);
	json_put_bool(to, "joined", t->state == RELAY_JOINED);
	put_time(to, "since", t->viewer_since_ms);
	json_put_text(to, "address", t->viewer->text);
	json_put_int(to, "bytesFromViewer", (long long)c.bytes_from_viewer);
	json_put_int(to, "bytesToViewer", (long long)c.bytes_from_desktop);
	return to;
}

static struct json *make_viewers(const struct relay_run *run)
{
	struct json *list = json_make_list();
	for (const struct relay_tunnel *t = run ? run->tunnels : NULL; t; t = t->next)
		if (t->grant)
			json_add(list, make_viewer(t));
	return list;
}

static struct json *make_agent(const struct relay_run *run)
{
	const struct relay_tunnel *runner = relay_run_runner(run);
	const struct relay_link *link = run ? run->link : NULL;
	if (!runner && !link)
		return json_make_null();
	struct json *to = json_make_object();
	json_put_bool(to, "authenticated", link != NULL);
	json_put_text(to, "name", link && link->name ? link->name : "");
	json_put_text(to, "agentId", link ? link->agent_id : "");
	json_put_text(to, "address", link ? link->address->text : runner->desktop->text);
	put_time(to, "since", link ? link->since_ms : runner->since_ms);
	return to;
}

struct json *relay_status(const struct relay *r, const char *run_id)
{
	const struct relay_run *run = relay_run_find(r, run_id);
	struct picture p = { 0 };
	if (run)
		p = look_at(run);
	struct json *to = json_make_object();
	char url[120];
	snprintf(url, sizeof(url), "/ws/vnc/%s", run_id);
	json_put_text(to, "runId", run_id);
	json_put_bool(to, "available", run != NULL);
	json_put_text(to, "status",
		!run                   ? "disconnected"
		: p.client && p.viewer ? "active"
				       : "pending");
	json_put_bool(to, "clientConnected", p.client);
	json_put_bool(to, "viewerConnected", p.viewer);
	json_put_text(to, "wsUrl", url);
	json_put(to, "stats", run ? make_stats(run, &p) : json_make_null());
	json_put(to, "viewers", make_viewers(run));
	json_put(to, "agent", make_agent(run));
	return to;
}

struct json *relay_stats(const struct relay *r)
{
	struct json *to = json_make_object(), *list = json_make_list();
	int active = 0, pending = 0;
	for (size_t i = 0; i < RELAY_BUCKETS; i++)
		for (const struct relay_run *run = r->runs[i]; run; run = run->next) {
			struct picture p = look_at(run);
			bool both = p.client && p.viewer;
			active += both;
			pending += !both;
			json_add(list, make_stats(run, &p));
		}
	json_put_int(to, "activeTunnels", active);
	json_put_int(to, "pendingTunnels", pending);
	json_put(to, "tunnels", list);
	return to;
}

struct relay_totals relay_totals(const struct relay *r)
{
	struct relay_count c = r->ended;
	for (size_t i = 0; i < RELAY_BUCKETS; i++)
		for (const struct relay_run *run = r->runs[i]; run; run = run->next)
			for (const struct relay_tunnel *t = run->tunnels; t; t = t->next)
				relay_count_add(&c, relay_tunnel_count(t));
	return (struct relay_totals){
		.channels = r->n_tunnels - r->n_waiting,
		.agents = r->n_links,
		.pending = r->n_waiting,
		.opened = r->opened,
		.bytes_to_viewers = c.bytes_from_desktop,
		.bytes_to_agents = c.bytes_from_viewer,
		.frames_to_viewers = c.frames_from_desktop,
		.frames_to_agents = c.frames_from_viewer,
	};
}
