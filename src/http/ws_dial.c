#include "http/ws_dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/utf8.h"
#include "crypto/secret.h"
#include "crypto/text.h"
#include "http/chunked.h"
#include "http/proxy.h"
#include "http/ws_hello.h"
#include "net/dial.h"

enum {
	TIMEOUT_MS = 30 * 1000,
	REQUEST_MAX = HTTP_HEAD_MAX,
	IN_MAX = HTTP_HEAD_MAX + STREAM_READ_MAX, /* a head or less, and one read */
	BODY_MAX = 4 * 1024,
	PROTOCOL_MAX = 128,
	ERROR_MAX = 768,
};

struct ws_dial {
	struct loop *loop;
	ws_dial_fn *on_done;
	void *ctx;
	struct dial *dial; /* until there is a stream */
	struct stream *stream;
	struct loop_timer *timer;
	unsigned timeout_ms;
	char where[URL_HOST_MAX + 8];
	char key[UPGRADE_KEY_TEXT];
	char offered[PROTOCOL_MAX], chosen[PROTOCOL_MAX];
	struct buf request, in;
	/* Of a refusal. */
	int status;
	char reason[64];
	bool chunked;
	struct chunked coding;
	long long left; /* -1: to the end of the connection */
	struct buf body;
	bool calling; /* on_done, which may cancel us */
	char error[ERROR_MAX];
};

static void destroy(struct ws_dial *d)
{
	dial_cancel(d->dial);
	stream_close(d->stream, false);
	loop_timer_destroy(d->timer);
	if (d->request.data)
		secret_wipe(d->request.data, d->request.cap);
	buf_fini(&d->request);
	buf_fini(&d->in);
	buf_fini(&d->body);
	free(d);
}

static void finish(struct ws_dial *d, const struct ws_dial_answer *a)
{
	loop_timer_stop(d->timer);
	if (!a->stream) {
		stream_close(d->stream, false);
		d->stream = NULL;
	}
	d->calling = true;
	d->on_done(d->ctx, a);
	destroy(d);
}

static void fail(struct ws_dial *d, const char *what)
{
	snprintf(d->error, sizeof(d->error), "%s: %s", d->where, what);
	struct ws_dial_answer a = { .body = "", .protocol = "", .error = d->error };
	finish(d, &a);
}

/* A log, a terminal or a page may show it. */
static void make_printable(char *text, size_t n)
{
	bool utf8 = utf8_valid(text, n);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < ' ' || c == 0x7f)
			text[i] = ' ';
		else if (c > 0x7f && !utf8)
			text[i] = '?';
	}
}

static void refuse(struct ws_dial *d)
{
	static const uint8_t end;
	const char *body = "";
	make_printable((char *)d->body.data, d->body.len);
	while (d->body.len > 0 && d->body.data[d->body.len - 1] == ' ')
		buf_truncate(&d->body, d->body.len - 1);
	d->body.max = BODY_MAX + 1;
	buf_put(&d->body, &end, 1);
	if (!buf_ok(&d->body))
		body = (const char *)d->body.data;
	snprintf(d->error, sizeof(d->error), "%s has refused the WebSocket (%d%s%s): %s", d->where,
		d->status, *d->reason ? " " : "", d->reason, ws_hello_advice(d->status));
	struct ws_dial_answer a = {
		.status = d->status, .body = body, .protocol = "", .error = d->error
	};
	finish(d, &a);
}

/* What a refusal says, as far as it fits. True: there is no more to wait for. */
static bool take_body(struct ws_dial *d)
{
	struct rd in = rd_of(d->in.data, d->in.len);
	bool end = true;
	if (d->chunked) {
		end = chunked_take(&d->coding, &in, &d->body) != ERR_AGAIN;
	} else {
		size_t room = BODY_MAX - d->body.len, n = in.left;
		if (d->left >= 0 && (long long)n > d->left)
			n = (size_t)d->left;
		d->left -= d->left >= 0 ? (long long)n : 0;
		end = d->left == 0 || n >= room;
		n = n < room ? n : room;
		buf_put(&d->body, rd_bytes(&in, n), n);
	}
	buf_reset(&d->in);
	return end || buf_ok(&d->body);
}

static void begin_refusal(struct ws_dial *d, const struct answer_head *h)
{
	d->status = h->status;
	d->chunked = h->chunked;
	d->left = h->content_length;
	if (h->status == 204 || h->status == 304)
		d->left = 0;
	snprintf(d->reason, sizeof(d->reason), "%.*s",
		(int)utf8_cut(h->reason.p, h->reason.n, sizeof(d->reason) - 1), h->reason.p);
	make_printable(d->reason, strlen(d->reason));
}

static void accept(struct ws_dial *d, const struct answer_head *h, struct rd early)
{
	struct http_text protocol;
	char text[200];
	const char *wrong = ws_hello_check(h, d->key, *d->offered ? d->offered : NULL, &protocol);
	if (wrong) {
		snprintf(text, sizeof(text), "this is no WebSocket server: %s", wrong);
		fail(d, text);
		return;
	}
	snprintf(d->chosen, sizeof(d->chosen), "%.*s", (int)protocol.n, protocol.p);
	struct ws_dial_answer a = {
		.stream = d->stream,
		.early = early.p,
		.n_early = early.left,
		.protocol = d->chosen,
		.status = 101,
		.body = "",
		.error = "",
	};
	stream_want_read(d->stream, false);
	d->stream = NULL;
	finish(d, &a);
}

