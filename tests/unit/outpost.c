#include "outpost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "http/ws_dial.h"
#include "net/ws_stream.h"
#include "tunnel/tunnel_control.h"

enum { W = 200, H = 100, PATIENCE_MS = 60 * 1000 };

unsigned outpost_speed;
static const struct session *inside;
void __real_loop_timer_start(struct loop_timer *t, uint64_t delay_ms);
void __wrap_loop_timer_start(struct loop_timer *t, uint64_t delay_ms);

void __wrap_loop_timer_start(struct loop_timer *t, uint64_t delay_ms)
{
	bool hurry = outpost_speed > 1 && inside && inside->inside;
	__real_loop_timer_start(t, hurry ? delay_ms / outpost_speed : delay_ms);
}

/* ---- lookers ---- */

static void looker_ask(void *ctx, int w, int h, const char *name)
{
	struct looker *l = ctx;
	(void)w;
	(void)h;
	(void)name;
	client_request(l->client, false);
}

static void looker_updated(void *ctx)
{
	struct looker *l = ctx;
	l->n_updates++;
	client_request(l->client, true);
}

static void looker_resized(void *ctx, int w, int h, int reason, int result)
{
	(void)reason;
	(void)result;
	looker_ask(ctx, w, h, "");
}

static const struct client_events looker_events = {
	.on_resize = looker_resized,
	.on_ready = looker_ask,
	.on_update = looker_updated,
};

static void push(struct looker *l)
{
	struct iovec parts[TUNNEL_OUT_PARTS];
	size_t n;
	while (l->ws && l->resume && (n = tunnel_resume_next(l->resume, parts)) > 0)
		if (stream_sendv(l->ws, parts, n))
			return;
}

static void speak(struct looker *l)
{
	struct buf *out = client_output(l->client);
	bool takes = out->len > 0 && !l->end && (l->ws || l->resume);
	int err = OK;
	if (takes && l->resume)
		err = tunnel_resume_write(l->resume, out->data, out->len);
	else if (takes)
		err = stream_send(l->ws, out->data, out->len);
	if (takes && !err)
		buf_reset(out);
	if (l->resume)
		tunnel_resume_ack(l->resume);
	push(l);
}

static void feed(struct looker *l, const uint8_t *data, size_t n)
{
	if (!l->end)
		l->end = client_feed(l->client, data, n);
}

static void take_records(struct looker *l, struct rd in)
{
	while (in.left > 0 && !l->refusal && !l->closed) {
		struct tunnel_input input;
		int err = tunnel_resume_read(l->resume, &in, &input);
		if (err == ERR_AGAIN)
			return;
		assert_int_equal(err, OK);
		if (input.event == TUNNEL_EVENT_DATA)
			feed(l, input.data, input.n);
		if (input.event == TUNNEL_EVENT_REFUSED)
			l->refusal = (int)input.reason;
		if (input.event == TUNNEL_EVENT_CLOSED)
			l->closed = true;
	}
}

static void lose(struct looker *l, unsigned code)
{
	stream_close(l->ws, false);
	l->ws = NULL;
	l->code = code;
	if (l->resume)
		tunnel_resume_lost(l->resume);
	if (l->returns && !l->closed && !l->refusal)
		looker_come(l);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct looker *l = ctx;
	bool cut = l->cut_after > 0 && n >= l->cut_after;
	size_t part = cut ? l->cut_after : n;
	if (l->resume)
		take_records(l, rd_of(data, part));
	else
		feed(l, data, part);
	l->cut_after -= l->cut_after > 0 ? part : 0;
	if (cut)
		lose(l, WS_CODE_LOST);
}

static void on_drain(void *ctx)
{
	push(ctx);
}

static void on_end(void *ctx, int err)
{
	struct looker *l = ctx;
	(void)err;
	lose(l, ws_stream_close_code(l->ws));
}

static const struct stream_events ws_events = { on_data, on_drain, on_end };

