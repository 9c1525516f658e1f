#include <stdio.h>
#include <string.h>

#include "gateway/api_private.h"

/* Tunnels and live updates: the store says who may, the relay does it. */

static const char start_command[] = "__START_VNC_STREAM__";

static void put_ws_url(struct json *body, const char *run)
{
	char url[16 + API_CAPTURE_MAX];
	snprintf(url, sizeof(url), "/ws/vnc/%s", run);
	json_put_text(body, "wsUrl", url);
}

void api_vnc_status(struct api_call *c, int status, struct json_ref answer)
{
	(void)answer;
	api_answer(c, status, relay_status(c->api->config->relay, c->captures[0]));
}

static void started(struct api_call *c, int status, struct json_ref answer)
{
	struct json *body = json_make_object();
	json_put_text(body, "runId", c->captures[0]);
	json_put_text(body, "command", start_command);
	json_put(body, "commandId", json_clone(json_get(answer, "commandId")));
	put_ws_url(body, c->captures[0]);
	json_put_text(body, "message", "VNC stream start was queued; open wsUrl to view it");
	api_answer(c, status, body);
}

void api_vnc_start(struct api_call *c, struct json *args)
{
	json_put_text(args, "command", start_command);
	api_ask(c, c->route->op, args, started);
}

/* Closing what is closed is no error. */
void api_vnc_close(struct api_call *c, int status, struct json_ref answer)
{
	(void)answer;
	struct json *body = json_make_object();
	relay_close_run(c->api->config->relay, c->captures[0], "VNC tunnel closed");
	json_put_text(body, "runId", c->captures[0]);
	json_put_text(body, "message", "VNC tunnel closed");
	api_answer(c, status, body);
}

static void answer_done(struct api_call *c, bool done)
{
	struct json *body;
	if (!done) {
		api_error(c, 404, "There is no such viewer");
		return;
	}
	body = json_make_object();
	json_put_bool(body, "ok", true);
	api_answer(c, 200, body);
}

void api_vnc_disconnect(struct api_call *c, int status, struct json_ref answer)
{
	(void)status;
	(void)answer;
	answer_done(c, relay_close_channel(c->api->config->relay, c->captures[0], c->captures[1]));
}

static void give_control(struct api_call *c, int status, struct json_ref answer)
{
	(void)status;
	(void)answer;
	const char *channel = json_text(json_of(c->kept));
	bool done = relay_give_control(c->api->config->relay, c->captures[0], channel);
	answer_done(c, done || !channel); /* nobody there is nobody alone */
}

void api_control(struct api_call *c, struct json *args)
{
	struct json_ref channel = json_get(json_of(args), "channel");
	enum json_kind kind = json_kind_of(channel);
	if (kind != JSON_TYPE_TEXT && kind != JSON_TYPE_NULL) {
		json_drop(args);
		api_error(c, 400, "channel must be a viewer's channel, or null for all");
		return;
	}
	c->kept = json_clone(channel);
	api_ask(c, c->route->op, args, give_control);
}

void api_vnc_stats(struct api_call *c, int status, struct json_ref answer)
{
	(void)answer;
	api_answer(c, status, relay_stats(c->api->config->relay));
}

void api_live(struct api_call *c, struct json *args)
{
	struct live *live = c->api->config->live;
	json_drop(args);
	live_upgrade(live, api_take(c));
}

void api_viewer(struct api_call *c, struct json *args)
{
	struct relay *relay = c->api->config->relay;
	char run[API_CAPTURE_MAX];
	memcpy(run, c->captures[0], sizeof(run));
	json_drop(args);
	relay_viewer(relay, api_take(c), run);
}

void api_agent(struct api_call *c, struct json *args)
{
	struct relay *relay = c->api->config->relay;
	char run[API_CAPTURE_MAX];
	memcpy(run, c->captures[0], sizeof(run));
	json_drop(args);
	relay_agent(relay, api_take(c), run);
}

void api_channel(struct api_call *c, struct json *args)
{
	struct relay *relay = c->api->config->relay;
	char run[API_CAPTURE_MAX], channel[API_CAPTURE_MAX];
	memcpy(run, c->captures[0], sizeof(run));
	memcpy(channel, c->captures[1], sizeof(channel));
	json_drop(args);
	relay_channel(relay, api_take(c), run, channel);
}
