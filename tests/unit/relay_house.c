#include "relay_house.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"
#include "net/socket_stream.h"
#include "net/ws.h"

enum { QUEUE_MAX = 256 * 1024, IN_MAX = 8 * 1024 * 1024 };

uint64_t house_ahead_us;
bool house_in_loop;
uint64_t __real_clock_now_us(void);
uint64_t __wrap_clock_now_us(void);

uint64_t __wrap_clock_now_us(void)
{
	return __real_clock_now_us() + house_ahead_us;
}

/* ---- the store ---- */

static bool known_run(const char *run)
{
	return run && (strcmp(run, "run1") == 0 || strcmp(run, "run2") == 0);
}

static int refuse(struct json *to, int status, const char *sentence)
{
	json_put_text(to, "error", sentence);
	return status;
}

/* "view-ann": rights and user. */
static int grant(struct json *to, const char *text, const char *session, const char *ticket)
{
	bool control = strncmp(text, "control-", 8) == 0;
	const char *name = strchr(text, '-') + 1;
	struct json *user = json_make_object(), *g = json_make_object();
	json_put_text(user, "id", name);
	json_put_text(user, "username", name);
	json_put_text(g, "session", session);
	json_put_text(g, "ticket", ticket);
	json_put(to, "user", user);
	json_put(to, "grant", g);
	json_put_text(to, "rights", control ? "control" : "view");
	return 200;
}

static int redeem(struct house *h, struct json_ref args, struct json *to)
{
	const char *ticket = json_get_text(args, "ticket");
	bool form = strncmp(ticket, "view-", 5) == 0 || strncmp(ticket, "control-", 8) == 0;
	bool used = false;
	for (int i = 0; i < h->n_used; i++)
		used = used || strcmp(h->used[i], ticket) == 0;
	if (!form || used)
		return refuse(to, 401, "Invalid or expired ticket");
	if (!known_run(json_get_text(args, "runId")))
		return refuse(to, 404, "Run not found");
	if (h->n_used < HOUSE_GUESTS)
		snprintf(h->used[h->n_used++], sizeof(h->used[0]), "%s", ticket);
	char id[80];
	snprintf(id, sizeof(id), "id-of-%s", ticket);
	return grant(to, ticket, "s", id);
}

static int open_view(struct json_ref args, const struct store_who *who, struct json *to)
{
	if (who->kind != STORE_SESSION || strncmp(who->session, "s-", 2) != 0)
		return refuse(to, 401, "Invalid or expired session");
	if (!known_run(json_get_text(args, "id")))
		return refuse(to, 404, "Run not found");
	char rights[80];
	snprintf(rights, sizeof(rights), "control-%s", who->session + 2);
	return grant(to, rights, who->session, "");
}

static int signed_one(const struct store_who *who, struct json *to)
{
	if (who->kind != STORE_SIGNED || strcmp(who->signature, "good") != 0)
		return refuse(to, 401, "Invalid signature");
	json_put_text(to, "runId", who->run_id);
	json_put_text(to, "clientId", "client1");
	return 200;
}

static int answer(void *ctx, const char *op, const struct store_who *who, struct json_ref args,
	struct json *to)
{
	struct house *h = ctx;
	if (strcmp(op, "ticket.redeem") == 0)
		return redeem(h, args, to);
	if (strcmp(op, "view.open") == 0)
		return open_view(args, who, to);
	if (strcmp(op, "agent.join") == 0 || strcmp(op, "agent.channel") == 0)
		return signed_one(who, to);
	if (strcmp(op, "runner.open") == 0)
		return h->start_delivered ? 200 : refuse(to, 403, "No START was delivered");
	assert_string_equal(op, "tunnel.closed");
	assert_int_equal(who->kind, STORE_GATEWAY);
	struct json *copy = json_clone(args);
	char *text = json_print(copy, false);
	if (text) {
		buf_put(&h->closed, text, strlen(text));
		buf_put_u8(&h->closed, '\n');
	}
	free(text);
	json_drop(copy);
	return 200;
}

/* ---- the house ---- */

static void on_change(void *ctx, const char *run_id)
{
	struct house *h = ctx;
	h->changes++;
	if (h->relay) {
		struct json *status = relay_status(h->relay, run_id);
		json_drop(status);
	}
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", HOUSE_WAIT_MS);
}

/* The guests' descriptors are not the loop's: it must not sleep long. */
static void beat(void *ctx)
{
	struct house *h = ctx;
	loop_timer_start(h->pulse, 1);
}

