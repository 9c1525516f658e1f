#include "net/dial.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/dial_proxy.h"
#include "net/dial_race.h"
#include "net/resolver.h"
#include "net/socket_stream.h"

enum {
	TIMEOUT_MS = 30 * 1000,
	QUEUE_MAX = 4 * 1024 * 1024,
	HOST_MAX = 255,
	LOGIN_MAX = 510,
	WHY_MAX = 512,
};

/* One of the steps is under way at a time: a name, a race of addresses, a proxy,
 * a handshake; then `finish` runs. */
struct dial {
	struct loop *loop;
	dial_done_fn *on_done;
	void *ctx;
	char host[HOST_MAX + 1]; /* or the Unix socket's path */
	char proxy[HOST_MAX + 1];
	char *proxy_login;
	int port, proxy_port;
	bool is_unix;
	struct tls_context *tls;
	size_t queue_max;
	uint32_t timeout_ms;
	struct loop_timer *timer;
	struct loop_task finish;
	struct resolver_query *query;
	struct dial_race *race;
	struct dial_proxy *proxying;
	int fd;           /* connected, for the proxy; -1: none */
	struct stream *s; /* owned until it is handed over */
	bool failed;
	char where[HOST_MAX + 32]; /* that we connect to, for sentences */
	char why[WHY_MAX];
};

static void fail(struct dial *d, const char *why)
{
	d->failed = true;
	snprintf(d->why, sizeof(d->why), "%s", why);
	loop_task_queue(d->loop, &d->finish);
}

static void finish(void *ctx)
{
	struct dial *d = ctx;
	dial_done_fn *on_done = d->on_done;
	void *done_ctx = d->ctx;
	struct stream *s = NULL;
	char why[WHY_MAX];
	memcpy(why, d->why, sizeof(why));
	bool failed = d->failed;
	if (!failed) {
		s = d->s;
		d->s = NULL;
	}
	dial_cancel(d);
	on_done(done_ctx, s, failed ? why : NULL);
}

/* A stream's owner until it is handed over: it reads nothing yet. */
static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)ctx;
	(void)data;
	(void)n;
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	struct dial *d = ctx;
	const char *why = tls_stream_error(d->s);
	fail(d, why ? why : err_str(err));
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void on_ready(void *ctx)
{
	struct dial *d = ctx;
	loop_task_queue(d->loop, &d->finish);
}

static void begin_stream(struct dial *d, int fd)
{
	d->s = socket_stream_create(d->loop, fd, d->queue_max);
	if (!d->s) {
		close(fd);
		fail(d, "out of memory");
		return;
	}
	stream_set_events(d->s, &events, d);
	if (!d->tls) {
		loop_task_queue(d->loop, &d->finish);
		return;
	}
	struct stream *s = tls_stream_client(d->loop, d->tls, d->s, d->host);
	if (!s) {
		fail(d, "out of memory");
		return;
	}
	d->s = s;
	stream_set_events(s, &events, d);
	tls_stream_on_ready(s, on_ready, d);
}

static void proxied(void *ctx, const char *why)
{
	struct dial *d = ctx;
	int fd = d->fd;
	d->proxying = NULL;
	if (why) {
		fail(d, why);
		return;
	}
	d->fd = -1;
	begin_stream(d, fd);
}

static void explain_errno(const struct dial *d, int error, char out[WHY_MAX])
{
	const char *what = d->proxy[0] ? "the proxy " : "";
	switch (error) {
	case ECONNREFUSED:
		snprintf(out, WHY_MAX, "nobody listens at %s%s: is it started?", what, d->where);
		break;
	case ETIMEDOUT:
		snprintf(out, WHY_MAX, "%s%s does not answer: is a firewall in between?", what,
			d->where);
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
		snprintf(out, WHY_MAX, "there is no way to %s%s: is this machine online?", what,
			d->where);
		break;
	case ENOENT:
		snprintf(out, WHY_MAX, "there is no socket %s: is it started?", d->where);
		break;
	default:
		snprintf(out, WHY_MAX, "cannot connect to %s%s: %s", what, d->where,
			strerror(error));
	}
}

static void raced(void *ctx, int fd, int error)
{
	struct dial *d = ctx;
	char why[WHY_MAX];
	d->race = NULL;
	if (fd < 0) {
		explain_errno(d, error, why);
		fail(d, why);
		return;
	}
	if (!d->proxy[0]) {
		begin_stream(d, fd);
		return;
	}
	d->fd = fd;
	d->proxying = dial_proxy_start(d->loop, fd, d->host, d->port, d->proxy_login, proxied, d);
	if (!d->proxying)
		fail(d, "out of memory");
}

