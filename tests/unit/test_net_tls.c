#include <malloc.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "certs.h"
#include "net/socket_stream.h"
#include "net/tls.h"

enum {
	QUEUE_MAX = 1024 * 1024,
	WAIT_MS = 30000,
	HANDSHAKE_MS = 15000,
	TOTAL = 12 * 1000 * 1000,
};

/* The deadline of a handshake is kept from starting and fired by hand. */
void __real_loop_timer_start(struct loop_timer *t, uint64_t delay_ms);
void __wrap_loop_timer_start(struct loop_timer *t, uint64_t delay_ms);

static struct loop_timer *deadline;

void __wrap_loop_timer_start(struct loop_timer *t, uint64_t delay_ms)
{
	if (delay_ms == HANDSHAKE_MS)
		deadline = t;
	else
		__real_loop_timer_start(t, delay_ms);
}

struct end {
	struct stream *s;
	struct buf got;
	int ready, drains, ends, err;
	size_t sent, received, largest, total;
	char why[TLS_ERROR_MAX];
	bool inside, counting, pausing;
	bool close_in_data, close_in_end, close_in_ready;
};

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog;
	char directory[64];
	struct cert ca, good, other;
	struct tls_context *server, *client;
	struct end a, b;          /* server, client */
	int fd;                   /* the far end where there is no `b` */
	struct loop_task nothing; /* keeps a turn from sleeping */
};

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

static void end_close(struct end *e, bool flush)
{
	stream_close(e->s, flush);
	e->s = NULL;
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct end *e = ctx;
	assert_false(e->inside);
	assert_true(n > 0);
	e->largest = n > e->largest ? n : e->largest;
	for (size_t i = 0; e->counting && i < n; i++)
		if (data[i] != pattern(e->received + i))
			fail_msg("byte %zu differs", e->received + i);
	e->received += n;
	if (!e->counting)
		buf_put(&e->got, data, n);
	if (e->pausing)
		stream_want_read(e->s, false);
	if (e->close_in_data)
		end_close(e, true);
}

static void send_more(struct end *e)
{
	static uint8_t data[200 * 1000];
	while (e->s && e->sent < e->total && stream_queued(e->s) == 0) {
		size_t left = e->total - e->sent, n = left < sizeof(data) ? left : sizeof(data);
		for (size_t i = 0; i < n; i++)
			data[i] = pattern(e->sent + i);
		/* Uneven parts, with an empty one. */
		size_t cut = n / 3;
		struct iovec parts[] = { { data, 4 < n ? 4 : 0 }, { data + (4 < n ? 4 : 0), 0 },
			{ data + (4 < n ? 4 : 0), cut }, { data + (4 < n ? 4 : 0) + cut, 0 } };
		parts[3].iov_len = n - parts[0].iov_len - cut;
		assert_int_equal(stream_sendv(e->s, parts, 4), OK);
		e->sent += n;
	}
}

static void on_drain(void *ctx)
{
	struct end *e = ctx;
	assert_int_equal(stream_queued(e->s), 0);
	e->drains++;
	send_more(e);
}

static void on_end(void *ctx, int err)
{
	struct end *e = ctx;
	assert_false(e->inside);
	e->ends++;
	e->err = err;
	const char *why = tls_stream_error(e->s);
	snprintf(e->why, sizeof(e->why), "%s", why ? why : "");
	if (e->close_in_end)
		end_close(e, true);
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void on_ready(void *ctx)
{
	struct end *e = ctx;
	e->ready++;
	if (e->close_in_ready)
		end_close(e, true);
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

static struct tls_context *server_of(const struct cert *c)
{
	char error[TLS_ERROR_MAX];
	struct tls_context *ctx =
		tls_context_server(c->cert_path, c->key_path, error, sizeof(error));
	if (!ctx)
		fail_msg("%s", error);
	return ctx;
}

static struct tls_context *client_of(const char *ca_file, const char *pin, bool insecure)
{
	char error[TLS_ERROR_MAX];
	struct tls_client_config config = { ca_file, pin, insecure };
	struct tls_context *ctx = tls_context_client(&config, error, sizeof(error));
	if (!ctx)
		fail_msg("%s", error);
	return ctx;
}

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .loop = loop_create(), .fd = -1 };
	f.nothing.run = do_nothing;
	certs_directory(f.directory);
	f.ca = certs_make(f.directory, "ca", &(struct cert_spec){ .ca = true });
	f.good = certs_make(f.directory, "good",
		&(struct cert_spec){
			.san = "DNS:example.test,IP:127.0.0.1,IP:::1", .issuer = &f.ca });
	f.other = certs_make(f.directory, "other",
		&(struct cert_spec){ .san = "DNS:other.test", .issuer = &f.ca, .rsa = true });
	f.server = server_of(&f.good);
	f.client = client_of(f.ca.cert_path, NULL, false);
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	*state = &f;
	return 0;
}

