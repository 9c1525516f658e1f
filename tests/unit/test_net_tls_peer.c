/* A TLS 1.3 server after its handshake, whose client is OpenSSL in this process or records
 * made by hand; and whether OpenSSL's own server answers those the same. */
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "certs.h"
#include "net/socket_stream.h"
#include "net/tls.h"
#include "net/tls_keys.h"

enum {
	ALERT = 21,
	HANDSHAKE = 22,
	DATA = 23,
	HEAD = 5,
	AES_128 = 0x1301,
	N_SECRET = 32,
	WIRE_MAX = 64 * 1024,
	NO_ALERT = -1,
};

/* A server: ours where `ssl` is NULL. */
struct server {
	SSL *ssl;
	BIO *in, *out; /* of ssl */
	struct stream *s;
	int fd; /* the client's end */
	struct buf got;
	int ends, err;
};

struct fixture {
	struct loop *loop;
	struct loop_task nothing; /* keeps a turn from sleeping */
	char directory[64];
	struct cert cert;
	struct tls_context *ours;
	SSL_CTX *openssl, *client;
	uint8_t secrets[2][N_SECRET]; /* the client's, the server's */
};

struct client {
	SSL *ssl;
	BIO *in, *out;
};

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static void on_secret(const SSL *ssl, const char *line)
{
	static const char *const names[] = { "CLIENT_TRAFFIC_SECRET_0 ",
		"SERVER_TRAFFIC_SECRET_0 " };
	struct fixture *f = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	for (int i = 0; i < 2; i++) {
		size_t n;
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			assert_int_equal(OPENSSL_hexstr2buf_ex(f->secrets[i], N_SECRET, &n,
						 strrchr(line, ' ') + 1, '\0'),
				1);
	}
}

static int set_up(void **state)
{
	static struct fixture f;
	char error[TLS_ERROR_MAX];
	f = (struct fixture){ .loop = loop_create(), .nothing.run = do_nothing };
	certs_directory(f.directory);
	f.cert = certs_make(f.directory, "peer", &(struct cert_spec){ .san = "DNS:example.test" });
	f.ours = tls_context_server(f.cert.cert_path, f.cert.key_path, error, sizeof(error));
	assert_non_null(f.ours);
	f.openssl = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_num_tickets(f.openssl, 0);
	assert_int_equal(
		SSL_CTX_use_certificate_file(f.openssl, f.cert.cert_path, SSL_FILETYPE_PEM), 1);
	assert_int_equal(
		SSL_CTX_use_PrivateKey_file(f.openssl, f.cert.key_path, SSL_FILETYPE_PEM), 1);
	f.client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_app_data(f.client, &f);
	SSL_CTX_set_keylog_callback(f.client, on_secret);
	assert_int_equal(SSL_CTX_set_ciphersuites(f.client, "TLS_AES_128_GCM_SHA256"), 1);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	tls_context_unref(f->ours);
	SSL_CTX_free(f->openssl);
	SSL_CTX_free(f->client);
	certs_free(&f->cert);
	rmdir(f->directory);
	loop_destroy(f->loop);
	return 0;
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct server *s = ctx;
	buf_put(&s->got, data, n);
}

static void on_end(void *ctx, int err)
{
	struct server *s = ctx;
	s->ends++;
	s->err = err;
}

static const struct stream_events events = { on_data, do_nothing, on_end };

static SSL *ssl_of(SSL_CTX *ctx, BIO **in, BIO **out)
{
	SSL *ssl = SSL_new(ctx);
	assert_non_null(ssl);
	*in = BIO_new(BIO_s_mem());
	*out = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, *in, *out);
	return ssl;
}

