#include "gateway/relay_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/ws_stream.h"

static void answer_json(struct http_exchange *x, int status, struct json *body, int retry_after_s)
{
	char retry[40];
	const char *fields[] = { retry, NULL };
	snprintf(retry, sizeof(retry), "Retry-After: %d", retry_after_s);
	char *text = json_print(body, false);
	struct response r = {
		.status = text ? status : 503,
		.type = "application/json",
		.body = (const uint8_t *)text,
		.body_len = text ? strlen(text) : 0,
		.fields = retry_after_s > 0 ? fields : NULL,
	};
	http_answer(x, &r);
	free(text);
	json_drop(body);
}

void relay_ask_refuse(struct http_exchange *x, int status, const char *sentence)
{
	struct json *body = json_make_object();
	json_put_text(body, "error", sentence);
	answer_json(x, status, body, status == 503 ? 5 : 0);
}

static void forget(struct relay_ask *a)
{
	struct relay_ask **at = &a->relay->asks;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free(a);
}

static void on_gone(void *ctx)
{
	struct relay_ask *a = ctx;
	store_forget(a->relay->config.store, a->id);
	forget(a);
}

void relay_ask_drop_all(struct relay *r)
{
	while (r->asks)
		on_gone(r->asks);
}

struct stream *relay_ask_websocket(struct relay_ask *a)
{
	const struct ws_config config = { .role = WS_SERVER, .text_as_binary = true };
	struct buf early;
	struct stream *ws = NULL;
	struct stream *below = http_upgrade(a->x, a->protocol, &early);
	if (below)
		ws = ws_stream_create(a->relay->loop, below, &config, early.data, early.len);
	if (below && !ws)
		stream_close(below, false);
	buf_fini(&early);
	return ws;
}

void relay_ask_close(struct relay_ask *a, unsigned code, const char *reason)
{
	ws_stream_close(relay_ask_websocket(a), code, reason);
}

static void refused_by_store(struct relay_ask *a, int status, struct json_ref answer)
{
	bool no_run = status == 404 || (status == 400 && a->by_session);
	if (no_run && !a->agent_id) {
		relay_ask_close(a, WS_CODE_POLICY, "Invalid run or not VNC type");
		return;
	}
	int retry = (int)json_int(json_get(answer, "retryAfter"), status == 503 ? 5 : 0);
	answer_json(a->x, status, json_clone(answer), retry);
}

static void on_answer(void *ctx, int status, struct json_ref answer)
{
	struct relay_ask *a = ctx;
	http_exchange_set_gone(a->x, NULL, NULL);
	if (a->relay->draining)
		relay_ask_refuse(a->x, 503, "The gateway is stopping");
	else if (status == 200)
		a->admit(a, answer);
	else
		refused_by_store(a, status, answer);
	forget(a);
}

struct relay_ask *relay_ask_create(struct relay *r, struct http_exchange *x, const char *run,
	const char *channel, const char *agent_id)
{
	size_t n_run = strlen(run) + 1, n_channel = channel ? strlen(channel) + 1 : 0;
	size_t n_agent = agent_id ? strlen(agent_id) + 1 : 0;
	struct relay_ask *a = calloc(1, sizeof(*a) + n_run + n_channel + n_agent);
	if (!a)
		return NULL;
	a->relay = r;
	a->x = x;
	a->run = memcpy(a->text, run, n_run);
	if (channel)
		a->channel = memcpy(a->text + n_run, channel, n_channel);
	if (agent_id)
		a->agent_id = memcpy(a->text + n_run + n_channel, agent_id, n_agent);
	who_address(x, r->config.proxies, a->address);
	return a;
}

void relay_ask_send(struct relay *r, struct http_exchange *x, struct relay_ask *a, const char *op,
	const struct store_who *who, struct json *args)
{
	if (!a) {
		json_drop(args);
		relay_ask_refuse(x, 503, "The gateway has no memory left");
		return;
	}
	a->id = store_ask(r->config.store, op, who, args, on_answer, a);
	if (a->id < 0) {
		free(a);
		relay_ask_refuse(x, 503, "The gateway is busy");
		return;
	}
	a->next = r->asks;
	r->asks = a;
	http_exchange_set_gone(x, on_gone, a);
}

bool relay_ask_may_upgrade(struct relay *r, struct http_exchange *x)
{
	if (!http_exchange_is_upgrade(x))
		relay_ask_refuse(x, 400, "This is a WebSocket: an upgrade was expected");
	else if (r->draining)
		relay_ask_refuse(x, 503, "The gateway is stopping");
	else
		return true;
	return false;
}
