#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"
#include "net/socket_stream.h"
#include "net/ws.h"
#include "relay_house.h"

enum { QUEUE_MAX = 256 * 1024, IN_MAX = 8 * 1024 * 1024 };

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

void guest_turn(struct guest *g)
{
	send_some(g);
	receive_some(g);
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