static void server_open(struct fixture *f, struct server *s, bool ours)
{
	int fds[2];
	*s = (struct server){ .fd = -1 };
	buf_init(&s->got, WIRE_MAX);
	if (!ours) {
		s->ssl = ssl_of(f->openssl, &s->in, &s->out);
		SSL_set_accept_state(s->ssl);
		return;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	s->fd = fds[1];
	struct stream *below = socket_stream_create(f->loop, fds[0], 1024 * 1024);
	assert_non_null(below);
	s->s = tls_stream_server(f->loop, f->ours, below, NULL, 0);
	assert_non_null(s->s);
	stream_set_events(s->s, &events, s);
	stream_want_read(s->s, true);
}

static void server_close(struct server *s)
{
	SSL_free(s->ssl);
	stream_close(s->s, false);
	if (s->fd >= 0)
		close(s->fd);
	buf_fini(&s->got);
}

/* More than it takes for what a socket has already. */
static void turn(struct fixture *f)
{
	for (int i = 0; i < 6; i++) {
		loop_task_queue(f->loop, &f->nothing);
		loop_turn(f->loop);
	}
}

static void server_takes(struct fixture *f, struct server *s, const uint8_t *data, size_t n)
{
	uint8_t plain[1024];
	if (!s->ssl) {
		if (n > 0)
			assert_int_equal(send(s->fd, data, n, MSG_NOSIGNAL), n);
		turn(f);
		return;
	}
	assert_int_equal(BIO_write(s->in, data, (int)n), n);
	if (!SSL_is_init_finished(s->ssl))
		SSL_do_handshake(s->ssl);
	for (int got = 1; got > 0 && SSL_is_init_finished(s->ssl);) {
		got = SSL_read(s->ssl, plain, sizeof(plain));
		if (got > 0)
			buf_put(&s->got, plain, (size_t)got);
	}
}

static size_t server_says(struct server *s, uint8_t *out, size_t cap)
{
	ssize_t n = s->ssl ? BIO_read(s->out, out, (int)cap) : recv(s->fd, out, cap, MSG_DONTWAIT);
	return n > 0 ? (size_t)n : 0;
}

static void client_takes_all(struct client *c, struct server *s)
{
	static uint8_t wire[WIRE_MAX];
	size_t n;
	while ((n = server_says(s, wire, sizeof(wire))) > 0)
		assert_int_equal(BIO_write(c->in, wire, (int)n), n);
}

/* Until the client is done; what ends its handshake was not sent. */
static struct client client_shakes(struct fixture *f, struct server *s, int max_fragment)
{
	struct client c;
	uint8_t wire[WIRE_MAX];
	c.ssl = ssl_of(f->client, &c.in, &c.out);
	SSL_set_connect_state(c.ssl);
	assert_int_equal(SSL_set_tlsext_max_fragment_length(c.ssl, (uint8_t)max_fragment), 1);
	assert_int_equal(SSL_do_handshake(c.ssl), -1);
	int n = BIO_read(c.out, wire, sizeof(wire));
	assert_true(n > 0);
	server_takes(f, s, wire, (size_t)n);
	client_takes_all(&c, s);
	assert_int_equal(SSL_do_handshake(c.ssl), 1);
	return c;
}

/* The end of the handshake, data, new keys, data and the end come in every two pieces;
 * between those the stream may move. */
static void the_end_of_the_handshake_is_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	size_t len = 1;
	for (size_t cut = 0; cut <= len; cut++) {
		uint8_t wire[WIRE_MAX], byte;
		struct server s;
		server_open(f, &s, true);
		struct client c = client_shakes(f, &s, TLSEXT_max_fragment_length_DISABLED);
		assert_int_equal(SSL_write(c.ssl, "hello", 5), 5);
		assert_int_equal(SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_write(c.ssl, "again", 5), 5);
		SSL_shutdown(c.ssl);
		len = (size_t)BIO_read(c.out, wire, sizeof(wire));
		server_takes(f, &s, wire, cut);
		if (cut % 2) {
			assert_int_equal(stream_detach(s.s), OK);
			assert_int_equal(stream_attach(s.s, f->loop), OK);
		}
		server_takes(f, &s, wire + cut, len - cut);
		assert_int_equal(s.got.len, 10);
		assert_memory_equal(s.got.data, "helloagain", 10);
		assert_int_equal(s.ends, 1);
		assert_int_equal(s.err, OK);
		stream_close(s.s, true);
		s.s = NULL;
		turn(f);
		client_takes_all(&c, &s);
		int got = SSL_read(c.ssl, &byte, 1);
		assert_int_equal(SSL_get_error(c.ssl, got), SSL_ERROR_ZERO_RETURN);
		SSL_free(c.ssl);
		server_close(&s);
	}
	assert_true(len > 100);
}