/* The answer's head, without those before the real one (RFC 9110 section 15.2). */
static int take_head(struct ws_dial *d, struct answer_head *h, struct rd *in)
{
	int err;
	do {
		buf_consume(&d->in, d->in.len - in->left);
		*in = rd_of(d->in.data, d->in.len);
		err = answer_head_parse(in, h);
	} while (!err && h->status < 200 && h->status != 101);
	return err;
}

static void take_answer(struct ws_dial *d)
{
	struct answer_head h;
	struct rd in = rd_of(d->in.data, d->in.len);
	int err = take_head(d, &h, &in);
	if (err == ERR_AGAIN)
		return;
	if (err) {
		fail(d, "that is no HTTP; check host and port");
		return;
	}
	if (h.status == 101) {
		accept(d, &h, in);
		return;
	}
	begin_refusal(d, &h);
	buf_consume(&d->in, d->in.len - in.left);
	if (take_body(d))
		refuse(d);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct ws_dial *d = ctx;
	buf_put(&d->in, data, n);
	if (buf_ok(&d->in))
		fail(d, err_str(buf_ok(&d->in)));
	else if (d->status == 0)
		take_answer(d);
	else if (take_body(d))
		refuse(d);
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	struct ws_dial *d = ctx;
	const char *why = tls_stream_error(d->stream);
	(void)err;
	if (d->status)
		refuse(d);
	else
		fail(d, why ? why : "it has hung up without an answer; check host and port");
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void on_dialled(void *ctx, struct stream *s, const char *why)
{
	struct ws_dial *d = ctx;
	d->dial = NULL;
	if (!s) {
		struct ws_dial_answer a = { .body = "", .protocol = "", .error = why };
		finish(d, &a);
		return;
	}
	d->stream = s;
	stream_set_events(s, &events, d);
	if (stream_send(s, d->request.data, d->request.len)) {
		fail(d, "it has hung up at once; try again");
		return;
	}
	stream_want_read(s, true);
}

static void too_slow(void *ctx)
{
	struct ws_dial *d = ctx;
	char text[100];
	if (d->status) { /* what it has said is enough */
		refuse(d);
		return;
	}
	snprintf(text, sizeof(text), "no answer in %u s; is that a WebSocket server?",
		(d->timeout_ms + 999) / 1000);
	fail(d, text);
}

static bool start_dial(
	struct ws_dial *d, const struct ws_dial_config *config, const struct url *url)
{
	struct proxy proxy = { 0 };
	int err = OK;
	struct dial_config out = {
		.host = url->host,
		.port = url->port,
		.tls = url->tls ? config->tls : NULL,
		.timeout_ms = d->timeout_ms,
		.queue_max = config->queue_max,
	};
	if (url->tls && config->https_proxy && *config->https_proxy) {
		err = proxy_parse(config->https_proxy, &proxy);
		out.proxy_host = proxy.host;
		out.proxy_port = proxy.port;
		out.proxy_login = *proxy.login ? proxy.login : NULL;
	}
	if (!err)
		d->dial = dial_start(d->loop, &out, on_dialled, d);
	secret_wipe(&proxy, sizeof(proxy));
	return d->dial != NULL;
}

static bool prepare(struct ws_dial *d, const struct ws_dial_config *config, const struct url *url)
{
	uint8_t key[16];
	const char *protocol = config->protocol ? config->protocol : "";
	if (random_bytes(key, sizeof(key)) || strlen(protocol) >= sizeof(d->offered))
		return false;
	text_put_base64(key, sizeof(key), d->key);
	snprintf(d->offered, sizeof(d->offered), "%s", protocol);
	snprintf(d->where, sizeof(d->where), "%s:%d", url->host, url->port);
	/* At once, or a copy of its secrets stays behind wherever it has grown. */
	return buf_room(&d->request, REQUEST_MAX) &&
	       ws_hello_put(&d->request, config, url, d->key) && !buf_ok(&d->request);
}

struct ws_dial *ws_dial_start(
	struct loop *l, const struct ws_dial_config *config, ws_dial_fn *on_done, void *ctx)
{
	struct url url;
	if (url_parse(config->url, "ws", &url) || (url.tls && !config->tls))
		return NULL;
	struct ws_dial *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->loop = l;
	d->on_done = on_done;
	d->ctx = ctx;
	d->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
	buf_init(&d->request, REQUEST_MAX);
	buf_init(&d->in, IN_MAX);
	buf_init(&d->body, BODY_MAX);
	d->timer = loop_timer_create(l, too_slow, d);
	if (!d->timer || !prepare(d, config, &url) || !start_dial(d, config, &url)) {
		destroy(d);
		return NULL;
	}
	loop_timer_start(d->timer, d->timeout_ms);
	return d;
}

void ws_dial_cancel(struct ws_dial *d)
{
	if (d && !d->calling)
		destroy(d);
}
