/* A stream that changes its loop, and its thread, while bytes are under way both
 * ways. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs.h"
#include "net/socket_stream.h"
#include "net/tls.h"
#include "net/ws_stream.h"

enum { TOTAL = 8 * 1000 * 1000, QUEUE_MAX = 1024 * 1024, WAIT_MS = 30000, MOVES = 16 };
enum kind { PLAIN, TLS, WS, WS_TLS, TLS_WS };

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 11 + at / 257);
}

/* One end; touched by one thread at a time. */
struct end {
	struct stream *s;
	struct loop *loop; /* where it is */
	size_t sent, received;
	size_t stop_at; /* the loop stops when so many bytes have come */
	int ends;
	bool wrong;
};

static void stop_if_enough(struct end *e)
{
	if (e->received >= e->stop_at)
		loop_stop(e->loop);
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct end *e = ctx;
	for (size_t i = 0; i < n; i++)
		e->wrong |= data[i] != pattern(e->received + i);
	e->received += n;
	stop_if_enough(e);
}

static void send_more(struct end *e)
{
	uint8_t data[60 * 1000];
	while (e->sent < TOTAL && stream_queued(e->s) == 0) {
		size_t n = TOTAL - e->sent < sizeof(data) ? TOTAL - e->sent : sizeof(data);
		for (size_t i = 0; i < n; i++)
			data[i] = pattern(e->sent + i);
		if (stream_send(e->s, data, n))
			return;
		e->sent += n;
	}
}

static void on_drain(void *ctx)
{
	send_more(ctx);
}

static void on_end(void *ctx, int err)
{
	(void)err;
	struct end *e = ctx;
	e->ends++;
	loop_stop(e->loop);
}

static const struct stream_events events = { on_data, on_drain, on_end };

struct mover {
	struct loop *here, *there;
	struct loop_wake *back; /* of `here`: the stream comes back */
	struct end moving, staying;
	bool failed;
	bool late;
};

static void on_back(void *ctx)
{
	loop_stop(((struct mover *)ctx)->here);
}

static void too_late(void *ctx)
{
	struct mover *m = ctx;
	m->late = true;
	loop_stop(m->here);
	loop_stop(m->there);
}

/* Runs a loop with the moving end on it until it has got its share. */
static void run_with(struct mover *m, struct loop *l)
{
	struct loop_timer *watchdog = loop_timer_create(l, too_late, m);
	loop_timer_start(watchdog, WAIT_MS);
	m->moving.loop = l;
	m->failed |= stream_attach(m->moving.s, l) != OK;
	if (!m->failed && m->moving.received < m->moving.stop_at)
		m->failed |= loop_run(l) != OK;
	loop_timer_destroy(watchdog);
}

static void *elsewhere(void *ctx)
{
	struct mover *m = ctx;
	run_with(m, m->there);
	m->failed |= !m->failed && stream_detach(m->moving.s) != OK;
	loop_wake_send(m->back);
	return NULL;
}

struct fixture {
	struct tls_context *server, *client;
	char directory[64];
	struct cert cert;
};

static struct stream *ws_over(struct loop *l, struct stream *s, enum ws_role role)
{
	s = s ? ws_stream_create(l, s, &(struct ws_config){ .role = role }, NULL, 0) : NULL;
	assert_non_null(s);
	return s;
}

static struct stream *open_stream(
	const struct fixture *f, struct loop *l, int fd, enum kind kind, bool server)
{
	struct stream *s = socket_stream_create(l, fd, QUEUE_MAX);
	enum ws_role role = server ? WS_SERVER : WS_CLIENT;
	assert_non_null(s);
	if (kind == WS || kind == TLS_WS)
		s = ws_over(l, s, role);
	if (kind == TLS || kind == WS_TLS || kind == TLS_WS)
		s = server ? tls_stream_server(l, f->server, s, NULL, 0)
			   : tls_stream_client(l, f->client, s, "move.test");
	assert_non_null(s);
	if (kind == WS_TLS)
		s = ws_over(l, s, role);
	return s;
}

