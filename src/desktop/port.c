#include "desktop/port.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "http/server.h"
#include "net/listener.h"
#include "net/socket_stream.h"
#include "net/ws_stream.h"

enum {
	SILENCE_MS = 150,   /* a browser speaks at once, a viewer waits for the greeting */
	VISITORS_MAX = 256, /* connections of which it is not known yet what they are */
	/* A viewer's own ceiling is lower (desktop_private.h); this is the largest
	 * frame there may be and some. */
	QUEUE_MAX = 320 * 1024 * 1024,
};

static const char refusal_other_user[] =
	"Other users of this machine are not let in without a password.";

struct visitor {
	struct visitor *next, *prev;
	struct port *port;
	struct stream *stream;      /* owned until it is known whose it is */
	struct loop_timer *silence; /* owned */
	struct http_conn *http;     /* owned */
	struct http_config http_config;
	char label[ADDRESS_TEXT_MAX];
};

struct port {
	struct loop *loop;
	struct port_config config;
	struct origin_rules rules;
	char listen[ADDRESS_TEXT_MAX]; /* the host part */
	struct listener *listener;
	struct visitor *visitors;
	int n_visitors;
};

static void visitor_destroy(struct visitor *v)
{
	struct port *p = v->port;
	if (v->prev)
		v->prev->next = v->next;
	else
		p->visitors = v->next;
	if (v->next)
		v->next->prev = v->prev;
	p->n_visitors--;
	loop_timer_destroy(v->silence);
	http_conn_destroy(v->http);
	stream_close(v->stream, false);
	free(v);
}

static void add_viewer(
	struct visitor *v, struct stream *s, const char *refusal, const uint8_t *early, size_t n)
{
	struct port *p = v->port;
	struct desktop_viewer_config config = {
		.label = v->label,
		.security = p->config.security,
		.refusal = refusal,
	};
	if (desktop_add_viewer(p->config.desktop, &config, s, early, n, NULL)) {
		log_warn(p->config.log, "port: no memory for a viewer from %s", v->label);
		stream_close(s, false);
	}
}

/* A native viewer. Security None is for our own user only: loopback is shared
 * with everybody who has an account here. */
static void welcome_rfb(struct visitor *v, const uint8_t *early, size_t n)
{
	const struct port_config *c = &v->port->config;
	/* Looking it up costs time with every connection of the machine. */
	bool refuse = c->security == RFB_SECURITY_NONE && !c->any_peer &&
		      !peer_is_ours(c->peers, stream_fd(v->stream));
	struct stream *s = v->stream;
	v->stream = NULL;
	add_viewer(v, s, refuse ? refusal_other_user : NULL, early, n);
	visitor_destroy(v);
}

/* The next token of a comma-separated list; false at its end. */
static bool next_token(struct http_text *list, struct http_text *token)
{
	while (list->n > 0 && (*list->p == ',' || *list->p == ' ' || *list->p == '\t'))
		list->p++, list->n--;
	*token = (struct http_text){ list->p, 0 };
	while (list->n > 0 && *list->p != ',' && *list->p != ' ' && *list->p != '\t')
		list->p++, list->n--, token->n++;
	return token->n > 0;
}

static bool presents_secret(struct http_text protocols, const char *secret)
{
	static const char prefix[] = "porthole.secret.";
	const size_t n = sizeof(prefix) - 1;
	struct http_text t;
	while (next_token(&protocols, &t))
		if (t.n > n && !memcmp(t.p, prefix, n) &&
			secret_equal(t.p + n, t.n - n, secret, strlen(secret)))
			return true;
	return false;
}

static void add_websocket(struct visitor *v, struct http_exchange *x, const char *protocol)
{
	const struct ws_config config = { .role = WS_SERVER };
	struct buf early;
	struct stream *below = http_upgrade(x, protocol, &early);
	struct stream *ws = NULL;
	if (below)
		ws = ws_stream_create(v->port->loop, below, &config, early.data, early.len);
	if (ws)
		add_viewer(v, ws, NULL, NULL, 0);
	else
		stream_close(below, false);
	buf_fini(&early);
}

