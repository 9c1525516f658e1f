#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop_coarse.h"
#include "net/socket_stream.h"
#include "net/ws_text.h"
#include "wire.h"

enum { BELOW_MAX = 40 * 1024 * 1024, WAIT_MS = 30000, MESSAGE_MAX = 5000 };

struct end {
	struct ws_text *ws;
	int messages, closes, err;
	unsigned code;
	char reason[124];
	char *last;
	size_t last_len;
	bool close_in_message, destroy_in_message, close_in_close, pause_in_message;
};

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog, *tick;
	struct end a, b;
	int fd; /* the far end of `a` where there is no `b` */
	struct wire_reader in;
	struct ws_text_config config;
};

static struct loop_coarse *last_timer;

void __wrap_loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s);

void __wrap_loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s)
{
	(void)l, (void)delay_s;
	last_timer = t;
}

static void on_message(void *ctx, const char *text, size_t n)
{
	struct end *e = ctx;
	assert_int_equal(text[n], 0);
	e->messages++;
	free(e->last);
	e->last = malloc(n + 1);
	assert_non_null(e->last);
	memcpy(e->last, text, n + 1);
	e->last_len = n;
	if (e->pause_in_message)
		ws_text_want_read(e->ws, false);
	if (e->close_in_message)
		ws_text_close(e->ws, 1000, "enough");
	if (e->destroy_in_message)
		ws_text_destroy(e->ws);
	if (e->close_in_message || e->destroy_in_message)
		e->ws = NULL;
}

static void on_close(void *ctx, int err, unsigned code, const char *reason)
{
	struct end *e = ctx;
	e->closes++;
	e->err = err;
	e->code = code;
	strcpy(e->reason, reason);
	if (e->close_in_close) {
		ws_text_close(e->ws, 1000, NULL);
		e->ws = NULL;
	}
}

static const struct ws_text_events events = { on_message, on_close };

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

/* The far end is not on the loop: it must not sleep while that has work. */
static void ticked(void *ctx)
{
	loop_timer_start(((struct fixture *)ctx)->tick, 1);
}

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .loop = loop_create(), .fd = -1 };
	f.config = (struct ws_text_config){ .message_max = MESSAGE_MAX, .events = &events };
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	f.tick = loop_timer_create(f.loop, ticked, &f);
	loop_timer_start(f.tick, 1);
	wire_reader_init(&f.in, false, 1024);
	*state = &f;
	return 0;
}

static void close_all(struct fixture *f)
{
	ws_text_destroy(f->a.ws);
	ws_text_destroy(f->b.ws);
	free(f->a.last);
	free(f->b.last);
	f->a = f->b = (struct end){ 0 };
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	wire_reader_fini(&f->in);
	wire_reader_init(&f->in, false, 1024);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_all(f);
	wire_reader_fini(&f->in);
	loop_timer_destroy(f->watchdog);
	loop_timer_destroy(f->tick);
	loop_destroy(f->loop);
	return 0;
}

static void open_end(struct fixture *f, struct end *e, int fd, enum ws_role role, const void *early,
	size_t n_early)
{
	struct stream *below = socket_stream_create(f->loop, fd, BELOW_MAX);
	assert_non_null(below);
	f->config.ws.role = role;
	f->config.ctx = e;
	e->ws = ws_text_create(f->loop, below, &f->config, early, n_early);
	assert_non_null(e->ws);
}

static void open_one(struct fixture *f, enum ws_role role, const void *early, size_t n_early)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f->fd = fds[1];
	f->in.masked = role == WS_CLIENT;
	open_end(f, &f->a, fds[0], role, early, n_early);
}

static void open_both(struct fixture *f)
{
	open_one(f, WS_SERVER, NULL, 0);
	open_end(f, &f->b, f->fd, WS_CLIENT, NULL, 0);
	f->fd = -1;
}

static void receive(struct fixture *f)
{
	uint8_t bytes[4096];
	ssize_t n = recv(f->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n > 0)
		buf_put(&f->in.in, bytes, (size_t)n);
	if (!wire_read(&f->in))
		fail_msg("a frame breaks the protocol");
}

static void feed(struct fixture *f, const void *bytes, size_t n)
{
	for (size_t at = 0; at < n && !f->a.closes && f->a.ws;) {
		ssize_t done = send(
			f->fd, (const uint8_t *)bytes + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		at += done > 0 ? (size_t)done : 0;
		loop_turn(f->loop);
	}
	for (int i = 0; i < 3; i++)
		loop_turn(f->loop);
}

static void messages_go_both_ways(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 1024 * 1024, 1024 * 1024 + 1,
		3 * 1024 * 1024, 16 * 1024 * 1024 };
	f->config.message_max = WS_TEXT_MESSAGE_MAX;
	open_both(f);
	char *text = malloc(16 * 1024 * 1024);
	assert_non_null(text);
	for (size_t i = 0; i < 16 * 1024 * 1024; i++)
		text[i] = (char)('a' + (i * 7 + i / 1000) % 26);
	struct end *ends[2] = { &f->a, &f->b };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (int k = 0; k < 2; k++) {
			int had = ends[!k]->messages;
			assert_int_equal(ws_text_send(ends[k]->ws, text, sizes[i]), OK);
			while (ends[!k]->messages == had && !ends[!k]->closes)
				loop_turn(f->loop);
			assert_int_equal(ends[!k]->last_len, sizes[i]);
			assert_memory_equal(ends[!k]->last, text, sizes[i]);
		}
	assert_int_equal(ws_text_queued(f->a.ws), 0);
	assert_true(ws_text_fd(f->a.ws) >= 0);
	free(text);
	ws_text_close(f->a.ws, 4002, "told");
	f->a.ws = NULL;
	f->b.close_in_close = true;
	while (!f->b.closes)
		loop_turn(f->loop);
	assert_int_equal(f->b.code, 4002);
	assert_string_equal(f->b.reason, "told");
}