static void on_dialled(void *ctx, const struct ws_dial_answer *a)
{
	struct looker *l = ctx;
	struct ws_config config = { .role = WS_CLIENT };
	l->dial = NULL;
	l->status = a->status;
	if (!a->stream) {
		l->code = WS_CODE_LOST;
		return;
	}
	l->ws = ws_stream_create(l->post->session->loop, a->stream, &config, a->early, a->n_early);
	if (!l->ws) {
		stream_close(a->stream, false);
		l->code = WS_CODE_LOST;
		return;
	}
	l->n_links++;
	stream_set_events(l->ws, &ws_events, l);
	stream_want_read(l->ws, !l->deaf);
	if (l->resume)
		tunnel_resume_start(l->resume);
	push(l);
}

static void on_ticket(void *ctx, int status, struct json_ref answer)
{
	struct looker *l = ctx;
	char url[512];
	const char *ticket = json_get_text(answer, "ticket");
	if (status != 200 || !ticket)
		return;
	snprintf(url, sizeof(url), "ws%s/ws/vnc/%s?ticket=%s", l->post->url + 4, l->run, ticket);
	struct ws_dial_config config = {
		.url = url,
		.protocol = l->resume ? TUNNEL_RESUME_PROTOCOL : TUNNEL_RAW_PROTOCOL,
		.queue_max = 64 * 1024 * 1024,
	};
	l->dial = ws_dial_start(l->post->session->loop, &config, on_dialled, l);
}

void looker_come(struct looker *l)
{
	static const struct store_who who = { .kind = STORE_LOCAL, .address = "127.0.0.1" };
	struct json *args = json_make_object();
	json_put_text(args, "id", l->run);
	json_put_text(args, "rights", l->control ? "control" : "view");
	l->code = 0;
	l->status = 0;
	int id = store_ask(l->post->store, "ticket.create", &who, args, on_ticket, l);
	assert_true(id > 0 || l->post->gateway_may_end);
}

struct looker *outpost_look(struct outpost *o, bool control, bool resume)
{
	assert_true(o->n_lookers < LOOKERS_MAX);
	struct looker *l = &o->lookers[o->n_lookers++];
	static const int32_t encodings[] = { RFB_RAW, RFB_DESKTOP_SIZE };
	struct client_config config = {
		.shared = true,
		.encodings = encodings,
		.n_encodings = ARRAY_LEN(encodings),
	};
	*l = (struct looker){ .post = o, .control = control };
	snprintf(l->run, sizeof(l->run), "%s", o->run);
	l->client = client_create(&config, &looker_events, l);
	if (resume)
		l->resume = tunnel_resume_create(TUNNEL_VIEWER);
	looker_come(l);
	return l;
}

void looker_cut(struct looker *l)
{
	if (l->ws)
		lose(l, WS_CODE_LOST);
}

void looker_leave(struct looker *l)
{
	l->returns = false;
	ws_dial_cancel(l->dial);
	l->dial = NULL;
	if (l->resume && l->ws) {
		tunnel_resume_finish(l->resume);
		push(l);
	}
	stream_close(l->ws, true);
	l->ws = NULL;
}

bool looker_shows(const struct looker *l)
{
	const struct pix_canvas *have = client_canvas(l->client);
	const struct pix_canvas *want = &l->post->session->stage->picture;
	if (!have->px || have->w != want->w || have->h != want->h)
		return false;
	for (int y = 0; y < want->h; y++)
		for (int x = 0; x < want->w; x++)
			if ((have->px[y * have->stride + x] ^ want->px[y * want->stride + x]) &
				0xffffff)
				return false;
	return true;
}

void looker_key(struct looker *l, uint32_t keysym)
{
	for (int down = 1; down >= 0; down--) {
		struct buf *out = client_output(l->client);
		buf_put_u8(out, 4);
		buf_put_u8(out, (uint8_t)down);
		buf_put_u16(out, 0);
		buf_put_u32(out, keysym);
	}
}

/* ---- the outpost ---- */

static void write_line(void *ctx, enum log_level level, const char *line)
{
	struct outpost *o = ctx;
	size_t n = strlen(o->lines);
	(void)level;
	snprintf(o->lines + n, sizeof(o->lines) - n, "%s\n", line);
}

