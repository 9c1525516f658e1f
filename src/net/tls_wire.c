#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_private.h"

enum {
	RECORD_MAX = TLS_DIRECT_PLAIN_MAX, /* of plain text, RFC 8446 section 5.1 */
	RECORD_COST = TLS_DIRECT_COST,     /* in the suites of TLS 1.2, too */
	/* What one read of a stream gives, and a WebSocket's heads. */
	GATHER_MAX = STREAM_READ_MAX + 4 * RECORD_COST,
};

/* Sealed records on their way to the stream below: what one call makes leaves
 * in few writes. On the caller's stack, so that an idle connection has none. */
struct tls_gather {
	size_t len;
	uint8_t data[GATHER_MAX];
};

static int bio_read(BIO *bio, char *out, int n)
{
	struct tls_wire *w = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (w->in_len == 0 && w->eof)
		return 0;
	if (w->in_len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t len = (size_t)n < w->in_len ? (size_t)n : w->in_len;
	memcpy(out, w->in, len);
	w->in += len;
	w->in_len -= len;
	return (int)len;
}

/* A failure stays: OpenSSL may go on writing. */
void tls_wire_send_below(struct tls_wire *w, const void *data, size_t n)
{
	int err = w->unsent || n == 0 ? OK : stream_send(w->below, data, n);
	if (err)
		w->unsent = true;
	/* Below tells its end itself, unless it only had no room. */
	if (err == ERR_LIMIT)
		w->broken = true;
}

static void gather_flush(struct tls_wire *w, struct tls_gather *g)
{
	tls_wire_send_below(w, g->data, g->len);
	g->len = 0;
}

/* Never short: below takes it, or is gone. */
static int bio_write(BIO *bio, const char *data, int n)
{
	struct tls_wire *w = BIO_get_data(bio);
	struct tls_gather *g = w->gather;
	size_t len = (size_t)n;
	BIO_clear_retry_flags(bio);
	if (g && len > sizeof(g->data) - g->len)
		gather_flush(w, g);
	if (g && len <= sizeof(g->data)) {
		memcpy(g->data + g->len, data, len);
		g->len += len;
	} else {
		tls_wire_send_below(w, data, len);
	}
	return w->unsent ? -1 : n;
}

static long bio_control(BIO *bio, int what, long n, void *p)
{
	(void)n;
	(void)p;
	const struct tls_wire *w = BIO_get_data(bio);
	if (what == BIO_CTRL_EOF)
		return w->in_len == 0 && w->eof;
	return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
	if (m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
		BIO_meth_set_ctrl(m, bio_control))
		return m;
	BIO_meth_free(m);
	return NULL;
}

bool tls_wire_init(struct tls_wire *w, struct tls_context *ctx)
{
	ERR_clear_error();
	w->ssl = SSL_new(ctx->ssl);
	BIO *bio = w->ssl ? BIO_new(ctx->bio) : NULL;
	if (!bio)
		return false;
	BIO_set_data(bio, w);
	BIO_set_init(bio, 1);
	SSL_set_bio(w->ssl, bio, bio);
	SSL_set_accept_state(w->ssl);
	return SSL_set_app_data(w->ssl, w);
}

void tls_wire_fini(struct tls_wire *w)
{
	SSL_free(w->ssl);
	tls_direct_destroy(w->direct);
	tls_wire_forget_secrets(w);
	free(w->host);
	free(w->error);
	ERR_clear_error();
}

static char *copy_text(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = malloc(n);
	if (copy)
		memcpy(copy, text, n);
	return copy;
}

bool tls_wire_set_host(struct tls_wire *w, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(w->ssl);
	SSL_set_connect_state(w->ssl);
	w->host = copy_text(host);
	/* To OpenSSL an empty name means that any will do. */
	if (!w->host || !*host)
		return false;
	if (X509_VERIFY_PARAM_set1_ip_asc(param, host))
		return true;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, 0) &&
	       SSL_set_tlsext_host_name(w->ssl, host);
}

void tls_wire_keep_error(struct tls_wire *w, const char *text)
{
	if (!w->error)
		w->error = copy_text(text);
}