void house_restart(struct house *h)
{
	relay_destroy(h->relay);
	h->relay = NULL;
	h->relay = relay_create(h->loop, &h->config);
	assert_non_null(h->relay);
}

int house_set_up(void **state)
{
	static struct house h;
	h = (struct house){ .loop = loop_create() };
	house_ahead_us = 0;
	buf_init(&h.closed, IN_MAX);
	h.watchdog = loop_timer_create(h.loop, give_up, NULL);
	h.pulse = loop_timer_create(h.loop, beat, &h);
	loop_timer_start(h.watchdog, HOUSE_WAIT_MS);
	loop_timer_start(h.pulse, 1);
	fake_store_init(&h.store, h.loop);
	h.store.answer = answer;
	h.store.ctx = &h;
	h.config = (struct relay_config){
		.store = fake_store_of(&h.store),
		.on_change = on_change,
		.ctx = &h,
	};
	house_restart(&h);
	*state = &h;
	return 0;
}

void house_dismiss(struct house *h)
{
	for (int i = 0; i < h->n_guests; i++) {
		struct guest *g = &h->guests[i];
		http_conn_destroy(g->conn);
		guest_vanish(g);
		buf_fini(&g->in);
		buf_fini(&g->out);
		buf_fini(&g->got);
		buf_fini(&g->texts);
	}
	h->n_guests = 0;
}

int house_tear_down(void **state)
{
	struct house *h = *state;
	relay_destroy(h->relay);
	house_dismiss(h);
	fake_store_fini(&h->store);
	buf_fini(&h->closed);
	loop_timer_destroy(h->watchdog);
	loop_timer_destroy(h->pulse);
	loop_destroy(h->loop);
	return 0;
}

/* ---- requests ---- */

static void on_request(void *ctx, struct http_exchange *x)
{
	struct guest *g = ctx;
	struct http_text path = http_exchange_head(x)->path;
	char text[200], run[80], channel[80];
	snprintf(text, sizeof(text), "%.*s", (int)path.n, path.p);
	if (sscanf(text, "/ws/vnc/%79[^/]", run) == 1)
		relay_viewer(g->house->relay, x, run);
	else if (sscanf(text, "/ws/agent/%79[^/]/%79[^/]", run, channel) == 2)
		relay_channel(g->house->relay, x, run, channel);
	else if (sscanf(text, "/ws/agent/%79[^/]", run) == 1)
		relay_agent(g->house->relay, x, run);
	else
		fail_msg("an unknown path");
}

static void on_done(void *ctx, struct http_conn *c)
{
	struct guest *g = ctx;
	assert_ptr_equal(g->conn, c);
	g->conn = NULL;
}

static const struct origin_rules rules = { .port = 3100 };

static void connect_guest(struct guest *g)
{
	struct http_config config = {
		.origin = &rules,
		.on_request = on_request,
		.on_done = on_done,
		.ctx = g,
		.peer = g->address,
	};
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	g->fd = fds[0];
	struct stream *s = socket_stream_create(g->house->loop, fds[1], QUEUE_MAX);
	assert_non_null(s);
	g->conn = http_conn_create(g->house->loop, &config, s, NULL, 0);
	assert_non_null(g->conn);
}

struct guest *guest_knock(struct house *h, const char *path, const char *fields)
{
	assert_true(h->n_guests < HOUSE_GUESTS);
	struct guest *g = &h->guests[h->n_guests++];
	*g = (struct guest){ .house = h, .fd = -1 };
	g->address = h->address ? h->address : "192.0.2.7";
	buf_init(&g->in, IN_MAX);
	buf_init(&g->out, IN_MAX);
	buf_init(&g->got, IN_MAX);
	buf_init(&g->texts, IN_MAX);
	connect_guest(g);
	char text[4096];
	int n = snprintf(text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: localhost:3100\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
		path, fields);
	guest_raw(g, text, (size_t)n);
	return g;
}

struct guest *guest_enter(struct house *h, const char *path, const char *fields)
{
	struct guest *g = guest_knock(h, path, fields);
	HOUSE_UNTIL(h, g->status || g->eof);
	return g;
}

static struct guest *view_with(
	struct house *h, const char *run, const char *ticket, const char *protocol)
{
	char path[100], fields[300];
	snprintf(path, sizeof(path), "/ws/vnc/%s", run);
	snprintf(fields, sizeof(fields), "Sec-WebSocket-Protocol: %s, porthole.ticket.%s\r\n",
		protocol, ticket);
	return guest_enter(h, path, fields);
}