static void script(struct buf *wire, bool masked)
{
	wire_put(wire, 0x81, masked, "{\"a\":1}", 7);
	wire_put(wire, 0x01, masked, "split \xe2", 7);
	wire_put(wire, 0x89, masked, "ping", 4);
	wire_put(wire, 0x00, masked, "\x82", 1);
	wire_put(wire, 0x00, masked, "", 0);
	wire_put(wire, 0x8a, masked, "", 0);
	wire_put(wire, 0x80, masked, "\xac anywhere", 10);
	wire_put(wire, 0x81, masked, "", 0);
	wire_put_close(wire, masked, 1001, "bye");
}

static void check_script(struct fixture *f)
{
	while (!f->a.closes)
		loop_turn(f->loop);
	assert_int_equal(f->a.messages, 3);
	assert_int_equal(f->a.last_len, 0);
	assert_int_equal(f->a.err, OK);
	assert_int_equal(f->a.code, 1001);
	assert_string_equal(f->a.reason, "bye");
	receive(f);
	assert_int_equal(f->in.pongs, 1);
	assert_int_equal(f->in.close_code, 1001);
}

static void frames_may_be_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	struct buf wire;
	buf_init(&wire, 4096);
	script(&wire, true);
	for (size_t cut = 0; cut <= wire.len; cut++) {
		open_one(f, WS_SERVER, wire.data, cut);
		feed(f, wire.data + cut, wire.len - cut);
		check_script(f);
		close_all(f);
	}
	buf_reset(&wire);
	script(&wire, false);
	open_one(f, WS_CLIENT, NULL, 0);
	for (size_t i = 0; i < wire.len; i++)
		feed(f, wire.data + i, 1);
	check_script(f);
	buf_fini(&wire);
}

static void split_characters_arrive(void **state)
{
	struct fixture *f = *state;
	struct buf wire;
	buf_init(&wire, 4096);
	wire_put(&wire, 0x01, true, "\xf0\x9f", 2);
	wire_put(&wire, 0x80, true, "\x98\x80", 2);
	open_one(f, WS_SERVER, NULL, 0);
	feed(f, wire.data, wire.len);
	assert_int_equal(f->a.messages, 1);
	assert_string_equal(f->a.last, "\xf0\x9f\x98\x80");
	buf_fini(&wire);
}

static void bad_messages_end_with_their_code(void **state)
{
	struct fixture *f = *state;
	static char big[1024 * 1024 + 1];
	memset(big, 'x', sizeof(big));
	static const struct {
		unsigned first;
		const char *payload;
		size_t n;
		unsigned second; /* a frame of the same after it; 0: none */
		unsigned code;
		int err;
	} rows[] = {
		{ 0x81, "\xc3(", 2, 0, 1007, ERR_PROTO },
		{ 0x81, "\xe2\x82", 2, 0, 1007, ERR_PROTO },
		{ 0x82, "x", 1, 0, 1003, ERR_PROTO },
		{ 0x02, "x", 1, 0, 1003, ERR_PROTO },
		{ 0x80, "x", 1, 0, 1002, ERR_PROTO },
		{ 0x01, "x", 1, 0x81, 1002, ERR_PROTO },
		{ 0x81, big, MESSAGE_MAX + 1, 0, 1009, ERR_LIMIT },
		{ 0x01, big, MESSAGE_MAX - 100, 0x80, 1009, ERR_LIMIT },
		{ 0x81, big, sizeof(big), 0, 1009, ERR_LIMIT },
		{ 0x88, "\x03\xe8\xff", 3, 0, 1007, ERR_PROTO },
		{ 0x88, "\x03", 1, 0, 1002, ERR_PROTO },
		{ 0xc1, "x", 1, 0, 1002, ERR_PROTO },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf wire;
		buf_init(&wire, 3 * sizeof(big));
		wire_put(&wire, rows[i].first, true, rows[i].payload, rows[i].n);
		if (rows[i].first & 0x40)
			wire.data[0] |= 0x40;
		if (rows[i].second)
			wire_put(&wire, rows[i].second, true, rows[i].payload, rows[i].n);
		open_one(f, WS_SERVER, NULL, 0);
		feed(f, wire.data, wire.len);
		receive(f);
		if (f->a.closes != 1 || f->a.err != rows[i].err || f->a.code != rows[i].code)
			fail_msg("row %zu: code %u", i, f->a.code);
		assert_int_equal(f->in.close_code, rows[i].code);
		assert_int_equal(f->a.messages, 0);
		assert_int_equal(ws_text_send(f->a.ws, "x", 1), ERR_IO);
		buf_fini(&wire);
		close_all(f);
	}
}

