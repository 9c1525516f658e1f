#include "gateway/entrance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/who.h"
#include "net/listener.h"
#include "net/socket_stream.h"

enum {
	ROWS = 256,
	BODIES_MAX = 64 * 1024 * 1024,
	/* A WebSocket of ours may have 1 MB waiting, and a head of frames. */
	QUEUE_MAX = 1280 * 1024,
};

/* Somebody who is connected. */
struct guest {
	struct entrance *entrance;
	struct http_conn *conn;
	int fd; /* borrowed from the stream */
	bool near;
	uint8_t source[ADDRESS_SOURCE];
	struct guest *next, **link;
};

struct entrance {
	struct loop *loop;
	const struct entrance_config *config;
	struct origin_rules rules;
	char listen[INET6_ADDRSTRLEN + 3];
	struct listener *listener;
	struct tls_context *tls;
	struct guest *rows[ROWS]; /* by source */
	int count, near;
	struct http_budget bodies;
	bool full;
};

static bool is_in(const char *text, const char *const *list)
{
	for (; list && *list; list++)
		if (strcasecmp(*list, text) == 0)
			return true;
	return false;
}

/* The address without its port, as texts of proxies and X-Forwarded-For have it;
 * one that came as IPv6 but is IPv4, as IPv4. */
static void put_host(const struct address *a, char out[WHO_ADDRESS_MAX])
{
	snprintf(out, WHO_ADDRESS_MAX, "unix");
	if (a->sa.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&a->sa;
		inet_ntop(AF_INET, &in->sin_addr, out, WHO_ADDRESS_MAX);
	} else if (a->sa.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)&a->sa;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);
		inet_ntop(mapped ? AF_INET : AF_INET6, in->sin6_addr.s6_addr + (mapped ? 12 : 0),
			out, WHO_ADDRESS_MAX);
	}
}

static struct guest **row_of(struct entrance *e, const uint8_t source[ADDRESS_SOURCE])
{
	unsigned sum = 0;
	for (int i = 0; i < ADDRESS_SOURCE; i++)
		sum = sum * 31 + source[i];
	return &e->rows[sum % ROWS];
}

static bool has_room(struct entrance *e, const struct guest *g)
{
	int same = 0;
	if (e->count >= ENTRANCE_MAX)
		return false;
	if (g->near)
		return e->near < ENTRANCE_MAX / 2;
	for (const struct guest *o = *row_of(e, g->source); o; o = o->next)
		same += memcmp(o->source, g->source, sizeof(g->source)) == 0;
	return same < ENTRANCE_SOURCE_MAX;
}

static void add(struct entrance *e, struct guest *g)
{
	struct guest **row = row_of(e, g->source);
	g->next = *row;
	g->link = row;
	if (g->next)
		g->next->link = &g->next;
	*row = g;
	e->count++;
	e->near += g->near;
}

static void drop(struct guest *g)
{
	struct entrance *e = g->entrance;
	*g->link = g->next;
	if (g->next)
		g->next->link = g->link;
	e->count--;
	e->near -= g->near;
	free(g);
}

static void on_request(void *ctx, struct http_exchange *x)
{
	struct guest *g = ctx;
	const struct entrance_config *c = g->entrance->config;
	c->on_request(c->ctx, x, g->fd);
}

static void on_done(void *ctx, struct http_conn *conn)
{
	(void)conn;
	drop(ctx);
}

static struct stream *make_stream(struct entrance *e, int fd)
{
	struct stream *s = socket_stream_create(e->loop, fd, QUEUE_MAX);
	if (!s) {
		close(fd);
		return NULL;
	}
	if (!e->tls)
		return s;
	struct stream *tls = tls_stream_server(e->loop, e->tls, s, NULL, 0);
	if (!tls)
		stream_close(s, false);
	return tls;
}

/* Takes fd in any case. */
static struct http_conn *make_conn(struct guest *g, const char *peer)
{
	struct entrance *e = g->entrance;
	struct http_config config = {
		.log = e->config->log,
		.origin = &e->rules,
		.on_request = on_request,
		.on_done = on_done,
		.ctx = g,
		.peer = peer,
		.body_max = HTTP_BODY_MAX,
		.budget = &e->bodies,
		.json_errors = true,
	};
	struct stream *s = make_stream(e, g->fd);
	struct http_conn *c = s ? http_conn_create(e->loop, &config, s, NULL, 0) : NULL;
	if (s && !c)
		stream_close(s, false);
	return c;
}

static void say_full(struct entrance *e, const char *peer)
{
	if (!e->full)
		log_warn(e->config->log, "too many connections (%d): refusing %s", e->count, peer);
	e->full = true;
}

static void on_accept(void *ctx, int fd, const struct address *from)
{
	struct entrance *e = ctx;
	char peer[WHO_ADDRESS_MAX];
	struct guest *g = calloc(1, sizeof(*g));
	if (!g) {
		close(fd);
		return;
	}
	g->entrance = e;
	g->fd = fd;
	put_host(from, peer);
	address_source(peer, g->source);
	g->near = address_is_local(from) || is_in(peer, e->config->proxies);
	if (!has_room(e, g)) {
		say_full(e, peer);
		close(fd);
		free(g);
		return;
	}
	e->full = false;
	g->conn = make_conn(g, peer);
	if (g->conn)
		add(e, g);
	else
		free(g);
}

static void set_rules(struct entrance *e, const struct address *a)
{
	char host[WHO_ADDRESS_MAX];
	put_host(a, host);
	snprintf(e->listen, sizeof(e->listen), strchr(host, ':') ? "[%.45s]" : "%.45s", host);
	e->rules = (struct origin_rules){
		.tls = e->tls != NULL,
		.port = address_is_unix(a) ? (e->tls ? 443 : 80) : address_port(a),
		.listen = address_is_unix(a) ? NULL : e->listen,
		.listen_any = address_is_any(a),
		.public_host = e->config->public_host,
		.hosts = e->config->hosts,
		.origins = e->config->origins,
	};
}

struct entrance *entrance_create(struct loop *l, const struct entrance_config *config,
	struct address *a, struct tls_context *tls)
{
	struct entrance *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->loop = l;
	e->config = config;
	e->bodies.max = BODIES_MAX;
	e->tls = tls ? tls_context_ref(tls) : NULL;
	e->listener = listener_create(l, config->log, a, on_accept, e);
	if (!e->listener) {
		int error = errno;
		entrance_destroy(e);
		errno = error;
		return NULL;
	}
	*a = *listener_address(e->listener);
	set_rules(e, a);
	return e;
}

void entrance_destroy(struct entrance *e)
{
	if (!e)
		return;
	listener_destroy(e->listener);
	for (int i = 0; i < ROWS; i++) {
		while (e->rows[i]) {
			http_conn_destroy(e->rows[i]->conn);
			drop(e->rows[i]);
		}
	}
	tls_context_unref(e->tls);
	free(e);
}

void entrance_set_tls(struct entrance *e, struct tls_context *tls)
{
	struct tls_context *old = e->tls;
	e->tls = tls_context_ref(tls);
	tls_context_unref(old);
}

void entrance_drain(struct entrance *e)
{
	listener_destroy(e->listener);
	e->listener = NULL;
	for (int i = 0; i < ROWS; i++)
		for (struct guest *g = e->rows[i]; g; g = g->next)
			http_conn_drain(g->conn);
}

int entrance_count(const struct entrance *e)
{
	return e->count;
}