static void end_clear(struct end *e)
{
	stream_close(e->s, false);
	buf_fini(&e->got);
	*e = (struct end){ 0 };
	buf_init(&e->got, 16 * 1024 * 1024);
}

static void close_all(struct fixture *f)
{
	end_clear(&f->a);
	end_clear(&f->b);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	loop_timer_start(f->watchdog, WAIT_MS);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_all(f);
	buf_fini(&f->a.got);
	buf_fini(&f->b.got);
	tls_context_unref(f->server);
	tls_context_unref(f->client);
	certs_free(&f->ca);
	certs_free(&f->good);
	certs_free(&f->other);
	rmdir(f->directory);
	loop_timer_destroy(f->watchdog);
	loop_destroy(f->loop);
	return 0;
}

static void own(struct end *e, struct stream *s)
{
	assert_non_null(s);
	e->s = s;
	stream_set_events(s, &events, e);
	tls_stream_on_ready(s, on_ready, e);
	stream_want_read(s, true);
}

static struct stream *socket_of(struct fixture *f, int fd)
{
	struct stream *s = socket_stream_create(f->loop, fd, QUEUE_MAX);
	assert_non_null(s);
	return s;
}

static void open_server(struct fixture *f, struct tls_context *ctx, const void *early, size_t n)
{
	int fds[2];
	close_all(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f->fd = fds[1];
	own(&f->a, tls_stream_server(f->loop, ctx, socket_of(f, fds[0]), early, n));
}

static void open_client(struct fixture *f, struct tls_context *ctx, const char *host)
{
	int fds[2];
	close_all(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f->fd = fds[1];
	own(&f->b, tls_stream_client(f->loop, ctx, socket_of(f, fds[0]), host));
}

static void open_both(
	struct fixture *f, struct tls_context *server, struct tls_context *client, const char *host)
{
	open_server(f, server, NULL, 0);
	own(&f->b, tls_stream_client(f->loop, client, socket_of(f, f->fd), host));
	f->fd = -1;
}

/* Until both are ready, or one has ended. */
static void shake(struct fixture *f)
{
	while (!(f->a.ready && f->b.ready) && !f->a.ends && !f->b.ends)
		loop_turn(f->loop);
}

static void open_good(struct fixture *f)
{
	open_both(f, f->server, f->client, "example.test");
	shake(f);
	assert_int_equal(f->a.ready, 1);
	assert_int_equal(f->b.ready, 1);
}

static void they_talk(void **state)
{
	struct fixture *f = *state;
	open_good(f);
	assert_int_equal(stream_send(f->b.s, "hello", 5), OK);
	while (f->a.got.len < 5)
		loop_turn(f->loop);
	assert_memory_equal(f->a.got.data, "hello", 5);
	assert_int_equal(stream_send(f->a.s, "welcome", 7), OK);
	while (f->b.got.len < 7)
		loop_turn(f->loop);
	assert_memory_equal(f->b.got.data, "welcome", 7);
	assert_true(stream_fd(f->a.s) >= 0);
	end_close(&f->b, true);
	while (!f->a.ends)
		loop_turn(f->loop);
	assert_int_equal(f->a.err, OK);
	assert_null(tls_stream_error(f->a.s));
	assert_int_equal(stream_send(f->a.s, "x", 1), ERR_IO);
}

/* Readers that pause after every delivery, writers that fill their queues. */
static void large_transfers_both_ways(void **state)
{
	struct fixture *f = *state;
	open_good(f);
	struct end *both[] = { &f->a, &f->b };
	for (int i = 0; i < 2; i++) {
		both[i]->total = TOTAL;
		both[i]->counting = both[i]->pausing = true;
		send_more(both[i]);
		assert_true(stream_queued(both[i]->s) > 0);
	}
	while (f->a.received < TOTAL || f->b.received < TOTAL) {
		loop_turn(f->loop);
		stream_want_read(f->a.s, true);
		stream_want_read(f->b.s, true);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(both[i]->received, TOTAL);
		assert_true(both[i]->largest <= STREAM_READ_MAX);
		assert_int_equal(both[i]->ends, 0);
	}
}

static void open_to(
	struct fixture *f, struct tls_context *server, struct tls_context *client, const char *host)
{
	open_both(f, server, client, host);
	shake(f);
	tls_context_unref(server);
	tls_context_unref(client);
}

static void certificates_are_verified(void **state)
{
	struct fixture *f = *state;
	struct cert self =
		certs_make(f->directory, "self", &(struct cert_spec){ .san = "DNS:example.test" });
	struct cert old = certs_make(f->directory, "old",
		&(struct cert_spec){ .san = "DNS:example.test",
			.issuer = &f->ca,
			.begins_s = -1000,
			.ends_s = -10 });
	struct cert early = certs_make(f->directory, "early",
		&(struct cert_spec){ .san = "DNS:example.test",
			.issuer = &f->ca,
			.begins_s = 1000,
			.ends_s = 2000 });
	const char *ca = f->ca.cert_path;
	const struct {
		const struct cert *cert;
		const char *host, *ca_file, *pin;
		bool insecure;
		const char *why; /* NULL: accepted */
	} rows[] = {
		{ &f->good, "example.test", ca, NULL, false, NULL },
		{ &f->good, "EXAMPLE.test", ca, NULL, false, NULL },
		{ &f->good, "127.0.0.1", ca, NULL, false, NULL },
		{ &f->good, "::1", ca, NULL, false, NULL },
		{ &f->other, "other.test", ca, NULL, false, NULL },
		{ &self, "example.test", self.cert_path, NULL, false, NULL },
		{ &f->good, "example.test", f->good.cert_path, NULL, false, NULL },
		{ &f->good, "wrong.test", ca, NULL, false,
			"certificate of wrong.test is for another name" },
		{ &f->good, "127.0.0.2", ca, NULL, false,
			"certificate of 127.0.0.2 is for another name" },
		{ &f->good, "sub.example.test", ca, NULL, false, "is for another name" },
		{ &old, "example.test", ca, NULL, false, "has expired" },
		{ &early, "example.test", ca, NULL, false, "not yet valid" },
		{ &self, "example.test", ca, NULL, false,
			"is not trusted (self-signed certificate): give --ca-file FILE" },
		{ &f->good, "example.test", NULL, NULL, false, "is not trusted" },
		{ &f->good, "example.test", self.cert_path, NULL, false, "is not trusted" },
		{ &self, "wrong.test", NULL, self.pin, false, NULL },
		{ &old, "example.test", NULL, old.pin, false, NULL },
		{ &old, "example.test", NULL, old.pin, true, NULL },
		{ &self, "example.test", self.cert_path, old.pin, false,
			"another key than the pin" },
		{ &self, "example.test", NULL, old.pin, true, "another key than the pin" },
		{ &self, "wrong.test", NULL, NULL, true, NULL },
		{ &old, "example.test", NULL, NULL, true, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		open_to(f, server_of(rows[i].cert),
			client_of(rows[i].ca_file, rows[i].pin, rows[i].insecure), rows[i].host);
		if (!rows[i].why) {
			assert_string_equal(f->b.why, "");
			assert_int_equal(f->b.ready, 1);
			continue;
		}
		while (!f->a.ends || !f->b.ends)
			loop_turn(f->loop);
		assert_int_equal(f->b.ready, 0);
		assert_int_equal(f->b.err, ERR_AUTH);
		if (!strstr(f->b.why, rows[i].why))
			fail_msg("\"%s\" instead of \"%s\"", f->b.why, rows[i].why);
		assert_non_null(strstr(f->a.why, "TLS with the peer failed"));
	}
	/* The pin to give is the right one. */
	open_to(f, server_of(&self), client_of(ca, NULL, false), "example.test");
	const char *pin = strstr(f->b.why, "sha256:");
	assert_non_null(pin);
	assert_int_equal(strncasecmp(pin, self.pin, strlen(self.pin)), 0);
	certs_free(&self);
	certs_free(&old);
	certs_free(&early);
}

static void write_file(const char *path, const void *data, size_t n)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, n, file), n);
	fclose(file);
}