static void own(struct end *e, struct loop *l, struct stream *s)
{
	e->s = s;
	e->loop = l;
	e->stop_at = SIZE_MAX;
	stream_set_events(s, &events, e);
	stream_want_read(s, true);
	send_more(e);
}

static void init(struct mover *m, const struct fixture *f, enum kind kind, bool server)
{
	int fds[2];
	*m = (struct mover){ .here = loop_create(), .there = loop_create() };
	m->back = loop_wake_create(m->here, on_back, m);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	own(&m->moving, m->here, open_stream(f, m->here, fds[0], kind, server));
	own(&m->staying, m->here, open_stream(f, m->here, fds[1], kind, !server));
}

/* There and back again; the first time before a handshake has begun. */
static void move(struct mover *m, int i)
{
	pthread_t thread;
	assert_int_equal(stream_detach(m->moving.s), OK);
	m->moving.stop_at = (size_t)i * (TOTAL / (MOVES + 1)) + 1;
	assert_int_equal(pthread_create(&thread, NULL, elsewhere, m), 0);
	int err = loop_run(m->here);
	assert_int_equal(err, OK);
	pthread_join(thread, NULL);
	assert_false(m->failed || m->late);
	m->moving.stop_at += TOTAL / (MOVES + 1) / 2;
	run_with(m, m->here);
	assert_false(m->failed || m->late);
}

static void move_one(const struct fixture *f, enum kind kind, bool server)
{
	struct mover m;
	init(&m, f, kind, server);
	for (int i = 0; i < MOVES; i++)
		move(&m, i);
	m.moving.stop_at = m.staying.stop_at = SIZE_MAX;
	while (m.moving.received < TOTAL || m.staying.received < TOTAL) {
		assert_int_equal(m.moving.ends + m.staying.ends, 0);
		loop_turn(m.here);
	}
	assert_false(m.moving.wrong || m.staying.wrong);
	assert_int_equal(m.moving.ends + m.staying.ends, 0);
	/* A detached stream can be closed. */
	assert_int_equal(stream_detach(m.moving.s), OK);
	stream_close(m.moving.s, true);
	stream_close(m.staying.s, false);
	loop_wake_destroy(m.back);
	loop_destroy(m.here);
	loop_destroy(m.there);
}

static int set_up(void **state)
{
	static struct fixture f;
	char error[TLS_ERROR_MAX];
	certs_directory(f.directory);
	f.cert = certs_make(f.directory, "move", &(struct cert_spec){ .san = "DNS:move.test" });
	f.server = tls_context_server(f.cert.cert_path, f.cert.key_path, error, sizeof(error));
	f.client = tls_context_client(
		&(struct tls_client_config){ .ca_file = f.cert.cert_path }, error, sizeof(error));
	assert_non_null(f.server);
	assert_non_null(f.client);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	tls_context_unref(f->server);
	tls_context_unref(f->client);
	certs_free(&f->cert);
	rmdir(f->directory);
	return 0;
}

static void a_socket_moves(void **state)
{
	move_one(*state, PLAIN, true);
}

static void tls_moves(void **state)
{
	move_one(*state, TLS, true);
	move_one(*state, TLS, false);
}

static void a_websocket_moves(void **state)
{
	move_one(*state, WS, true);
	move_one(*state, WS, false);
}

static void a_websocket_over_tls_moves(void **state)
{
	move_one(*state, WS_TLS, true);
	move_one(*state, WS_TLS, false);
}

static void tls_in_a_websocket_moves(void **state)
{
	move_one(*state, TLS_WS, true);
	move_one(*state, TLS_WS, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_moves),
		cmocka_unit_test(tls_moves),
		cmocka_unit_test(a_websocket_moves),
		cmocka_unit_test(a_websocket_over_tls_moves),
		cmocka_unit_test(tls_in_a_websocket_moves),
	};
	return cmocka_run_group_tests_name("net/move", tests, set_up, tear_down);
}