static void the_longest_message_is_taken(void **state)
{
	struct fixture *f = *state;
	struct buf wire;
	char text[MESSAGE_MAX];
	memset(text, 'x', sizeof(text));
	buf_init(&wire, 3 * MESSAGE_MAX);
	wire_put(&wire, 0x01, true, text, 100);
	wire_put(&wire, 0x80, true, text, MESSAGE_MAX - 100);
	open_one(f, WS_SERVER, NULL, 0);
	feed(f, wire.data, wire.len);
	assert_int_equal(f->a.last_len, MESSAGE_MAX);
	buf_fini(&wire);
}

static void the_owner_may_close_anywhere(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 4; i++) {
		struct buf wire;
		buf_init(&wire, 4096);
		wire_put(&wire, 0x81, true, "one", 3);
		wire_put(&wire, 0x81, true, "two", 3);
		open_one(f, WS_SERVER, i / 2 ? wire.data : NULL, i / 2 ? wire.len : 0);
		f->a.close_in_message = i % 2;
		f->a.destroy_in_message = !(i % 2);
		if (i / 2 == 0)
			feed(f, wire.data, wire.len);
		while (f->a.ws)
			loop_turn(f->loop);
		assert_int_equal(f->a.messages, 1);
		assert_int_equal(f->a.closes, 0);
		receive(f);
		assert_int_equal(f->in.close_code, i % 2 ? 1000 : 0);
		buf_fini(&wire);
		close_all(f);
	}
}

static void a_pause_keeps_messages(void **state)
{
	struct fixture *f = *state;
	struct buf wire;
	buf_init(&wire, 4096);
	for (char c = 'a'; c <= 'z'; c++)
		wire_put(&wire, 0x81, true, &c, 1);
	open_one(f, WS_SERVER, NULL, 0);
	f->a.pause_in_message = true;
	for (int i = 1; i <= 26; i++) {
		feed(f, wire.data, i == 1 ? wire.len : 0);
		assert_int_equal(f->a.messages, i);
		assert_int_equal(f->a.last[0], 'a' + i - 1);
		ws_text_want_read(f->a.ws, true);
	}
	buf_fini(&wire);
}

static void a_slow_reader_is_closed(void **state)
{
	struct fixture *f = *state;
	f->config.queue_max = 100000;
	open_one(f, WS_SERVER, NULL, 0);
	static char text[30000];
	memset(text, 'x', sizeof(text));
	int err = OK;
	for (int i = 0; i < 1000 && !err; i++) {
		err = ws_text_send(f->a.ws, text, sizeof(text));
		assert_true(ws_text_queued(f->a.ws) <= 100000 + 20);
		assert_int_equal(f->a.closes, 0);
	}
	assert_int_equal(err, ERR_LIMIT);
	assert_int_equal(ws_text_send(f->a.ws, "x", 1), ERR_IO);
	while (!f->a.closes)
		loop_turn(f->loop);
	assert_int_equal(f->a.code, 1013);
	assert_int_equal(f->a.err, ERR_LIMIT);
}

static void a_silent_peer_is_dead(void **state)
{
	struct fixture *f = *state;
	open_one(f, WS_SERVER, NULL, 0);
	last_timer->fire(last_timer->ctx);
	receive(f);
	assert_int_equal(f->in.pings, 1);
	last_timer->fire(last_timer->ctx);
	assert_int_equal(f->a.closes, 1);
	assert_int_equal(f->a.code, 1006);
	assert_int_equal(f->a.err, ERR_IO);
}

static void a_lost_connection_is_told(void **state)
{
	struct fixture *f = *state;
	open_one(f, WS_SERVER, NULL, 0);
	f->a.close_in_close = true;
	close(f->fd);
	f->fd = -1;
	while (!f->a.closes)
		loop_turn(f->loop);
	assert_int_equal(f->a.code, 1006);
	assert_int_equal(f->a.err, ERR_IO);
}

#define TEXT_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(messages_go_both_ways),
		TEXT_TEST(frames_may_be_cut_anywhere),
		TEXT_TEST(split_characters_arrive),
		TEXT_TEST(bad_messages_end_with_their_code),
		TEXT_TEST(the_longest_message_is_taken),
		TEXT_TEST(the_owner_may_close_anywhere),
		TEXT_TEST(a_pause_keeps_messages),
		TEXT_TEST(a_slow_reader_is_closed),
		TEXT_TEST(a_silent_peer_is_dead),
		TEXT_TEST(a_lost_connection_is_told),
	};
	return cmocka_run_group_tests_name("net/ws_text", tests, NULL, NULL);
}