static void what_is_wrong_with_files_is_told(void **state)
{
	struct fixture *f = *state;
	char junk[100], locked[100], huge[100];
	snprintf(junk, sizeof(junk), "%s/junk", f->directory);
	snprintf(locked, sizeof(locked), "%s/locked", f->directory);
	snprintf(huge, sizeof(huge), "%s/huge", f->directory);
	write_file(junk, "not a certificate", 17);
	FILE *file = fopen(locked, "w");
	assert_int_equal(PEM_write_PrivateKey(file, f->good.key, EVP_aes_256_cbc(),
				 (const unsigned char *)"secret", 6, NULL, NULL),
		1);
	fclose(file);
	file = fopen(huge, "w");
	assert_int_equal(ftruncate(fileno(file), 1024 * 1024 + 1), 0);
	fclose(file);
	const struct {
		const char *cert, *key, *why;
	} rows[] = {
		{ "/nowhere/cert", f->good.key_path, "cannot read /nowhere/cert: No such file" },
		{ f->good.cert_path, "/nowhere/key", "cannot read /nowhere/key: No such file" },
		{ huge, f->good.key_path, "File too large" },
		{ f->directory, f->good.key_path, "Is a directory" },
		{ junk, f->good.key_path, "holds no certificate" },
		{ f->good.key_path, f->good.key_path, "holds no certificate" },
		{ f->good.cert_path, junk, "holds no private key" },
		{ f->good.cert_path, f->good.cert_path, "holds no private key" },
		{ f->good.cert_path, locked, "one with a passphrase cannot" },
		{ f->good.cert_path, f->ca.key_path, "does not belong to the certificate" },
		{ f->good.cert_path, f->other.key_path, "does not belong to the certificate" },
	};
	char error[TLS_ERROR_MAX];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(tls_context_server(rows[i].cert, rows[i].key, error, sizeof(error)));
		if (!strstr(error, rows[i].why))
			fail_msg("\"%s\" instead of \"%s\"", error, rows[i].why);
	}
	const struct tls_client_config bad[] = {
		{ .ca_file = "/nowhere/ca" },
		{ .ca_file = junk },
		{ .pin = "sha256:00" },
		{ .pin = "" },
		{ .pin = "sha256:"
			 "zz00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
		{ .pin = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff001122"
			 "3" },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(tls_context_client(&bad[i], error, sizeof(error)));
		assert_non_null(strstr(error, bad[i].pin ? "a pin is" : "the CA file"));
	}
	unlink(junk);
	unlink(locked);
	unlink(huge);
}