static void give_up(void *ctx)
{
	struct outpost *o = ctx;
	size_t n = strlen(o->lines);
	fail_msg("nothing happened for too long; the log ends: %s",
		o->lines + (n > 800 ? n - 800 : 0));
}

void outpost_patience(struct outpost *o, bool begins)
{
	o->patience += begins ? 1 : -1;
	if (o->patience > (begins ? 1 : 0))
		return;
	loop_timer_destroy(o->session->watchdog);
	o->session->watchdog = loop_timer_create(o->session->loop, give_up, o);
	if (begins)
		loop_timer_start(o->session->watchdog, PATIENCE_MS);
}

void outpost_turn(struct outpost *o)
{
	for (int i = 0; i < o->n_lookers; i++)
		speak(&o->lookers[i]);
	session_turn(o->session);
}

void outpost_settle(struct outpost *o)
{
	for (int i = 0; i < 60; i++)
		outpost_turn(o);
}

static void on_gateway_end(void *ctx, bool failed, const char *why)
{
	struct outpost *o = ctx;
	o->gateway_ended = failed;
	if (!o->gateway_may_end)
		fail_msg("the gateway ended: %s", why);
}

void outpost_open_gateway(struct outpost *o)
{
	char error[GATEWAY_ERROR_MAX];
	o->gateway = gateway_create(o->session->loop, &o->gateway_config, on_gateway_end, o, error);
	assert_non_null(o->gateway);
	snprintf(o->url, sizeof(o->url), "http%s://127.0.0.1:%d",
		o->gateway_config.tls_cert ? "s" : "", address_port(&o->listen));
}

static void on_notice(void *ctx, const char *kind, struct json_ref body)
{
	(void)ctx;
	(void)kind;
	(void)body;
}

static void on_lost(void *ctx)
{
	(void)ctx;
	fail_msg("the store is gone");
}

void outpost_close_gateway(struct outpost *o)
{
	gateway_destroy(o->gateway);
	o->gateway = NULL;
	assert_int_equal(store_attach(o->store, o->session->loop, on_notice, on_lost, o), OK);
}

struct question {
	int status;
	struct json *answer;
};

static void on_answer(void *ctx, int status, struct json_ref answer)
{
	struct question *q = ctx;
	q->status = status;
	q->answer = json_clone(answer);
}

int outpost_ask(struct outpost *o, const char *op, const char *args, struct json **out)
{
	static const struct store_who who = { .kind = STORE_LOCAL, .address = "127.0.0.1" };
	char text[1024], problem[JSON_PROBLEM_MAX];
	struct question q = { 0 };
	snprintf(text, sizeof(text), "%s", args);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	struct json *tree = json_parse(text, strlen(text), problem);
	assert_non_null(tree);
	assert_true(store_ask(o->store, op, &who, tree, on_answer, &q) > 0);
	OUTPOST_UNTIL(o, q.status);
	if (out)
		*out = q.answer;
	else
		json_drop(q.answer);
	return q.status;
}

static void take_text(struct json *j, const char *key, char *out, size_t cap)
{
	const char *text = json_get_text(json_of(j), key);
	assert_non_null(text);
	snprintf(out, cap, "%s", text);
}

void outpost_make_run(struct outpost *o)
{
	struct json *j;
	assert_int_equal(
		outpost_ask(o, "run.create", "{'workerType': 'vnc', 'agentId': 'agent-1'}", &j),
		200);
	take_text(j, "id", o->run, sizeof(o->run));
	take_text(j, "capabilityToken", o->token, sizeof(o->token));
	json_drop(j);
}

const char *outpost_run_text(struct outpost *o, const char *key)
{
	static char out[256];
	char args[100];
	struct json *j;
	snprintf(args, sizeof(args), "{'id': '%s'}", o->run);
	assert_int_equal(outpost_ask(o, "run.get", args, &j), 200);
	const char *text = json_get_text(json_of(j), key);
	snprintf(out, sizeof(out), "%s", text ? text : "");
	json_drop(j);
	return out;
}

