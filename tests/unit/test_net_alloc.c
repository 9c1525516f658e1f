/* Linked with --wrap: the nth allocation of our own code fails. Whatever it
 * hits, the session ends in order and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/listener.h"
#include "net/peer.h"
#include "net/socket_stream.h"
#include "net/ws_stream.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long fail_at, count;

void *__wrap_malloc(size_t size)
{
	return ++count == fail_at ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return ++count == fail_at ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return ++count == fail_at ? NULL : __real_realloc(p, size);
}

enum { TOTAL = 1500 * 1000 };

struct end {
	struct stream *s;
	size_t got;
	int ends;
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
	((struct end *)ctx)->ends++;
}

static const struct stream_events events = { on_data, on_drain, on_end };

static bool open_end(struct loop *l, struct end *e, int fd, enum ws_role role)
{
	struct stream *below = socket_stream_create(l, fd, 4 * TOTAL);
	if (!below) {
		close(fd);
		return false;
	}
	e->s = ws_stream_create(l, below, &(struct ws_config){ .role = role },
		(const uint8_t *)"\x8a\x00", role == WS_CLIENT ? 2 : 0);
	if (!e->s) {
		stream_close(below, false);
		return false;
	}
	stream_set_events(e->s, &events, e);
	stream_want_read(e->s, true);
	return true;
}

/* Both send until all has come, or one of them ended. */
static void talk(struct loop *l, struct end *a, struct end *b)
{
	static uint8_t data[TOTAL];
	struct iovec parts[40];
	for (size_t i = 0; i < 40; i++)
		parts[i] = (struct iovec){ data + i * (TOTAL / 40), TOTAL / 40 };
	if (stream_sendv(a->s, parts, 40) || stream_send(b->s, data, TOTAL))
		return;
	while (b->got < TOTAL && a->got < TOTAL && !a->ends && !b->ends)
		loop_turn(l);
}

static void session(struct loop *l)
{
	struct end a = { 0 }, b = { 0 };
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if (!open_end(l, &a, fds[0], WS_SERVER))
		close(fds[1]);
	else if (open_end(l, &b, fds[1], WS_CLIENT))
		talk(l, &a, &b);
	stream_close(a.s, true);
	stream_close(b.s, true);
}

static void on_accept(void *ctx, int fd, const struct address *peer)
{
	(void)ctx;
	(void)peer;
	close(fd);
}

static void listen_and_look(struct loop *l)
{
	struct address a;
	assert_int_equal(address_parse("127.0.0.1:0", &a), OK);
	struct listener *listener = listener_create(l, NULL, &a, on_accept, NULL);
	peer_table_destroy(peer_table_create());
	listener_destroy(listener);
}

static void any_allocation_may_fail(void **state)
{
	(void)state;
	for (fail_at = 1;; fail_at++) {
		count = 0;
		struct loop *l = loop_create();
		if (l) {
			session(l);
			listen_and_look(l);
			loop_destroy(l);
		}
		if (count < fail_at)
			break;
	}
	fail_at = 0;
	assert_true(count > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(any_allocation_may_fail) };
	return cmocka_run_group_tests_name("net/alloc", tests, NULL, NULL);
}
