#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_private.h"

/* A server's connection in TLS 1.3, once OpenSSL has shaken hands: see tls_direct.h. */

void tls_wire_forget_secrets(struct tls_wire *w)
{
	if (w->secrets)
		OPENSSL_cleanse(w->secrets, sizeof(*w->secrets));
	free(w->secrets);
	w->secrets = NULL;
}

/* "NAME_OF_THE_SECRET client's-random secret", the latter two in hex. */
void tls_wire_on_secret(const SSL *ssl, const char *line)
{
	static const char theirs[] = "CLIENT_TRAFFIC_SECRET_0 ",
			  ours[] = "SERVER_TRAFFIC_SECRET_0 ";
	struct tls_wire *w = SSL_get_app_data(ssl);
	bool is_ours = strncmp(line, ours, sizeof(ours) - 1) == 0;
	const char *hex = strrchr(line, ' ');
	if (!hex || (!is_ours && strncmp(line, theirs, sizeof(theirs) - 1) != 0))
		return;
	if (!w->secrets)
		w->secrets = calloc(1, sizeof(*w->secrets));
	if (!w->secrets)
		return;
	struct tls_secrets *s = w->secrets;
	if (!OPENSSL_hexstr2buf_ex(is_ours ? s->ours : s->theirs, TLS_DIRECT_SECRET_MAX,
		    is_ours ? &s->n_ours : &s->n_theirs, hex + 1, '\0'))
		s->n_ours = s->n_theirs = 0;
}

/* The client may have asked for records smaller than the usual, RFC 6066 section 4. */
static bool has_usual_records(const SSL *ssl)
{
	const SSL_SESSION *session = SSL_get0_session(ssl);
	return session &&
	       SSL_SESSION_get_max_fragment_length(session) == TLSEXT_max_fragment_length_DISABLED;
}

void tls_wire_take_over(struct tls_wire *w)
{
	const struct tls_secrets *s = w->secrets;
	const SSL_CIPHER *cipher = SSL_get_current_cipher(w->ssl);
	bool able = s && cipher && SSL_version(w->ssl) == TLS1_3_VERSION && s->n_ours > 0 &&
		    s->n_ours == s->n_theirs && has_usual_records(w->ssl) &&
		    !SSL_has_pending(w->ssl);
	if (able)
		w->direct = tls_direct_create(
			SSL_CIPHER_get_protocol_id(cipher), s->theirs, s->ours, s->n_ours);
	tls_wire_forget_secrets(w);
	if (!w->direct)
		return;
	SSL_free(w->ssl);
	w->ssl = NULL;
}

void tls_wire_alert_direct(struct tls_wire *w, enum tls_alert alert)
{
	uint8_t record[TLS_DIRECT_ALERT_MAX];
	int n = tls_direct_seal_alert(w->direct, alert, record);
	if (n > 0)
		tls_wire_send_below(w, record, (size_t)n);
}

static void end_direct(struct tls_wire *w, int err)
{
	char text[TLS_ERROR_MAX];
	enum tls_alert alert = TLS_CLOSE_NOTIFY;
	const char *why = tls_direct_why(w->direct, &alert);
	w->over = true;
	if (err == ERR_IO && tls_direct_closed(w->direct))
		return;
	w->broken = true;
	w->over_err = err == ERR_AGAIN ? ERR_IO : err == ERR_IO ? ERR_PROTO : err;
	if (err == ERR_AGAIN && w->eof_err)
		w->over_err = w->eof_err;
	if (alert != TLS_CLOSE_NOTIFY)
		tls_wire_alert_direct(w, alert);
	ERR_clear_error();
	if (err == ERR_AGAIN)
		tls_explain(w, text);
	else
		snprintf(text, sizeof(text), "TLS with the peer failed: %s", why);
	tls_wire_keep_error(w, text);
}

size_t tls_wire_open_direct(struct tls_wire *w, uint8_t *plain, size_t cap)
{
	struct rd in = rd_of(w->in, w->in_len);
	size_t n = 0;
	if (w->over || w->broken)
		return 0;
	int err = tls_direct_open(w->direct, &in, plain, cap, &n);
	w->in = in.p;
	w->in_len = in.left;
	if (err && (err != ERR_AGAIN || w->eof))
		end_direct(w, err);
	return n;
}

void tls_wire_seal_direct(struct tls_wire *w, const struct iovec *parts, size_t n)
{
	/* What one read of a stream gives, and a WebSocket's heads. */
	uint8_t sealed[STREAM_READ_MAX + 4 * TLS_DIRECT_COST];
	struct tls_cursor c = { .parts = parts, .n = n };
	size_t len = 0;
	int size = 1;
	while (size > 0 && !w->unsent && !w->broken) {
		if (sizeof(sealed) - len < TLS_DIRECT_PLAIN_MAX + TLS_DIRECT_COST) {
			tls_wire_send_below(w, sealed, len);
			len = 0;
		}
		size = tls_direct_seal(w->direct, &c, sealed + len);
		len += size > 0 ? (size_t)size : 0;
	}
	if (size < 0)
		w->broken = true;
	tls_wire_send_below(w, sealed, len);
}