/* A connection lives on with what it began with. */
static void a_reload_changes_nobody(void **state)
{
	struct fixture *f = *state;
	struct tls_context *server = server_of(&f->good);
	open_both(f, server, f->client, "example.test");
	shake(f);
	tls_context_unref(server);
	assert_int_equal(stream_send(f->b.s, "still", 5), OK);
	while (f->a.got.len < 5)
		loop_turn(f->loop);
	open_to(f, server_of(&f->other), client_of(f->ca.cert_path, NULL, false), "other.test");
	assert_int_equal(f->b.ready, 1);
}

static void far_send(struct fixture *f, const void *data, size_t n)
{
	assert_int_equal(send(f->fd, data, n, MSG_NOSIGNAL), n);
}

static void wait_for_end(struct fixture *f, struct end *e)
{
	while (!e->ends)
		loop_turn(f->loop);
	assert_int_equal(e->ends, 1);
}

static void nonsense_ends_a_handshake(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *bytes;
		size_t n;
		const char *why;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 18, "the peer speaks HTTP" },
		{ "RFB 003.008\n", 12, "TLS" },
		{ "\x16\x03\x01\xff\xff\x01\xff\xff\xff", 9, "TLS" },
		{ "\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9, "TLS" },
		{ "\x15\x03\x01\x00\x02\x02\x28", 7, "TLS" },
		{ "\x17\x03\x03\x00\x01\x00", 6, "TLS" },
		{ "", 0, "closed the connection in the TLS handshake" },
		{ "\x16", 1, "closed the connection in the TLS handshake" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int client = 0; client < 2; client++) {
			struct end *e = client ? &f->b : &f->a;
			if (client)
				open_client(f, f->client, "example.test");
			else
				open_server(f, f->server, NULL, 0);
			far_send(f, rows[i].bytes, rows[i].n);
			shutdown(f->fd, SHUT_WR);
			wait_for_end(f, e);
			assert_int_equal(e->ready, 0);
			assert_true(e->err != OK);
			if (!strstr(e->why, rows[i].why) && !client)
				fail_msg("row %zu: \"%s\"", i, e->why);
			assert_true(e->why[0] != '\0');
		}
	}
}

