#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/api_private.h"

/* How the gateway is: for everybody in a word, for those who may in numbers. */

static void put_now(struct json *body, const char *key)
{
	char text[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_put_text(body, key, text);
}

void api_health(struct api_call *c, struct json *args)
{
	const struct live *live = c->api->config->live;
	struct json *body = json_make_object(), *connections = json_make_object();
	json_drop(args);
	json_put_int(connections, "clients", live_clients(live));
	json_put_int(connections, "subscriptions", live_subscriptions(live));
	json_put_text(body, "status", "ok");
	put_now(body, "timestamp");
	json_put(body, "connections", connections);
	api_answer(c, 200, body);
}

static struct metrics_now look(const struct api_config *config)
{
	struct relay_totals t = relay_totals(config->relay);
	return (struct metrics_now){
		.connections = config->connections(config->ctx),
		.live_clients = live_clients(config->live),
		.channels = t.channels,
		.agents = t.agents,
		.pending = t.pending,
		.opened = t.opened,
		.bytes_to_viewers = t.bytes_to_viewers,
		.bytes_to_agents = t.bytes_to_agents,
		.frames_to_viewers = t.frames_to_viewers,
		.frames_to_agents = t.frames_to_agents,
	};
}

static void answer_metrics(struct api_call *c, int status, struct json_ref counts)
{
	const struct api_config *config = c->api->config;
	struct metrics_now now = look(config);
	struct buf out;
	(void)status;
	buf_init(&out, METRICS_TEXT_MAX);
	metrics_put(&out, config->metrics, &now, counts);
	if (buf_ok(&out))
		api_error(c, 503, "not enough memory");
	else
		api_answer_text(c, "text/plain; version=0.0.4; charset=utf-8", out.data, out.len);
	buf_fini(&out);
}

static void judge_role(struct api_call *c, int status, struct json_ref me)
{
	const char *role = json_get_text(json_get(me, "user"), "role");
	(void)status;
	if (role && strcmp(role, "admin") == 0)
		api_ask_as_gateway(c, "counts", NULL, answer_metrics);
	else
		api_error(c, 403, "Insufficient permissions");
}

/* Closed by default: for an administrator, or a process of the gateway's own user or
 * of root that did not come through a proxy on this machine. */
void api_metrics(struct api_call *c, struct json *args)
{
	const struct api_config *config = c->api->config;
	bool named = c->api->who->is.kind != STORE_NOBODY;
	json_drop(args);
	if (named)
		api_ask(c, "auth.me", NULL, judge_role);
	else if (!who_is_forwarded(c->x, config->proxies) && peer_is_ours(config->peers, c->peer))
		api_ask_as_gateway(c, "counts", NULL, answer_metrics);
	else
		api_error(c, 401, "Authentication required");
}