const char *outpost_event(struct outpost *o, const char *type, int n)
{
	static char out[32 * 1024];
	char args[100];
	struct json *j;
	const char *found = NULL;
	snprintf(args, sizeof(args), "{'id': '%s', 'limit': 1000}", o->run);
	assert_int_equal(outpost_ask(o, "event.list", args, &j), 200);
	struct json_ref list = json_get(json_of(j), "events");
	for (size_t i = 0; i < json_len(list) && !found; i++) {
		struct json_ref e = json_at(list, i);
		if (!strcmp(json_get_text(e, "type"), type) && n-- == 0)
			found = json_get_text(e, "data");
	}
	snprintf(out, sizeof(out), "%s", found ? found : "");
	json_drop(j);
	return found ? out : NULL;
}

void outpost_command(struct outpost *o, const char *command)
{
	char args[200];
	snprintf(args, sizeof(args), "{'id': '%s', 'command': '%s'}", o->run, command);
	assert_int_equal(outpost_ask(o, "run.command", args, NULL), 200);
}

int outpost_set_up(void **state)
{
	struct outpost *o = calloc(1, sizeof(*o));
	char error[STORE_ERROR_MAX];
	struct json *j;
	assert_non_null(o);
	o->log = (struct log){ write_line, o, LOG_LEVEL_DEBUG };
	struct store_config store = { .kind = STORE_RAM, .log = &o->log };
	o->store = store_start(&store, error);
	assert_non_null(o->store);
	outpost_speed = 1;
	o->session = session_create();
	inside = o->session;
	session_start(o->session, W, H);
	assert_int_equal(address_parse("127.0.0.1:0", &o->listen), OK);
	o->gateway_config = (struct gateway_config){
		.log = &o->log,
		.store = o->store,
		.listen = &o->listen,
		.n_listen = 1,
		.rate_address_per_min = 1000000,
		.rate_agent_per_s = 1000000,
	};
	outpost_open_gateway(o);
	assert_int_equal(
		outpost_ask(o, "client.create", "{'displayName': 'A', 'agentId': 'agent-1'}", &j),
		200);
	take_text(j, "token", o->client_token, sizeof(o->client_token));
	json_drop(j);
	outpost_make_run(o);
	o->config = (struct agent_config){
		.log = &o->log,
		.desktop = o->session->desktop,
		.gateway_url = o->url,
		.run_id = o->run,
		.capability_token = o->token,
		.client_token = o->client_token,
		.agent_id = "agent-1",
		.poll_interval_ms = 100,
	};
	*state = o;
	return 0;
}

void outpost_leave(struct outpost *o)
{
	agent_destroy(o->agent);
	o->agent = NULL;
}

int outpost_tear_down(void **state)
{
	struct outpost *o = *state;
	for (int i = 0; i < o->n_lookers; i++) {
		looker_leave(&o->lookers[i]);
		tunnel_resume_destroy(o->lookers[i].resume);
		client_destroy(o->lookers[i].client);
	}
	outpost_leave(o);
	gateway_destroy(o->gateway);
	store_stop(o->store);
	inside = NULL;
	session_destroy(o->session);
	free(o);
	return 0;
}

static void on_agent_end(void *ctx, bool failed, const char *why)
{
	struct outpost *o = ctx;
	assert_false(o->ended);
	o->ended = true;
	o->failed = failed;
	snprintf(o->why, sizeof(o->why), "%s", why);
}

static const struct agent_events agent_events = { on_agent_end };

struct agent *outpost_join(struct outpost *o)
{
	o->ended = false;
	o->agent = agent_create(o->session->loop, &o->config, &agent_events, o, o->error);
	return o->agent;
}

void outpost_until_joined(struct outpost *o)
{
	OUTPOST_UNTIL(o, strstr(o->lines, "agent: connected to"));
	OUTPOST_UNTIL(o, !strcmp(outpost_run_text(o, "status"), "running"));
}