static void resolved(void *ctx, const struct address *list, size_t n, const char *why)
{
	struct dial *d = ctx;
	d->query = NULL;
	if (n == 0) {
		fail(d, why);
		return;
	}
	d->race = dial_race_start(d->loop, list, n, raced, d);
	if (!d->race)
		fail(d, "out of memory");
}

static void too_slow(void *ctx)
{
	struct dial *d = ctx;
	char why[WHY_MAX];
	const char *what = d->proxy[0] ? "the proxy " : "";
	unsigned s = (d->timeout_ms + 999) / 1000;
	if (d->query)
		snprintf(why, sizeof(why), "no name server has answered for %s in %u s", d->where,
			s);
	else if (d->race)
		snprintf(why, sizeof(why),
			"%s%s has not answered in %u s: is a firewall in between?", what, d->where,
			s);
	else
		snprintf(why, sizeof(why), "%s%s was reached, but says nothing (%u s)", what,
			d->where, s);
	fail(d, why);
	finish(d);
}

/* It becomes part of requests and sentences. */
static bool name_is_clean(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n > HOST_MAX)
		return false;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c == 0x7f || strchr("/@[]\"<>\\", *c))
			return false;
	return true;
}

static bool port_is_valid(int port)
{
	return port > 0 && port <= 65535;
}

/* Begins with the name to look up, the Unix socket, or a failure. False: no
 * memory. */
static bool begin_unix(struct dial *d, const char *path)
{
	struct address a;
	char text[HOST_MAX + sizeof("unix:")];
	snprintf(text, sizeof(text), "unix:%s", path);
	snprintf(d->where, sizeof(d->where), "%s", path);
	if (strlen(path) > HOST_MAX || address_parse(text, &a)) {
		fail(d, "the path of the socket is too long");
		return true;
	}
	d->race = dial_race_start(d->loop, &a, 1, raced, d);
	return d->race != NULL;
}

static bool begin(struct dial *d, const struct dial_config *config)
{
	if (config->unix_path)
		return begin_unix(d, config->unix_path);
	if (!config->host || !name_is_clean(config->host) || !port_is_valid(config->port)) {
		fail(d, "that is not a host and a port");
		return true;
	}
	bool proxy = config->proxy_host != NULL;
	if (proxy && (!name_is_clean(config->proxy_host) || !port_is_valid(config->proxy_port))) {
		fail(d, "that is not a proxy's host and port");
		return true;
	}
	const char *name = proxy ? d->proxy : d->host;
	int port = proxy ? d->proxy_port : d->port;
	snprintf(d->where, sizeof(d->where), "%s:%d", name, port);
	d->query = resolver_start(d->loop, name, port, resolved, d);
	return d->query != NULL;
}

static bool copy_config(struct dial *d, const struct dial_config *config)
{
	const char *host = config->host ? config->host : "localhost";
	snprintf(d->host, sizeof(d->host), "%s", host);
	snprintf(d->proxy, sizeof(d->proxy), "%s",
		config->proxy_host && !config->unix_path ? config->proxy_host : "");
	d->port = config->port;
	d->proxy_port = config->proxy_port;
	d->tls = config->tls ? tls_context_ref(config->tls) : NULL;
	d->queue_max = config->queue_max ? config->queue_max : QUEUE_MAX;
	d->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
	if (!config->proxy_login)
		return true;
	size_t n = strlen(config->proxy_login) + 1;
	d->proxy_login = malloc(n);
	if (d->proxy_login)
		memcpy(d->proxy_login, config->proxy_login, n);
	return d->proxy_login != NULL;
}

struct dial *dial_start(
	struct loop *l, const struct dial_config *config, dial_done_fn *on_done, void *ctx)
{
	struct dial *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->loop = l;
	d->on_done = on_done;
	d->ctx = ctx;
	d->fd = -1;
	d->finish = (struct loop_task){ .run = finish, .ctx = d };
	d->timer = loop_timer_create(l, too_slow, d);
	if (!d->timer || !copy_config(d, config) || !begin(d, config)) {
		dial_cancel(d);
		return NULL;
	}
	loop_timer_start(d->timer, d->timeout_ms);
	return d;
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	loop_task_cancel(d->loop, &d->finish);
	loop_timer_destroy(d->timer);
	resolver_cancel(d->query);
	dial_race_cancel(d->race);
	dial_proxy_cancel(d->proxying);
	if (d->fd >= 0)
		close(d->fd);
	stream_close(d->s, false);
	tls_context_unref(d->tls);
	if (d->proxy_login)
		OPENSSL_cleanse(d->proxy_login, strlen(d->proxy_login));
	free(d->proxy_login);
	free(d);
}
