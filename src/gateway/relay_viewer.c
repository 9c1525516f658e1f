#include <stdlib.h>
#include <string.h>

#include "gateway/relay_ask.h"
#include "gateway/relay_offer.h"
#include "net/ws_stream.h"

/* Who opens /ws/vnc/:runId: viewers and existing runners. */

static bool is_full(const struct relay *r, const char *run_id, const char *address)
{
	const struct relay_run *run = relay_run_find(r, run_id);
	return r->n_tunnels >= r->config.max_channels ||
	       (run && run->n_tunnels >= r->config.max_channels_per_run) ||
	       relay_address_count(r, address) >= r->config.max_channels_per_address;
}

/* An existing runner has one RFB stream, and does what any viewer tells it. */
static const char *why_not_runner(
	const struct relay_tunnel *runner, enum tunnel_rights rights, unsigned *code)
{
	*code = WS_CODE_POLICY;
	if (rights != TUNNEL_CONTROL)
		return "an existing runner cannot be only watched";
	*code = WS_CODE_AGAIN_LATER;
	return runner && runner->state == RELAY_JOINED ? "busy" : NULL;
}

/* Takes the stream and the grant. */
static void place_viewer(
	struct relay_run *run, struct stream *ws, const struct relay_tunnel_config *config)
{
	struct relay_tunnel *runner = relay_run_runner(run);
	unsigned code = WS_CODE_AGAIN_LATER;
	const char *why = runner ? why_not_runner(runner, config->granted, &code) : NULL;
	struct relay_tunnel *t = NULL;
	if (!why && runner && relay_tunnel_join_viewer(runner, ws, config) == OK)
		t = runner;
	else if (!why && !runner)
		t = relay_tunnel_create(run, ws, config);
	if (!t) { /* also when memory ran out, or the runner has just left */
		ws_stream_close(ws, code, why ? why : "busy");
		free(config->grant);
		return;
	}
	if (run->link)
		relay_link_ask(run->link, t);
	relay_changed(run);
}

static void admit_viewer(struct relay_ask *a, struct json_ref answer)
{
	struct relay *r = a->relay;
	const char *rights = json_get_text(answer, "rights");
	struct relay_tunnel_config config = {
		.address = a->address,
		.granted = rights && strcmp(rights, "control") == 0 ? TUNNEL_CONTROL : TUNNEL_VIEW,
		.resumable = strcmp(a->protocol, TUNNEL_RESUME_PROTOCOL) == 0,
	};
	if (is_full(r, a->run, a->address)) {
		relay_ask_close(a, WS_CODE_AGAIN_LATER, "busy");
		return;
	}
	struct stream *ws = relay_ask_websocket(a);
	struct relay_run *run = ws ? relay_run_get(r, a->run) : NULL;
	config.grant = run ? relay_grant_create(a->run, answer) : NULL;
	if (config.grant)
		place_viewer(run, ws, &config);
	else
		ws_stream_close(ws, WS_CODE_AGAIN_LATER, "busy");
	if (run)
		relay_run_drop_empty(run);
}

static struct json *run_args(const char *key, const char *run)
{
	struct json *args = json_make_object();
	json_put_text(args, key, run);
	return args;
}

static void ask_for_viewer(
	struct relay *r, struct http_exchange *x, const char *run, const struct relay_offer *o)
{
	struct who who;
	struct json *args = run_args(*o->ticket ? "runId" : "id", run);
	const char *error;
	int status = who_take(&who, x, r->config.proxies,
		*o->ticket ? WHO_NOBODY : WHO_SESSION | WHO_KEY, &error);
	if (status) {
		json_drop(args);
		relay_ask_refuse(x, status, error);
		return;
	}
	struct relay_ask *a = args ? relay_ask_create(r, x, run, NULL, NULL) : NULL;
	if (a) {
		a->admit = admit_viewer;
		a->by_session = !*o->ticket;
		a->protocol = o->protocol;
	}
	if (*o->ticket)
		json_put_text(args, "ticket", o->ticket);
	relay_ask_send(r, x, a, *o->ticket ? "ticket.redeem" : "view.open", &who.is, args);
}

static void turn_away(struct relay_run *run, const struct relay_tunnel *runner)
{
	struct relay_tunnel *next;
	for (struct relay_tunnel *t = run->tunnels; t; t = next) {
		unsigned code;
		next = t->next;
		if (t == runner)
			continue;
		const char *why = why_not_runner(runner, (enum tunnel_rights)t->granted, &code);
		relay_tunnel_close(t, code, why ? why : "busy");
	}
}

/* Takes the stream. */
static void place_runner(struct relay_run *run, struct stream *ws, const char *address)
{
	const struct relay_tunnel_config config = { .address = address };
	struct relay_tunnel *t = run->tunnels;
	while (t && (t->state != RELAY_WAITING || t->granted != TUNNEL_CONTROL))
		t = t->next;
	bool joined = t && relay_tunnel_join_desktop(t, ws, address) == OK;
	if (joined)
		t->is_runner = true;
	else
		t = relay_tunnel_create(run, ws, &config);
	if (!t) {
		ws_stream_close(ws, WS_CODE_AGAIN_LATER, "busy");
		return;
	}
	log_warn(run->relay->config.log, "run %s: an existing runner from %s, not authenticated",
		run->id, address);
	if (joined)
		turn_away(run, t);
	relay_changed(run);
}

static void admit_runner(struct relay_ask *a, struct json_ref answer)
{
	(void)answer;
	struct relay_run *run = relay_run_get(a->relay, a->run);
	if (!run) {
		relay_ask_refuse(a->x, 503, "The gateway has no memory left");
		return;
	}
	if (run->link || relay_run_runner(run)) {
		relay_ask_refuse(a->x, 409, "This run has an agent already");
		return;
	}
	struct stream *ws = relay_ask_websocket(a);
	if (ws)
		place_runner(run, ws, a->address);
	relay_run_drop_empty(run);
}

static void ask_for_runner(
	struct relay *r, struct http_exchange *x, const char *run, const struct relay_offer *o)
{
	const struct store_who who = { .kind = STORE_GATEWAY };
	if (!r->config.legacy_runner) {
		relay_ask_refuse(x, 403,
			"Existing runners are not let in; the gateway's option is "
			"--legacy-runner");
		return;
	}
	struct json *args = run_args("runId", run);
	struct relay_ask *a = args ? relay_ask_create(r, x, run, NULL, NULL) : NULL;
	if (a) {
		a->admit = admit_runner;
		a->protocol = o->protocol;
		json_put_text(args, "address", a->address);
	}
	relay_ask_send(r, x, a, "runner.open", &who, args);
}

static bool is_runner(const struct http_exchange *x)
{
	const struct http_text *t = http_request_field(http_exchange_head(x), "X-VNC-Client");
	return t && http_text_is_nocase(*t, "true");
}

void relay_viewer(struct relay *r, struct http_exchange *x, const char *run)
{
	if (!relay_ask_may_upgrade(r, x))
		return;
	struct relay_offer o;
	relay_offer_read(http_exchange_head(x), &o);
	if (o.others && !*o.protocol)
		relay_ask_refuse(x, 400, "The subprotocol must be binary or porthole.v1");
	else if (is_runner(x))
		ask_for_runner(r, x, run, &o);
	else
		ask_for_viewer(r, x, run, &o);
}
