#include <string.h>

#include "gateway/relay_ask.h"
#include "gateway/relay_offer.h"
#include "net/ws_stream.h"

/* Who opens /ws/agent/:runId and the channels below it. */

static bool same_agent(const struct relay_link *l, const char *agent_id)
{
	return *agent_id && strcmp(l->agent_id, agent_id) == 0;
}

/* What was signed is for this run, not only for some run. */
static bool is_for_run(struct relay_ask *a, struct json_ref answer)
{
	const char *run = json_get_text(answer, "runId");
	if (run && strcmp(run, a->run) == 0)
		return true;
	relay_ask_refuse(a->x, 403, "Capability token mismatch");
	return false;
}

static void admit_agent(struct relay_ask *a, struct json_ref answer)
{
	if (!is_for_run(a, answer))
		return;
	struct relay_run *run = relay_run_get(a->relay, a->run);
	if (!run) {
		relay_ask_refuse(a->x, 503, "The gateway has no memory left");
		return;
	}
	if (relay_run_runner(run) || (run->link && !same_agent(run->link, a->agent_id))) {
		relay_ask_refuse(a->x, 409, "Another agent has this run");
		return;
	}
	const char *client = json_get_text(answer, "clientId");
	struct buf early;
	struct stream *below = http_upgrade(a->x, TUNNEL_CONTROL_PROTOCOL, &early);
	if (below && relay_link_create(
			     run, below, &early, a->agent_id, client ? client : "", a->address))
		stream_close(below, false);
	buf_fini(&early);
	relay_run_drop_empty(run);
}

bool relay_agent_is_there(const struct relay *r, const char *run_id)
{
	const struct relay_run *run = relay_run_find(r, run_id);
	for (const struct relay_ask *a = r->asks; a; a = a->next)
		if (a->admit == admit_agent && strcmp(a->run, run_id) == 0)
			return true;
	return run && run->link;
}

static void admit_channel(struct relay_ask *a, struct json_ref answer)
{
	if (!is_for_run(a, answer))
		return;
	struct relay_run *run = relay_run_find(a->relay, a->run);
	struct relay_tunnel *t = relay_run_tunnel(run, a->channel);
	bool resumable = strcmp(a->protocol, TUNNEL_RESUME_PROTOCOL) == 0;
	if (run && run->link && strcmp(run->link->agent_id, a->agent_id) != 0)
		relay_ask_refuse(a->x, 403, "Another agent has this run");
	else if (t && t->state == RELAY_JOINED)
		relay_ask_refuse(a->x, 409, "This channel is open");
	else if (!t || t->state != RELAY_ASKED)
		relay_ask_refuse(a->x, 404, "No such channel");
	else if (resumable != t->resumable)
		relay_ask_refuse(a->x, 400, "The subprotocol must be the one of the open message");
	else {
		struct stream *ws = relay_ask_websocket(a);
		if (ws && relay_tunnel_join_desktop(t, ws, a->address))
			ws_stream_close(ws, WS_CODE_GOING_AWAY, "viewer left");
	}
}

static void ask_for_agent(struct relay *r, struct http_exchange *x, const char *run,
	const char *channel, const char *protocol)
{
	struct who who;
	const char *error;
	int status = who_take(&who, x, r->config.proxies, WHO_SIGNED, &error);
	if (status) {
		relay_ask_refuse(x, status, error);
		return;
	}
	const char *agent_id = who.is.agent_id ? who.is.agent_id : "";
	struct relay_ask *a = relay_ask_create(r, x, run, channel, agent_id);
	if (a) {
		a->admit = channel ? admit_channel : admit_agent;
		a->protocol = protocol;
	}
	relay_ask_send(r, x, a, channel ? "agent.channel" : "agent.join", &who.is, NULL);
}

void relay_agent(struct relay *r, struct http_exchange *x, const char *run)
{
	if (!relay_ask_may_upgrade(r, x))
		return;
	if (!http_request_has_token(
		    http_exchange_head(x), "Sec-WebSocket-Protocol", TUNNEL_CONTROL_PROTOCOL))
		relay_ask_refuse(x, 400, "The subprotocol must be " TUNNEL_CONTROL_PROTOCOL);
	else
		ask_for_agent(r, x, run, NULL, TUNNEL_CONTROL_PROTOCOL);
}

void relay_channel(struct relay *r, struct http_exchange *x, const char *run, const char *channel)
{
	if (!relay_ask_may_upgrade(r, x))
		return;
	struct relay_offer o;
	relay_offer_read(http_exchange_head(x), &o);
	if (!*o.protocol || o.others)
		relay_ask_refuse(x, 400, "The subprotocol must be the one of the open message");
	else
		ask_for_agent(r, x, run, channel, o.protocol);
}