/* The client's first flight. */
static size_t client_hello(struct fixture *f, uint8_t *out, size_t cap)
{
	open_client(f, f->client, "example.test");
	ssize_t n = -1;
	while (n < 0) {
		loop_turn(f->loop);
		n = recv(f->fd, out, cap, MSG_DONTWAIT);
	}
	return (size_t)n;
}

static void a_peer_may_vanish_at_any_byte(void **state)
{
	struct fixture *f = *state;
	uint8_t hello[2000];
	size_t n = client_hello(f, hello, sizeof(hello));
	assert_true(n > 100);
	for (size_t i = 0; i < n; i++) {
		open_server(f, f->server, NULL, 0);
		far_send(f, hello, i);
		close(f->fd);
		f->fd = -1;
		wait_for_end(f, &f->a);
		assert_int_equal(f->a.ready, 0);
		assert_int_equal(f->a.err, ERR_IO);
	}
	/* One bit is wrong somewhere in it: whatever comes of it is an end or an answer. */
	for (size_t i = 0; i < n; i++) {
		open_server(f, f->server, NULL, 0);
		hello[i] ^= 0x40;
		far_send(f, hello, n);
		hello[i] ^= 0x40;
		shutdown(f->fd, SHUT_WR);
		wait_for_end(f, &f->a);
		assert_int_equal(f->a.ready, 0);
	}
}

static void a_reset_in_the_handshake_is_an_end(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	uint8_t hello[2000];
	size_t n = client_hello(f, hello, sizeof(hello));
	close_all(f);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
	f->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(f->fd, (struct sockaddr *)&sa, len), 0);
	struct stream *below = socket_of(f, accept(listener, NULL, NULL));
	own(&f->a, tls_stream_server(f->loop, f->server, below, NULL, 0));
	far_send(f, hello, n);
	loop_turn(f->loop);
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(f->fd);
	f->fd = -1;
	wait_for_end(f, &f->a);
	assert_int_equal(f->a.err, ERR_IO);
	close(listener);
}

static void a_handshake_has_15_s(void **state)
{
	struct fixture *f = *state;
	open_server(f, f->server, NULL, 0);
	far_send(f, "\x16", 1);
	loop_turn(f->loop);
	__real_loop_timer_start(deadline, 1);
	wait_for_end(f, &f->a);
	assert_int_equal(f->a.err, ERR_IO);
	assert_non_null(strstr(f->a.why, "longer than 15 s"));
}

/* Bytes that came before TLS was known, cut anywhere. */
static void early_bytes_come_first(void **state)
{
	struct fixture *f = *state;
	uint8_t hello[2000], reply[4000];
	size_t n = client_hello(f, hello, sizeof(hello));
	int far = f->fd;
	struct end client = f->b;
	f->fd = -1;
	f->b = (struct end){ 0 };
	buf_init(&f->b.got, 16 * 1024 * 1024);
	for (size_t cut = 0; cut <= n; cut += cut + 50 < n ? 50 : n - cut ? n - cut : 1) {
		open_server(f, f->server, hello, cut);
		if (cut < n)
			far_send(f, hello + cut, n - cut);
		ssize_t got = -1;
		while (got < 0) {
			loop_turn(f->loop);
			got = recv(f->fd, reply, sizeof(reply), MSG_DONTWAIT);
		}
		assert_true(got > 0);
		assert_int_equal(reply[0], 0x16);
		assert_int_equal(f->a.ends, 0);
	}
	stream_close(client.s, false);
	buf_fini(&client.got);
	close(far);
}