/* After a call that returned `result` <= 0. ERR_AGAIN: it only wants more bytes. */
static int judge(struct tls_wire *w, int result)
{
	char text[TLS_ERROR_MAX];
	int status = SSL_get_error(w->ssl, result);
	int reason = ERR_GET_REASON(ERR_peek_error());
	if (status == SSL_ERROR_WANT_READ)
		return ERR_AGAIN;
	w->over = true;
	if (status == SSL_ERROR_ZERO_RETURN)
		return OK;
	w->broken = true;
	if (w->eof && w->in_len == 0)
		w->over_err = w->eof_err ? w->eof_err : ERR_IO;
	else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		w->over_err = ERR_AUTH;
	else if (reason == ERR_R_MALLOC_FAILURE)
		w->over_err = ERR_NOMEM;
	else
		w->over_err = ERR_PROTO;
	tls_explain(w, text);
	tls_wire_keep_error(w, text);
	return w->over_err;
}

int tls_wire_shake(struct tls_wire *w)
{
	struct tls_gather g;
	g.len = 0;
	w->gather = &g;
	ERR_clear_error();
	int result = SSL_do_handshake(w->ssl);
	w->shaken = result > 0;
	int err = result > 0 ? OK : judge(w, result);
	w->gather = NULL;
	gather_flush(w, &g);
	if (!err)
		tls_wire_take_over(w);
	return err;
}

bool tls_wire_has_plain(const struct tls_wire *w)
{
	return w->ssl && SSL_pending(w->ssl) > 0;
}

size_t tls_wire_open(struct tls_wire *w, uint8_t *plain, size_t cap)
{
	size_t n = 0;
	if (w->direct)
		return tls_wire_open_direct(w, plain, cap);
	while (n < cap && !w->over && !w->broken) {
		ERR_clear_error();
		int got = SSL_read(w->ssl, plain + n, (int)(cap - n));
		if (got > 0)
			n += (size_t)got;
		else if (judge(w, got) == ERR_AGAIN)
			break;
	}
	return n;
}

/* The next record's bytes: a run of the caller's own where they fill one, or are
 * the last; else copied together. */
static const uint8_t *next_record(struct tls_cursor *c, uint8_t *scratch, size_t *len)
{
	*len = 0;
	while (c->n > 0 && *len < RECORD_MAX) {
		const uint8_t *from = (const uint8_t *)c->parts->iov_base + c->at;
		size_t left = c->parts->iov_len - c->at, room = RECORD_MAX - *len;
		size_t run = left < room ? left : room;
		bool whole = *len == 0 && run > 0 && (run == RECORD_MAX || c->n == 1);
		if (!whole && run > 0)
			memcpy(scratch + *len, from, run);
		*len += run;
		c->at += run;
		if (c->at == c->parts->iov_len) {
			c->parts++;
			c->n--;
			c->at = 0;
		}
		if (whole)
			return from;
	}
	return scratch;
}

static void seal_by_openssl(struct tls_wire *w, const struct iovec *parts, size_t n)
{
	uint8_t scratch[RECORD_MAX];
	struct tls_gather g;
	struct tls_cursor c = { .parts = parts, .n = n };
	size_t len;
	const uint8_t *record = next_record(&c, scratch, &len);
	g.len = 0;
	w->gather = &g;
	while (len > 0 && !w->unsent && !w->broken) {
		ERR_clear_error();
		/* The connection cannot go on after half a record. */
		if (SSL_write(w->ssl, record, (int)len) <= 0 && !w->unsent)
			w->broken = true;
		record = next_record(&c, scratch, &len);
	}
	w->gather = NULL;
	gather_flush(w, &g);
}

int tls_wire_seal(struct tls_wire *w, const struct iovec *parts, size_t n)
{
	if (w->direct)
		tls_wire_seal_direct(w, parts, n);
	else
		seal_by_openssl(w, parts, n);
	return w->unsent || w->broken ? ERR_IO : OK;
}

size_t tls_wire_room(size_t room)
{
	size_t cost = (room / RECORD_MAX + 1) * RECORD_COST;
	return room > cost ? room - cost : 0;
}

void tls_wire_good_bye(struct tls_wire *w)
{
	if (!w->shaken || w->broken || w->unsent)
		return;
	if (w->direct) {
		tls_wire_alert_direct(w, TLS_CLOSE_NOTIFY);
		return;
	}
	ERR_clear_error();
	SSL_shutdown(w->ssl);
	ERR_clear_error();
}