struct guest *guest_view(struct house *h, const char *run, const char *ticket)
{
	return view_with(h, run, ticket, "binary");
}

struct guest *guest_resume(struct house *h, const char *run, const char *ticket)
{
	return view_with(h, run, ticket, "porthole.v1");
}

static void agent_fields(
	char *out, size_t cap, const char *run, const char *id, const char *protocol)
{
	snprintf(out, cap,
		"X-Signature: good\r\nX-Timestamp: 1700000000\r\nX-Nonce: n\r\nX-Run-Id: %s\r\n"
		"X-Capability-Token: t\r\nX-Agent-Id: %s\r\nSec-WebSocket-Protocol: %s\r\n",
		run, id, protocol);
}

struct guest *guest_join(struct house *h, const char *run, const char *id)
{
	char path[100], fields[500];
	snprintf(path, sizeof(path), "/ws/agent/%s", run);
	agent_fields(fields, sizeof(fields), run, id, "porthole.agent.v1");
	struct guest *g = guest_enter(h, path, fields);
	snprintf(g->run, sizeof(g->run), "%s", run);
	snprintf(g->agent_id, sizeof(g->agent_id), "%s", id);
	return g;
}

struct guest *guest_agent(struct house *h, const char *run, const char *id)
{
	struct guest *g = guest_join(h, run, id);
	if (g->upgraded)
		guest_say(g, "{\"type\":\"hello\",\"version\":1,\"kinds\":[\"rfb\"],"
			     "\"agent\":\"test 1\"}");
	house_settle(h);
	return g;
}

struct guest *guest_answer(struct house *h, struct guest *control, int n, const char *id)
{
	char channel[80], protocol[40], path[200], fields[500];
	const char *open;
	HOUSE_UNTIL(h, (open = guest_text(control, "\"open\"", n)));
	house_member(open, "channel", channel, sizeof(channel));
	house_member(open, "protocol", protocol, sizeof(protocol));
	snprintf(path, sizeof(path), "/ws/agent/%s/%s", control->run, channel);
	agent_fields(fields, sizeof(fields), control->run, id ? id : control->agent_id, protocol);
	return guest_enter(h, path, fields);
}

/* ---- bytes ---- */

static void send_some(struct guest *g)
{
	if (g->fd < 0 || g->out.len == 0)
		return;
	ssize_t n = send(g->fd, g->out.data, g->out.len, MSG_NOSIGNAL);
	if (n > 0)
		buf_consume(&g->out, (size_t)n);
	else if (n < 0 && errno != EAGAIN)
		buf_reset(&g->out);
}

static void take_head(struct guest *g)
{
	char *end = memmem(g->in.data, g->in.len, "\r\n\r\n", 4);
	if (!end)
		return;
	size_t n = (size_t)(end + 4 - (char *)g->in.data);
	g->upgraded = memcmp(g->in.data, "HTTP/1.1 101", 12) == 0;
	size_t kept = g->upgraded ? n : g->in.len;
	assert_true(kept < sizeof(g->head));
	memcpy(g->head, g->in.data, kept);
	g->status = atoi(g->head + 9);
	buf_consume(&g->in, kept);
}

static void take_frame(struct guest *g, const struct ws_head *h, const uint8_t *p)
{
	size_t n = (size_t)h->len;
	if (h->opcode == WS_TEXT) {
		buf_put(&g->texts, p, n);
		buf_put_u8(&g->texts, '\n');
	} else if (h->opcode == WS_BINARY || h->opcode == WS_CONTINUATION) {
		g->binary_frames++;
		if (n > 0)
			buf_put(&g->got, p, n);
	} else if (h->opcode == WS_CLOSE) {
		g->close_code = n < 2 ? WS_CODE_NONE : (unsigned)(p[0] << 8 | p[1]);
		snprintf(g->reason, sizeof(g->reason), "%.*s", n > 2 ? (int)n - 2 : 0,
			(const char *)p + 2);
	}
}

static void take_frames(struct guest *g)
{
	struct ws_head h;
	struct rd in = rd_of(g->in.data, g->in.len);
	while (ws_head_parse(&in, &h) == OK && in.left >= h.len) {
		assert_false(h.masked);
		take_frame(g, &h, in.p);
		rd_skip(&in, (size_t)h.len);
		buf_consume(&g->in, g->in.len - in.left);
		in = rd_of(g->in.data, g->in.len);
	}
}

