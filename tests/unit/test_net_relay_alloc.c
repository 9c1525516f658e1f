/* Linked with --wrap: the nth allocation of our own code fails while a pump or a
 * text WebSocket is at work. Whatever it hits, it ends in order and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/pump.h"
#include "net/socket_stream.h"
#include "net/ws_stream.h"
#include "net/ws_text.h"
#include "wire.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long fail_at, count;
static bool armed; /* the test's own allocations do not count */

static bool fails(void)
{
	return armed && ++count == fail_at;
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

enum { QUEUE_MAX = 1024 * 1024, PART = 70000, PARTS = 6, TURNS_MAX = 100000 };

struct session {
	struct loop *loop;
	struct loop_timer *tick;
	int fds[2]; /* the far ends */
	struct buf wire;
	bool ended, got;
};

static void ticked(void *ctx)
{
	loop_timer_start(((struct session *)ctx)->tick, 1);
}

static void open_session(struct session *s)
{
	*s = (struct session){ .loop = loop_create(), .fds = { -1, -1 } };
	s->tick = loop_timer_create(s->loop, ticked, s);
	loop_timer_start(s->tick, 1);
	buf_init(&s->wire, 2 * PART * PARTS);
	armed = true;
}

static void close_session(struct session *s)
{
	armed = false;
	for (int i = 0; i < 2; i++)
		if (s->fds[i] >= 0)
			close(s->fds[i]);
	buf_fini(&s->wire);
	loop_timer_destroy(s->tick);
	loop_destroy(s->loop);
}

static struct stream *open_socket(struct session *s, int i)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	s->fds[i] = fds[1];
	struct stream *below = socket_stream_create(s->loop, fds[0], QUEUE_MAX);
	if (!below)
		close(fds[0]);
	return below;
}

static struct stream *open_websocket(struct session *s, int i, enum ws_role role)
{
	struct ws_config config = { .role = role };
	struct stream *below = open_socket(s, i);
	struct stream *ws = below ? ws_stream_create(s->loop, below, &config, NULL, 0) : NULL;
	if (!ws)
		stream_close(below, false);
	return ws;
}

static void on_pump_end(void *ctx, enum pump_why why)
{
	(void)why;
	((struct session *)ctx)->ended = true;
}

/* True when all of s->wire has been sent and `want` bytes have come at the other end. */
static bool move(struct session *s, size_t *sent, size_t *came, size_t want)
{
	static uint8_t bytes[30000];
	ssize_t n = send(
		s->fds[0], s->wire.data + *sent, s->wire.len - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	*sent += n > 0 ? (size_t)n : 0;
	n = s->fds[1] < 0 ? 0 : recv(s->fds[1], bytes, sizeof(bytes), MSG_DONTWAIT);
	*came += n > 0 ? (size_t)n : 0;
	return *came >= want;
}

static void relay(struct session *s, enum ws_role role)
{
	struct pump_config config = { .idle_s = 1000 };
	struct pump *pump = NULL;
	struct stream *a = open_websocket(s, 0, WS_SERVER), *b = NULL;
	if (a)
		pump = pump_create(s->loop, a, NULL, &config, on_pump_end, s);
	if (!pump)
		stream_close(a, false);
	size_t sent = 0, came = 0;
	for (int i = 0; pump && !s->ended && i < TURNS_MAX; i++) {
		if (move(s, &sent, &came, PART * PARTS))
			break;
		loop_turn(s->loop);
		if (i != 5 || s->ended)
			continue;
		b = open_websocket(s, 1, role);
		if (!b || pump_join(pump, b)) {
			stream_close(b, false);
			break;
		}
	}
	s->got = came >= PART * PARTS;
	pump_destroy(pump);
}

static void one_relay(enum ws_role role)
{
	static const uint8_t data[PART];
	struct session s;
	open_session(&s);
	armed = false;
	for (int i = 0; i < PARTS; i++)
		wire_put(&s.wire, 0x82, true, data, sizeof(data));
	armed = true;
	relay(&s, role);
	/* Untouched it works; a failure ends it, or costs only a reason or so. */
	assert_true(s.got || count >= fail_at);
	close_session(&s);
}

static void on_message(void *ctx, const char *text, size_t n)
{
	(void)text;
	((struct session *)ctx)->got = n == PART;
}

static void on_close(void *ctx, int err, unsigned code, const char *reason)
{
	(void)err, (void)code, (void)reason;
	((struct session *)ctx)->ended = true;
}

static void one_text(enum ws_role role)
{
	static const struct ws_text_events events = { on_message, on_close };
	static char text[PART];
	struct session s;
	memset(text, 'x', sizeof(text));
	open_session(&s);
	armed = false;
	wire_put(&s.wire, 0x01, role == WS_SERVER, text, 10);
	wire_put(&s.wire, 0x80, role == WS_SERVER, text, PART - 10);
	armed = true;
	struct ws_text_config config = { .ws.role = role, .events = &events, .ctx = &s };
	struct stream *below = open_socket(&s, 0);
	struct ws_text *ws = below ? ws_text_create(s.loop, below, &config, NULL, 0) : NULL;
	if (!ws)
		stream_close(below, false);
	else if (ws_text_send(ws, text, PART))
		s.ended = true;
	size_t sent = 0, came = 0;
	for (int i = 0; ws && !s.ended && !s.got && i < TURNS_MAX; i++) {
		bool never = move(&s, &sent, &came, SIZE_MAX);
		assert_false(never);
		loop_turn(s.loop);
	}
	assert_true(s.got || count >= fail_at);
	ws_text_close(ws, 1001, "end");
	close_session(&s);
}

static void each_fails_once(void (*run)(enum ws_role role), enum ws_role role)
{
	for (fail_at = 1;; fail_at++) {
		count = 0;
		run(role);
		if (count < fail_at)
			break;
	}
	assert_true(fail_at > 3);
	fail_at = 0;
}

static void a_pump(void **state)
{
	(void)state;
	each_fails_once(one_relay, WS_SERVER);
	each_fails_once(one_relay, WS_CLIENT);
}

static void a_text_websocket(void **state)
{
	(void)state;
	each_fails_once(one_text, WS_SERVER);
	each_fails_once(one_text, WS_CLIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pump),
		cmocka_unit_test(a_text_websocket),
	};
	return cmocka_run_group_tests_name("net/relay_alloc", tests, NULL, NULL);
}