/* RFC 6066 section 4: a client that says so takes no larger records. */
static void a_client_may_want_small_records(void **state)
{
	struct fixture *f = *state;
	static uint8_t data[5000], got[sizeof(data)];
	static const int lengths[] = { TLSEXT_max_fragment_length_512,
		TLSEXT_max_fragment_length_4096, TLSEXT_max_fragment_length_DISABLED };
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct server s;
		uint8_t wire[WIRE_MAX];
		server_open(f, &s, true);
		struct client c = client_shakes(f, &s, lengths[i]);
		assert_int_equal(SSL_write(c.ssl, "x", 1), 1);
		server_takes(f, &s, wire, (size_t)BIO_read(c.out, wire, sizeof(wire)));
		assert_int_equal(s.got.len, 1);
		memset(data, (int)i + 1, sizeof(data));
		assert_int_equal(stream_send(s.s, data, sizeof(data)), OK);
		turn(f);
		client_takes_all(&c, &s);
		for (size_t n = 0; n < sizeof(got);) {
			int now = SSL_read(c.ssl, got + n, (int)(sizeof(got) - n));
			if (now <= 0)
				fail_msg("row %zu: nothing after %zu bytes", i, n);
			n += (size_t)now;
		}
		assert_memory_equal(got, data, sizeof(data));
		SSL_free(c.ssl);
		server_close(&s);
	}
}

/* Records made by hand. */
struct record {
	uint8_t type; /* 0: no more */
	const char *data;
	size_t n;
};

static size_t seal(struct tls_keys *k, const struct record *r, uint8_t *out)
{
	size_t n = r->n + 1, len = n + TLS_KEYS_TAG;
	const uint8_t head[HEAD] = { DATA, 3, 3, (uint8_t)(len >> 8), (uint8_t)len };
	memcpy(out, head, HEAD);
	memcpy(out + HEAD, r->data, r->n);
	out[HEAD + r->n] = r->type;
	assert_int_equal(tls_keys_begin(k, head, HEAD), OK);
	assert_int_equal(tls_keys_add(k, out + HEAD, n, out + HEAD), OK);
	assert_int_equal(tls_keys_end_sealing(k, out + HEAD + n), OK);
	bool ends_update = r->type == HANDSHAKE && r->n > 0 && r->data[r->n - 1] <= 1 &&
			   (r->n == 5 || r->n == 2);
	if (ends_update)
		assert_int_equal(tls_keys_update(k), OK);
	return HEAD + len;
}

/* The alert in what the server says. */
static int alert_of(struct server *s, struct tls_keys *k)
{
	static uint8_t wire[WIRE_MAX];
	size_t len = server_says(s, wire, sizeof(wire));
	for (size_t at = 0; at + HEAD <= len;) {
		size_t size = (size_t)wire[at + 3] << 8 | wire[at + 4];
		uint8_t *p = wire + at + HEAD, *tag = p + size - TLS_KEYS_TAG;
		size_t n = size - TLS_KEYS_TAG;
		assert_int_equal(tls_keys_begin(k, wire + at, HEAD), OK);
		assert_int_equal(tls_keys_add(k, p, n, p), OK);
		assert_int_equal(tls_keys_end_opening(k, tag), OK);
		if (p[n - 1] == ALERT)
			return p[1];
		at += HEAD + size;
	}
	return NO_ALERT;
}

