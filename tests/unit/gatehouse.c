#include "gatehouse.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TICK_MS = 5, PATIENCE_MS = 60 * 1000, GOT_MAX = 4 * 1024 * 1024 };

static const struct asset files[] = {
	{ "/console.html", "text/html", "\"console\"", (const uint8_t *)"gz", 2,
		(const uint8_t *)"<console>", 9 },
	{ "/index.html", "text/html", "\"page\"", (const uint8_t *)"gz", 2,
		(const uint8_t *)"<html>", 6 },
};
static const struct asset_table assets = { files, ARRAY_LEN(files) };

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for too long");
}

static void write_line(void *ctx, enum log_level level, const char *line)
{
	struct gatehouse *h = ctx;
	size_t n = strlen(h->lines);
	(void)level;
	snprintf(h->lines + n, sizeof(h->lines) - n, "%s\n", line);
}

static void on_end(void *ctx, bool failed, const char *why)
{
	struct gatehouse *h = ctx;
	(void)why;
	h->ended = true;
	h->failed = failed;
}

int gatehouse_set_up(void **state, struct store *store)
{
	struct gatehouse *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	h->loop = loop_create();
	h->tick = loop_timer_create(h->loop, do_nothing, h);
	h->watchdog = loop_timer_create(h->loop, give_up, h);
	loop_timer_start(h->watchdog, PATIENCE_MS);
	h->fd = -1;
	h->log = (struct log){ write_line, h, LOG_LEVEL_DEBUG };
	snprintf(h->dir, sizeof(h->dir), "/tmp/gatehouse-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(h->admin, sizeof(h->admin), "%s/admin.sock", h->dir);
	buf_init(&h->got, GOT_MAX);
	assert_int_equal(address_parse("127.0.0.1:0", &h->listen[0]), OK);
	h->config = (struct gateway_config){
		.log = &h->log,
		.store = store,
		.listen = h->listen,
		.n_listen = 1,
		.admin_socket = h->admin,
		.rate_address_per_min = 1000,
		.assets = &assets,
	};
	gatehouse_open(h);
	assert_non_null(h->gateway);
	*state = h;
	return 0;
}

void gatehouse_open(struct gatehouse *h)
{
	h->ended = h->failed = false;
	h->gateway = gateway_create(h->loop, &h->config, on_end, h, h->error);
	h->port = address_port(&h->listen[0]);
	snprintf(h->host, sizeof(h->host), "127.0.0.1:%d", h->port);
}

static void leave(struct gatehouse *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	h->eof = false;
	buf_reset(&h->got);
}

void gatehouse_close(struct gatehouse *h)
{
	gateway_destroy(h->gateway);
	h->gateway = NULL;
	leave(h);
}

int gatehouse_tear_down(void **state)
{
	struct gatehouse *h = *state;
	gatehouse_close(h);
	loop_timer_destroy(h->tick);
	loop_timer_destroy(h->watchdog);
	loop_destroy(h->loop);
	buf_fini(&h->got);
	rmdir(h->dir);
	free(h);
	return 0;
}

void gatehouse_turn(struct gatehouse *h)
{
	uint8_t piece[16 * 1024];
	loop_timer_start(h->tick, TICK_MS);
	loop_turn(h->loop);
	while (h->fd >= 0 && !h->eof) {
		ssize_t n = recv(h->fd, piece, sizeof(piece), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		h->eof = n <= 0;
		if (n > 0)
			buf_put(&h->got, piece, (size_t)n);
	}
}

static void knock_at(struct gatehouse *h, const void *address, socklen_t n, int family)
{
	leave(h);
	h->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(h->fd, address, n), 0);
}

void gatehouse_knock(struct gatehouse *h)
{
	knock_at(h, &h->listen[0].sa, h->listen[0].len, h->listen[0].sa.ss_family);
}

void gatehouse_knock_admin(struct gatehouse *h)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", h->admin);
	knock_at(h, &un, sizeof(un), AF_UNIX);
}

void gatehouse_say(struct gatehouse *h, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(h->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0) {
			text += sent;
			n -= (size_t)sent;
		}
		gatehouse_turn(h);
	}
}

struct reply gatehouse_hear(struct gatehouse *h)
{
	struct reply r = { 0 };
	const char *end = NULL;
	while (!(end = h->got.len ? memmem(h->got.data, h->got.len, "\r\n\r\n", 4) : NULL)) {
		assert_false(h->eof);
		gatehouse_turn(h);
	}
	size_t n = (size_t)(end - (const char *)h->got.data) + 4;
	assert_true(n < sizeof(r.head));
	memcpy(r.head, h->got.data, n);
	assert_int_equal(sscanf(r.head, "HTTP/1.1 %d ", &r.status), 1);
	const char *length = strstr(r.head, "Content-Length: ");
	size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
	assert_true(body < sizeof(r.body));
	while (h->got.len < n + body && !h->eof)
		gatehouse_turn(h);
	assert_true(h->got.len >= n + body);
	memcpy(r.body, h->got.data + n, body);
	buf_consume(&h->got, n + body);
	return r;
}

struct reply gatehouse_ask(
	struct gatehouse *h, const char *line, const char *fields, const char *body)
{
	static char text[128 * 1024];
	size_t n = body ? strlen(body) : 0;
	bool typed = fields && strstr(fields, "Content-Type:");
	int len = snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: %s\r\n%s", line, h->host,
		fields ? fields : "");
	if (body)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "Content-Length: %zu\r\n%s",
			n, typed ? "" : "Content-Type: application/json\r\n");
	len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n%s", body ? body : "");
	assert_true((size_t)len < sizeof(text));
	gatehouse_knock(h);
	gatehouse_say(h, text, (size_t)len);
	return gatehouse_hear(h);
}

const char *reply_text(const struct reply *r, const char *key)
{
	static char out[512];
	char problem[JSON_PROBLEM_MAX];
	struct json *j = json_parse(r->body, strlen(r->body), problem);
	const char *text = json_get_text(json_of(j), key);
	snprintf(out, sizeof(out), "%s", text ? text : "");
	json_drop(j);
	return out;
}

bool reply_has(const struct reply *r, const char *field)
{
	char line[600];
	snprintf(line, sizeof(line), "\r\n%s\r\n", field);
	return strstr(r->head, line);
}
