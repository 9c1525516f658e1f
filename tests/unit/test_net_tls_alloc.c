/* Linked with --wrap, and OpenSSL allocates through us: the nth allocation fails.
 * Whatever it hits, the connection ends in order and nothing leaks. */
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/socket_stream.h"
#include "net/tls.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long fail_at, count;

static bool fails(void)
{
	return fail_at && ++count == fail_at;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

static void *ssl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n == 0 || fails() ? NULL : __real_malloc(n);
}

static void *ssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n == 0) {
		free(p);
		return NULL;
	}
	return fails() ? NULL : __real_realloc(p, n);
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

enum { TOTAL = 100 * 1000 };

struct end {
	struct stream *s;
	size_t got;
	int ends;
};

struct place {
	struct loop *loop;
	struct tls_context *server, *client;
	struct end a, b;
	int port;
	bool refused;
};

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	(void)data;
	((struct end *)ctx)->got += n;
}

static void on_drain(void *ctx)
{
	(void)ctx;
}

static void on_end(void *ctx, int err)
{
	(void)err;
	struct end *e = ctx;
	e->ends++;
	stream_close(e->s, false);
	e->s = NULL;
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void own(struct end *e, struct stream *s)
{
	e->s = s;
	stream_set_events(s, &events, e);
	stream_want_read(s, true);
}

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	(void)peer;
	struct place *p = ctx;
	struct stream *below = socket_stream_create(p->loop, fd, 2 * TOTAL);
	if (!below)
		close(fd);
	struct stream *s = below ? tls_stream_server(p->loop, p->server, below, NULL, 0) : NULL;
	p->refused = !s;
	if (s)
		own(&p->a, s);
	else
		stream_close(below, false);
}

static void on_done(void *ctx, struct stream *s, const char *why)
{
	struct place *p = ctx;
	if (s)
		own(&p->b, s);
	else
		p->b.ends++;
	assert_true((s != NULL) == (why == NULL));
}

static void talk(struct place *p)
{
	static uint8_t data[TOTAL];
	while (!p->b.s && !p->b.ends)
		loop_turn(p->loop);
	if (!p->b.s || !p->a.s)
		return;
	if (stream_send(p->a.s, data, TOTAL) || stream_send(p->b.s, data, TOTAL))
		return;
	while ((p->a.got < TOTAL || p->b.got < TOTAL) && !p->a.ends && !p->b.ends)
		loop_turn(p->loop);
}

static void session(struct place *p)
{
	struct address where;
	assert_int_equal(address_parse("127.0.0.1:0", &where), OK);
	struct listener *l = listener_create(p->loop, NULL, &where, on_accept, p);
	if (!l)
		return;
	struct dial_config config = {
		.host = "127.0.0.1",
		.port = address_port(listener_address(l)),
		.tls = p->client,
		.timeout_ms = 20000,
	};
	if (dial_start(p->loop, &config, on_done, p))
		talk(p);
	stream_close(p->a.s, true);
	stream_close(p->b.s, true);
	listener_destroy(l);
}

static void everything(const struct cert *c)
{
	char error[TLS_ERROR_MAX];
	struct place p = { .loop = loop_create() };
	p.server = tls_context_server(c->cert_path, c->key_path, error, sizeof(error));
	p.client = tls_context_client(
		&(struct tls_client_config){ .ca_file = c->cert_path }, error, sizeof(error));
	if (p.loop && p.server && p.client)
		session(&p);
	tls_context_unref(p.server);
	tls_context_unref(p.client);
	loop_destroy(p.loop);
}

/* Every allocation of the first handful, then steps: OpenSSL makes thousands. */
static void any_allocation_may_fail(void **state)
{
	const struct cert *c = *state;
	fail_at = 0;
	everything(c); /* what OpenSSL loads once */
	long at = 1, tries = 0;
	for (;; at += 1 + at / 120, tries++) {
		count = 0;
		fail_at = at;
		everything(c);
		if (count < at)
			break;
	}
	fail_at = 0;
	assert_true(count > 500);
	assert_true(tries > 100);
}

int main(void)
{
	if (!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free))
		return 1;
	char directory[64];
	certs_directory(directory);
	struct cert c =
		certs_make(directory, "alloc", &(struct cert_spec){ .san = "IP:127.0.0.1" });
	const struct CMUnitTest tests[] = { cmocka_unit_test_prestate(
		any_allocation_may_fail, &c) };
	int failed = cmocka_run_group_tests_name("net/tls_alloc", tests, NULL, NULL);
	certs_free(&c);
	rmdir(directory);
	return failed;
}
