#include "relay_end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_stream.h"

enum { QUEUE_MAX = 4 * 1024 * 1024, SLICE = 64 * 1024 };

static void fail(struct relay_end *e)
{
	e->failed = true;
	e->open = false;
	e->flood = false;
	stream_want_read(e->s, false);
}

void relay_end_send(struct relay_end *e, const uint8_t *wire, size_t len)
{
	if (!e->failed && stream_send(e->s, wire, len))
		fail(e);
}

static void send_slice(void *ctx)
{
	struct relay_end *e = ctx;
	if (!e->flood || stream_queued(e->s) > 0)
		return;
	size_t left = e->wire_len - e->wire_at, n = left < SLICE ? left : SLICE;
	relay_end_send(e, e->wire + e->wire_at, n);
	e->wire_at = n == left ? 0 : e->wire_at + n;
	if (e->flood && stream_queued(e->s) == 0)
		loop_task_queue(e->loop, &e->again);
}

void relay_end_flood(struct relay_end *e, const uint8_t *wire, size_t len)
{
	e->wire = wire;
	e->wire_len = len;
	e->wire_at = 0;
	e->flood = true;
	loop_task_queue(e->loop, &e->again);
}

static size_t count_head(struct relay_end *e, const uint8_t *data, size_t n)
{
	size_t had = e->part_len, room = sizeof(e->part) - had, len = n < room ? n : room;
	memcpy(e->part + had, data, len);
	struct rd in = rd_of(e->part, had + len);
	struct ws_head h;
	int err = ws_head_parse(&in, &h);
	e->part_len = err == ERR_AGAIN ? had + len : 0;
	if (err == ERR_AGAIN)
		return len;
	if (err || h.opcode == WS_CLOSE) {
		fail(e);
		return n;
	}
	e->left = h.len;
	e->fin = h.fin;
	e->data = h.opcode < WS_CLOSE;
	return len - in.left;
}

static void count(struct relay_end *e, const uint8_t *data, size_t n)
{
	for (size_t at = 0; at < n && !e->failed;) {
		if (e->left == 0) {
			at += count_head(e, data + at, n - at);
			continue;
		}
		size_t len = n - at < e->left ? n - at : (size_t)e->left;
		at += len;
		e->left -= len;
		if (!e->data)
			continue;
		e->bytes += len;
		if (e->left > 0 || !e->fin)
			continue;
		e->messages++;
		if (e->on_message)
			e->on_message(e->ctx, e);
	}
}

/* The other end is one of ours too: the key is not checked. */
static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			     "Connection: Upgrade\r\n"
			     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void upgraded(struct relay_end *e)
{
	e->open = e->server || strncmp(e->head, "HTTP/1.1 101", 12) == 0;
	if (!e->open)
		fail(e);
	else if (e->server)
		relay_end_send(e, (const uint8_t *)answer, sizeof(answer) - 1);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct relay_end *e = ctx;
	size_t at = 0;
	while (!e->open && !e->failed && at < n && e->head_len < sizeof(e->head) - 1) {
		e->head[e->head_len++] = (char)data[at++];
		if (e->head_len >= 4 && memcmp(e->head + e->head_len - 4, "\r\n\r\n", 4) == 0)
			upgraded(e);
	}
	if (e->open)
		count(e, data + at, n - at);
	else if (at < n)
		fail(e);
}

static void on_drain(void *ctx)
{
	struct relay_end *e = ctx;
	if (e->flood)
		loop_task_queue(e->loop, &e->again);
}

static void on_end(void *ctx, int err)
{
	(void)err;
	fail(ctx);
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void start(struct relay_end *e, struct loop *l, const struct relay_address *a, int fd)
{
	e->loop = l;
	e->address = *a;
	e->again = (struct loop_task){ .run = send_slice, .ctx = e };
	e->open = !a->path;
	struct stream *below = fd < 0 ? NULL : socket_stream_create(l, fd, QUEUE_MAX);
	e->s = below;
	if (below && a->tls)
		e->s = e->server ? tls_stream_server(l, a->tls, below, NULL, 0)
				 : tls_stream_client(l, a->tls, below, "127.0.0.1");
	if (!e->s) {
		stream_close(below, false);
		e->failed = true;
		return;
	}
	stream_set_events(e->s, &events, e);
	stream_want_read(e->s, true);
}

void relay_end_accept(struct relay_end *e, struct loop *l, const struct relay_address *a, int fd)
{
	*e = (struct relay_end){ .server = true };
	start(e, l, a, fd);
}

void relay_end_connect(struct relay_end *e, struct loop *l, const struct relay_address *a)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)a->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + (uint32_t)a->from) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool bad = fd >= 0 && a->from && bind(fd, (struct sockaddr *)&from, sizeof(from));
	if (fd >= 0 && (bad || connect(fd, (struct sockaddr *)&to, sizeof(to)))) {
		close(fd);
		fd = -1;
	}
	*e = (struct relay_end){ 0 };
	start(e, l, a, fd);
	if (e->failed || !a->path)
		return;
	char request[4096];
	int n = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s%s\r\n",
		a->path, a->port, a->protocol ? "Sec-WebSocket-Protocol: " : "",
		a->protocol ? a->protocol : "", a->protocol ? "\r\n" : "",
		a->headers ? a->headers : "");
	relay_end_send(e, (const uint8_t *)request, (size_t)n);
	e->address.path = e->address.protocol = e->address.headers = NULL; /* the caller's */
}

void relay_end_close(struct relay_end *e)
{
	if (!e->s)
		return;
	loop_task_cancel(e->loop, &e->again);
	stream_close(e->s, false);
	e->s = NULL;
}

uint8_t *relay_wire(size_t size, size_t n, bool masked, size_t *len)
{
	struct ws_head h = { true, WS_BINARY, masked, { 1, 2, 3, 4 }, size };
	uint8_t head[WS_HEAD_MAX];
	size_t head_len = ws_head_write(&h, head);
	uint8_t *wire = calloc(n, head_len + size);
	*len = wire ? n * (head_len + size) : 0;
	for (size_t i = 0; wire && i < n; i++)
		memcpy(wire + i * (head_len + size), head, head_len);
	return wire;
}