static void what_is_sent_early_waits(void **state)
{
	struct fixture *f = *state;
	static uint8_t data[64 * 1024];
	open_both(f, f->server, f->client, "example.test");
	assert_int_equal(stream_send(f->b.s, "early", 5), OK);
	assert_int_equal(stream_send(f->b.s, data, sizeof(data)), ERR_LIMIT);
	assert_int_equal(stream_send(f->b.s, data, sizeof(data) - 5), OK);
	assert_int_equal(stream_room(f->b.s), 0);
	assert_int_equal(stream_queued(f->b.s), sizeof(data));
	while (f->a.got.len < sizeof(data))
		loop_turn(f->loop);
	assert_memory_equal(f->a.got.data, "early", 5);
	assert_int_equal(f->b.drains, 1);
}

static void a_full_queue_takes_nothing(void **state)
{
	struct fixture *f = *state;
	static uint8_t data[100 * 1000];
	open_good(f);
	stream_want_read(f->a.s, false);
	size_t sent = 0;
	int err = OK;
	while (!err && sent < 64 * 1024 * 1024) {
		err = stream_send(f->b.s, data, sizeof(data));
		sent += err ? 0 : sizeof(data);
	}
	assert_int_equal(err, ERR_LIMIT);
	assert_true(stream_queued(f->b.s) <= QUEUE_MAX);
	size_t room = stream_room(f->b.s);
	assert_true(room < sizeof(data));
	assert_int_equal(stream_send(f->b.s, data, room), OK);
	assert_int_equal(stream_send(f->b.s, data, stream_room(f->b.s) + 1), ERR_LIMIT);
	sent += room;
	stream_want_read(f->a.s, true);
	while (f->a.received < sent)
		loop_turn(f->loop);
	assert_int_equal(stream_queued(f->b.s), 0);
	assert_int_equal(stream_send(f->b.s, "on", 2), OK);
	while (f->a.received < sent + 2)
		loop_turn(f->loop);
}

static void an_end_without_good_bye_is_an_error(void **state)
{
	struct fixture *f = *state;
	open_good(f);
	/* Half of it closes below TLS. */
	shutdown(stream_fd(f->b.s), SHUT_WR);
	wait_for_end(f, &f->a);
	assert_int_equal(f->a.err, ERR_IO);
	assert_non_null(strstr(f->a.why, "without ending TLS"));
}

static void damaged_records_end_it(void **state)
{
	struct fixture *f = *state;
	open_good(f);
	assert_int_equal(send(stream_fd(f->b.s), "\x17\x03\x03\x00\x20", 5, 0), 5);
	for (int i = 0; i < 4; i++)
		assert_int_equal(send(stream_fd(f->b.s), "\0\0\0\0\0\0\0\0", 8, 0), 8);
	wait_for_end(f, &f->a);
	assert_int_equal(f->a.err, ERR_PROTO);
	assert_non_null(strstr(f->a.why, "TLS with the peer failed"));
	assert_int_equal(f->a.received, 0);
	assert_int_equal(stream_send(f->a.s, "x", 1), ERR_IO);
}

/* What came is delivered first, when the reader wants it. */
static void bytes_before_the_end_are_delivered(void **state)
{
	struct fixture *f = *state;
	static uint8_t data[90 * 1000];
	open_good(f);
	stream_want_read(f->a.s, false);
	assert_int_equal(stream_send(f->b.s, data, sizeof(data)), OK);
	end_close(&f->b, true);
	for (int i = 0; i < 3; i++) {
		loop_task_queue(f->loop, &f->nothing);
		loop_turn(f->loop);
	}
	assert_int_equal(f->a.received, 0);
	assert_int_equal(f->a.ends, 0);
	f->a.pausing = true;
	while (!f->a.ends) {
		stream_want_read(f->a.s, true);
		loop_turn(f->loop);
	}
	assert_int_equal(f->a.received, sizeof(data));
	assert_int_equal(f->a.err, OK);
}