/* Its alert, and how many bytes it has taken. */
static int play(struct fixture *f, bool ours, const struct record *script, size_t *taken)
{
	struct server s;
	struct tls_keys to, from;
	uint8_t wire[WIRE_MAX];
	server_open(f, &s, ours);
	struct client c = client_shakes(f, &s, TLSEXT_max_fragment_length_DISABLED);
	size_t n = (size_t)BIO_read(c.out, wire, sizeof(wire));
	server_takes(f, &s, wire, n);
	assert_int_equal(tls_keys_init(&to, AES_128, f->secrets[0], N_SECRET, true), OK);
	assert_int_equal(tls_keys_init(&from, AES_128, f->secrets[1], N_SECRET, false), OK);
	for (n = 0; script->type; script++)
		n += seal(&to, script, wire + n);
	server_takes(f, &s, wire, n);
	int alert = alert_of(&s, &from);
	*taken = s.got.len;
	tls_keys_fini(&to);
	tls_keys_fini(&from);
	SSL_free(c.ssl);
	server_close(&s);
	return alert;
}

static void our_answers_are_those_of_openssl(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct record script[6];
		int alert;
		size_t taken;
	} rows[] = {
		{ { { DATA, "hello", 5 }, { DATA, "", 0 }, { DATA, "x", 1 } }, NO_ALERT, 6 },
		{ { { DATA, "hello", 5 }, { ALERT, "\1\0", 2 }, { DATA, "x", 1 } }, NO_ALERT, 5 },
		{ { { ALERT, "\1\x5a", 2 }, { DATA, "x", 1 } }, NO_ALERT, 1 },
		{ { { ALERT, "\2\x5a", 2 }, { DATA, "x", 1 } }, NO_ALERT, 1 },
		{ { { ALERT, "\2\0", 2 }, { DATA, "x", 1 } }, NO_ALERT, 0 },
		{ { { ALERT, "\2\x28", 2 }, { DATA, "x", 1 } }, NO_ALERT, 0 },
		{ { { ALERT, "\1\x28", 2 }, { DATA, "x", 1 } }, NO_ALERT, 0 },
		{ { { ALERT, "", 0 } }, 10, 0 },
		{ { { HANDSHAKE, "", 0 } }, 10, 0 },
		{ { { 20, "\1", 1 } }, 10, 0 },
		{ { { 99, "\1", 1 } }, 10, 0 },
		{ { { HANDSHAKE, "\x18\0\0\1\0", 5 }, { DATA, "x", 1 } }, NO_ALERT, 1 },
		{ { { HANDSHAKE, "\x18\0\0\1\1", 5 }, { DATA, "x", 1 } }, NO_ALERT, 1 },
		{ { { HANDSHAKE, "\x18\0\0", 3 }, { HANDSHAKE, "\1\1", 2 }, { DATA, "x", 1 } },
			NO_ALERT, 1 },
		{ { { HANDSHAKE, "\x18\0\0\1\2", 5 } }, 47, 0 },
		{ { { HANDSHAKE, "\x18\0\0\0", 4 } }, 50, 0 },
		{ { { HANDSHAKE, "\x18\0\0\1\0\x18", 6 } }, 10, 0 },
		{ { { HANDSHAKE, "\1\0\0\1\0", 5 } }, 10, 0 },
		{ { { HANDSHAKE, "\x14\0\0\1\0", 5 } }, 10, 0 },
		{ { { HANDSHAKE, "\x18\0\0", 3 }, { DATA, "x", 1 } }, 10, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int ours = 0; ours < 2; ours++) {
			size_t taken;
			int alert = play(f, ours, rows[i].script, &taken);
			if (alert != rows[i].alert || taken != rows[i].taken)
				fail_msg("row %zu, %s: alert %d, %zu bytes", i,
					ours ? "ours" : "OpenSSL's", alert, taken);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_the_handshake_is_cut_anywhere),
		cmocka_unit_test(a_client_may_want_small_records),
		cmocka_unit_test(our_answers_are_those_of_openssl),
	};
	return cmocka_run_group_tests_name("net/tls_peer", tests, set_up, tear_down);
}