static void on_upgrade(struct visitor *v, struct http_exchange *x)
{
	const struct http_request *r = http_exchange_head(x);
	const struct http_text *field = http_request_field(r, "Sec-WebSocket-Protocol");
	struct http_text protocols = field ? *field : (struct http_text){ "", 0 };
	const char *secret = v->port->config.secret;
	struct response refusal = response_for_error(404);
	if (!http_text_is(r->path, "/websockify")) {
		http_answer(x, &refusal);
		return;
	}
	if (secret && !presents_secret(protocols, secret)) {
		log_warn(v->port->config.log,
			"port: a WebSocket from %s came without the secret: refused", v->label);
		refusal = response_for_error(403);
		http_answer(x, &refusal);
		return;
	}
	add_websocket(v, x, http_text_has_token(protocols, "binary") ? "binary" : "");
}

static void on_request(void *ctx, struct http_exchange *x)
{
	struct visitor *v = ctx;
	if (http_exchange_is_upgrade(x))
		on_upgrade(v, x);
	else
		http_answer_file(x, v->port->config.assets);
}

static void on_done(void *ctx, struct http_conn *c)
{
	struct visitor *v = ctx;
	(void)c;
	v->http = NULL;
	visitor_destroy(v);
}

static void welcome_http(struct visitor *v, const uint8_t *early, size_t n)
{
	struct port *p = v->port;
	loop_timer_stop(v->silence);
	v->http_config = (struct http_config){
		.log = p->config.log,
		.origin = &p->rules,
		.on_request = on_request,
		.on_done = on_done,
		.ctx = v,
		.peer = v->label,
	};
	v->http = http_conn_create(p->loop, &v->http_config, v->stream, early, n);
	if (!v->http) {
		visitor_destroy(v);
		return;
	}
	v->stream = NULL;
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct visitor *v = ctx;
	enum { TLS_HANDSHAKE = 0x16 };
	if (data[0] == TLS_HANDSHAKE)
		visitor_destroy(v);
	else if (data[0] == 'R' && (n < 2 || data[1] == 'F'))
		welcome_rfb(v, data, n);
	else
		welcome_http(v, data, n);
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	(void)err;
	visitor_destroy(ctx);
}

static const struct stream_events visitor_events = { on_data, on_drain, on_end };

static void on_silence(void *ctx)
{
	welcome_rfb(ctx, NULL, 0);
}

static struct visitor *visitor_create(struct port *p, int fd, const struct address *peer)
{
	struct visitor *v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->port = p;
	v->next = p->visitors;
	if (v->next)
		v->next->prev = v;
	p->visitors = v;
	p->n_visitors++;
	address_text(peer, v->label);
	v->silence = loop_timer_create(p->loop, on_silence, v);
	v->stream = v->silence ? socket_stream_create(p->loop, fd, QUEUE_MAX) : NULL;
	if (!v->stream) {
		visitor_destroy(v);
		return NULL;
	}
	stream_set_events(v->stream, &visitor_events, v);
	return v;
}

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	struct port *p = ctx;
	struct visitor *v = p->n_visitors < VISITORS_MAX ? visitor_create(p, fd, peer) : NULL;
	if (!v) {
		close(fd);
		return;
	}
	if (!p->config.assets) {
		welcome_rfb(v, NULL, 0);
		return;
	}
	loop_timer_start(v->silence, SILENCE_MS);
	stream_want_read(v->stream, true);
}

struct port *port_create(struct loop *l, const struct port_config *config, const struct address *a)
{
	struct port *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->loop = l;
	p->config = *config;
	p->listener = listener_create(l, config->log, a, on_accept, p);
	if (!p->listener) {
		free(p);
		return NULL;
	}
	const struct address *at = listener_address(p->listener);
	address_text(at, p->listen);
	if (strrchr(p->listen, ':'))
		*strrchr(p->listen, ':') = '\0'; /* the port */
	p->rules = (struct origin_rules){
		.listen = address_is_unix(at) ? NULL : p->listen,
		.listen_any = address_is_any(at),
		.port = address_port(at),
		.hosts = config->hosts,
		.origins = config->origins,
	};
	return p;
}

void port_destroy(struct port *p)
{
	if (!p)
		return;
	listener_destroy(p->listener);
	while (p->visitors)
		visitor_destroy(p->visitors);
	free(p);
}

const struct address *port_address(const struct port *p)
{
	return listener_address(p->listener);
}