static void an_owner_may_close_anywhere(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 6; i++) {
		open_both(f, f->server, f->client, "example.test");
		struct end *e = i % 2 ? &f->b : &f->a, *o = i % 2 ? &f->a : &f->b;
		e->close_in_ready = i < 2;
		e->close_in_data = i >= 2 && i < 4;
		e->close_in_end = i >= 4;
		while (!o->ready)
			loop_turn(f->loop);
		if (i >= 2 && i < 4)
			assert_int_equal(stream_send(o->s, "x", 1), OK);
		if (i >= 4)
			end_close(o, true);
		while (e->s)
			loop_turn(f->loop);
		if (i < 4) {
			wait_for_end(f, o);
			assert_int_equal(o->err, OK);
		}
	}
	open_both(f, f->server, f->client, "example.test");
	end_close(&f->a, true);
	wait_for_end(f, &f->b);
	assert_int_equal(f->b.err, ERR_IO);
}

static void a_host_is_needed(void **state)
{
	struct fixture *f = *state;
	close_all(f);
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	struct stream *below = socket_of(f, fds[0]);
	assert_null(tls_stream_client(f->loop, f->client, below, ""));
	stream_close(below, false);
	close(fds[1]);
}

/* Under a sanitizer, which has an allocator of its own, there is no figure. */
static size_t allocated(void)
{
	return mallinfo2().uordblks;
}

/* What an idle end costs, its socket stream included; both have carried data. */
static void an_idle_connection_is_small(void **state)
{
	/* A client keeps the certificates it was shown. */
	enum { N = 50, SERVER_MAX = 16 * 1024, CLIENT_MAX = 28 * 1024 };
	struct fixture *f = *state;
	static uint8_t data[100 * 1000];
	struct stream *servers[N], *clients[N];
	for (int i = 0; i < N; i++) {
		open_good(f);
		assert_int_equal(stream_send(f->a.s, data, sizeof(data)), OK);
		assert_int_equal(stream_send(f->b.s, data, sizeof(data)), OK);
		while (f->a.received < sizeof(data) || f->b.received < sizeof(data))
			loop_turn(f->loop);
		stream_want_read(f->a.s, false);
		stream_want_read(f->b.s, false);
		servers[i] = f->a.s;
		clients[i] = f->b.s;
		f->a.s = f->b.s = NULL;
	}
	close_all(f);
	loop_task_queue(f->loop, &f->nothing);
	loop_turn(f->loop);
	size_t all = allocated();
	for (int i = 0; i < N; i++)
		stream_close(servers[i], false);
	loop_task_queue(f->loop, &f->nothing);
	loop_turn(f->loop);
	size_t half = allocated();
	for (int i = 0; i < N; i++)
		stream_close(clients[i], false);
	loop_task_queue(f->loop, &f->nothing);
	loop_turn(f->loop);
	size_t none = allocated();
	print_message("idle: server %zu, client %zu bytes\n", (all - half) / N, (half - none) / N);
	assert_true((all - half) / N <= SERVER_MAX);
	assert_true((half - none) / N <= CLIENT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_talk),
		cmocka_unit_test(large_transfers_both_ways),
		cmocka_unit_test(certificates_are_verified),
		cmocka_unit_test(what_is_wrong_with_files_is_told),
		cmocka_unit_test(a_reload_changes_nobody),
		cmocka_unit_test(nonsense_ends_a_handshake),
		cmocka_unit_test(a_peer_may_vanish_at_any_byte),
		cmocka_unit_test(a_reset_in_the_handshake_is_an_end),
		cmocka_unit_test(a_handshake_has_15_s),
		cmocka_unit_test(early_bytes_come_first),
		cmocka_unit_test(what_is_sent_early_waits),
		cmocka_unit_test(a_full_queue_takes_nothing),
		cmocka_unit_test(an_end_without_good_bye_is_an_error),
		cmocka_unit_test(damaged_records_end_it),
		cmocka_unit_test(bytes_before_the_end_are_delivered),
		cmocka_unit_test(an_owner_may_close_anywhere),
		cmocka_unit_test(a_host_is_needed),
		cmocka_unit_test(an_idle_connection_is_small),
	};
	return cmocka_run_group_tests_name("net/tls", tests, set_up, tear_down);
}