static void receive_some(struct guest *g)
{
	static uint8_t bytes[65536];
	if (g->fd < 0)
		return;
	ssize_t n = recv(g->fd, bytes, sizeof(bytes), 0);
	g->eof = g->eof || n == 0 || (n < 0 && errno != EAGAIN);
	if (n > 0)
		buf_put(&g->in, bytes, (size_t)n);
	if (n > 0 && !g->status)
		take_head(g);
	if (n > 0 && g->upgraded)
		take_frames(g);
}

void house_turn(struct house *h)
{
	for (int i = 0; i < h->n_guests; i++) {
		send_some(&h->guests[i]);
		receive_some(&h->guests[i]);
	}
	house_in_loop = true;
	loop_turn(h->loop);
	house_in_loop = false;
}

static size_t heard(const struct house *h)
{
	size_t n = h->closed.len + (size_t)h->store.last_id;
	for (int i = 0; i < h->n_guests; i++) {
		const struct guest *g = &h->guests[i];
		n += g->in.len + g->got.len + g->texts.len + g->out.len + g->eof + g->close_code;
	}
	return n;
}

/* Some milliseconds in which nothing is heard. */
void house_settle(struct house *h)
{
	size_t before = heard(h);
	for (int quiet = 0; quiet < 15; quiet++) {
		house_turn(h);
		if (heard(h) != before || h->store.waiting > 0)
			quiet = 0;
		before = heard(h);
	}
}

void house_pass_time(struct house *h, unsigned seconds)
{
	house_ahead_us += (uint64_t)seconds * 1000000;
	uint64_t until = __real_clock_now_us() + 1200 * 1000;
	while (__real_clock_now_us() < until)
		house_turn(h);
	house_settle(h);
}

void guest_raw(struct guest *g, const void *bytes, size_t n)
{
	buf_put(&g->out, bytes, n);
	assert_int_equal(buf_ok(&g->out), OK);
	send_some(g);
}

void guest_send(struct guest *g, unsigned first, const void *payload, size_t n)
{
	struct ws_head h = { first & 0x80, first & 15, true, { 1, 2, 3, 4 }, n };
	uint8_t head[WS_HEAD_MAX];
	size_t at = g->out.len + ws_head_write(&h, head);
	buf_put(&g->out, head, at - g->out.len);
	if (n > 0)
		buf_put(&g->out, payload, n);
	assert_int_equal(buf_ok(&g->out), OK);
	ws_mask(g->out.data + at, n, h.mask, 0);
	send_some(g);
}

void guest_say(struct guest *g, const char *text)
{
	guest_send(g, 0x81, text, strlen(text));
}

void guest_say_binary(struct guest *g, const char *text)
{
	guest_send(g, 0x82, text, strlen(text));
}

void guest_leave(struct guest *g, unsigned code)
{
	uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };
	guest_send(g, 0x88, payload, sizeof(payload));
	house_settle(g->house);
	guest_vanish(g);
}

void guest_vanish(struct guest *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

void guest_expect(struct guest *g, const char *binary)
{
	size_t n = strlen(binary);
	HOUSE_UNTIL(g->house, g->got.len >= n || g->eof);
	assert_true(g->got.len >= n);
	assert_memory_equal(g->got.data, binary, n);
	buf_consume(&g->got, n);
}

void guest_expect_close(struct guest *g, unsigned code, const char *reason)
{
	HOUSE_UNTIL(g->house, g->close_code || g->eof);
	assert_int_equal(g->close_code, code);
	assert_string_equal(g->reason, reason);
}

const char *guest_text(struct guest *g, const char *part, int n)
{
	static char line[4096];
	const char *at = (const char *)g->texts.data, *all_end = at + g->texts.len;
	while (at && at < all_end) {
		const char *end = memchr(at, '\n', (size_t)(all_end - at));
		snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
		if (strstr(line, part) && n-- == 0)
			return line;
		at = end + 1;
	}
	return NULL;
}

void guest_expect_text(struct guest *g, const char *part)
{
	HOUSE_UNTIL(g->house, guest_text(g, part, 0) || g->eof);
	assert_non_null(guest_text(g, part, 0));
}

void house_member(const char *text, const char *key, char *out, size_t cap)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *tree = json_parse(text, strlen(text), problem);
	const char *value = json_get_text(json_of(tree), key);
	snprintf(out, cap, "%s", value ? value : "");
	json_drop(tree);
}
