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
#include "net/loop_coarse.h"
#include "net/socket_stream.h"
#include "net/ws_frame.h"
#include "net/ws_stream.h"

enum { QUEUE_MAX = 4 * 1024 * 1024, WAIT_MS = 30000, TOTAL_MAX = 64 * 1024 * 1024 };

struct end {
	struct stream *s;
	struct buf got;
	int ends, err, drains;
	bool close_in_data, close_in_end, pause_in_data;
};

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog;
	struct end a, b;
	int fd; /* the far end of `a` where there is no `b` */
};

/* Timers of seconds (keep-alive) are kept from starting and fired by hand. */
void __wrap_loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s);

static struct loop_coarse *last_timer;
static unsigned last_delay_s;

void __wrap_loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s)
{
	(void)l;
	last_timer = t;
	last_delay_s = delay_s;
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct end *e = ctx;
	assert_true(n > 0);
	buf_put(&e->got, data, n);
	if (e->pause_in_data)
		stream_want_read(e->s, false);
	if (e->close_in_data) {
		stream_close(e->s, true);
		e->s = NULL;
	}
}

static void on_drain(void *ctx)
{
	((struct end *)ctx)->drains++;
}

static void on_end(void *ctx, int err)
{
	struct end *e = ctx;
	e->ends++;
	e->err = err;
	if (e->close_in_end) {
		stream_close(e->s, true);
		e->s = NULL;
	}
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .loop = loop_create(), .fd = -1 };
	buf_init(&f.a.got, TOTAL_MAX);
	buf_init(&f.b.got, TOTAL_MAX);
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	*state = &f;
	return 0;
}

static void close_all(struct fixture *f)
{
	stream_close(f->a.s, false);
	stream_close(f->b.s, false);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	buf_reset(&f->a.got);
	buf_reset(&f->b.got);
	f->a = (struct end){ .got = f->a.got };
	f->b = (struct end){ .got = f->b.got };
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_all(f);
	buf_fini(&f->a.got);
	buf_fini(&f->b.got);
	loop_timer_destroy(f->watchdog);
	loop_destroy(f->loop);
	return 0;
}

static void open_end(struct fixture *f, struct end *e, int fd, enum ws_role role, const void *early,
	size_t n_early)
{
	struct stream *below = socket_stream_create(f->loop, fd, QUEUE_MAX);
	assert_non_null(below);
	e->s = ws_stream_create(
		f->loop, below, &(struct ws_config){ .role = role }, early, n_early);
	assert_non_null(e->s);
	stream_set_events(e->s, &events, e);
	stream_want_read(e->s, true);
}

static void open_one(struct fixture *f, enum ws_role role, const void *early, size_t n_early)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f->fd = fds[1];
	open_end(f, &f->a, fds[0], role, early, n_early);
}

static void open_both(struct fixture *f)
{
	open_one(f, WS_SERVER, NULL, 0);
	open_end(f, &f->b, f->fd, WS_CLIENT, NULL, 0);
	f->fd = -1;
}

static void put_frame(struct buf *b, unsigned first, bool masked, const void *payload, size_t n)
{
	struct ws_head h = { first & 0x80, first & 15, masked, { 9, 8, 7, 6 }, n };
	uint8_t head[WS_HEAD_MAX];
	buf_put(b, head, ws_head_write(&h, head));
	size_t at = b->len;
	buf_put(b, payload, n);
	if (masked)
		ws_mask(b->data + at, n, h.mask, 0);
}

/* Feeds raw bytes and turns the loop until they are looked at. */
static void feed(struct fixture *f, const void *bytes, size_t n)
{
	assert_int_equal(send(f->fd, bytes, n, MSG_NOSIGNAL), n);
	for (char c; !f->a.ends;) {
		loop_turn(f->loop);
		if (recv(stream_fd(f->a.s), &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
			break;
	}
}

static size_t receive(struct fixture *f, uint8_t *out, size_t cap)
{
	ssize_t n = recv(f->fd, out, cap, MSG_DONTWAIT);
	return n > 0 ? (size_t)n : 0;
}

static void both_ways_in_random_sizes(void **state)
{
	struct fixture *f = *state;
	open_both(f);
	enum { TOTAL = 3000000 };
	uint8_t *data = malloc(TOTAL);
	assert_non_null(data);
	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (uint8_t)rand();
	struct end *ends[2] = { &f->a, &f->b };
	for (size_t i = 0; i < 2; i++) {
		for (size_t at = 0; at < TOTAL;) {
			size_t n = (size_t)rand() % (rand() % 4 ? 300 : 200000) + 1;
			n = n < TOTAL - at ? n : TOTAL - at;
			assert_int_equal(stream_send(ends[i]->s, data + at, n), OK);
			at += n;
			if (stream_queued(ends[i]->s) > QUEUE_MAX / 2)
				loop_turn(f->loop);
		}
	}
	while (f->a.got.len < TOTAL || f->b.got.len < TOTAL)
		loop_turn(f->loop);
	assert_memory_equal(f->a.got.data, data, TOTAL);
	assert_memory_equal(f->b.got.data, data, TOTAL);
	free(data);
}

static void check_messages(const uint8_t *wire, size_t n, bool masked, const uint8_t *want)
{
	struct rd in = rd_of(wire, n);
	while (in.left > 0) {
		struct ws_head h;
		assert_int_equal(ws_head_parse(&in, &h), OK);
		assert_true(h.fin && h.opcode == WS_BINARY && h.masked == masked);
		assert_true(h.len > 0 && h.len <= 65536);
		const uint8_t *p = rd_bytes(&in, (size_t)h.len);
		assert_non_null(p);
		for (size_t i = 0; i < h.len; i++)
			if ((p[i] ^ h.mask[i % 4]) != *want++)
				fail_msg("payload differs");
	}
}

/* 64 KiB leave as one message, more as several; parts do not show. */
static void large_sends_become_messages(void **state)
{
	struct fixture *f = *state;
	static uint8_t data[40 * 65536], wire[sizeof(data) + 10000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	static const size_t sizes[] = { 1, 125, 126, 65535, 65536, 65537, 1000000, sizeof(data) };
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i / 2], got = 0;
		open_one(f, i % 2 ? WS_CLIENT : WS_SERVER, NULL, 0);
		struct iovec parts[30];
		for (size_t k = 0, at = 0; k < 30; k++) {
			size_t n = k == 29 ? size - at : (size - at) / (k % 3 ? 20 : 2);
			parts[k] = (struct iovec){ data + at, n };
			at += n;
		}
		assert_int_equal(stream_sendv(f->a.s, parts, 30), OK);
		while (stream_queued(f->a.s) > 0) {
			got += receive(f, wire + got, sizeof(wire) - got);
			loop_turn(f->loop);
		}
		got += receive(f, wire + got, sizeof(wire) - got);
		assert_in_range(got, size + 1, size + 14 * (size / 65536 + 1));
		check_messages(wire, got, i % 2, data);
		close_all(f);
	}
}

static void full_queue_refuses_whole_sends(void **state)
{
	struct fixture *f = *state;
	for (int role = WS_SERVER; role <= WS_CLIENT; role++) {
		open_one(f, (enum ws_role)role, NULL, 0);
		uint8_t *data = calloc(1, QUEUE_MAX);
		assert_non_null(data);
		assert_int_equal(stream_send(f->a.s, data, QUEUE_MAX), ERR_LIMIT);
		assert_int_equal(stream_queued(f->a.s), 0);
		assert_int_equal(stream_send(f->a.s, data, QUEUE_MAX / 2), OK);
		size_t queued = stream_queued(f->a.s);
		assert_int_equal(stream_send(f->a.s, data, QUEUE_MAX - queued), ERR_LIMIT);
		assert_int_equal(stream_queued(f->a.s), queued);
		assert_int_equal(stream_send(f->a.s, data, 0), OK);
		assert_int_equal(stream_queued(f->a.s), queued);
		free(data);
		close_all(f);
	}
}

static void script(struct buf *wire)
{
	put_frame(wire, 0x82, true, "one ", 4);
	put_frame(wire, 0x02, true, "two ", 4);
	put_frame(wire, 0x89, true, "mid", 3);
	put_frame(wire, 0x00, true, "three ", 6);
	put_frame(wire, 0x00, true, "", 0);
	put_frame(wire, 0x8a, true, "pong nobody asked for", 21);
	put_frame(wire, 0x80, true, "four ", 5);
	put_frame(wire, 0x82, true, "", 0);
	static const uint8_t long_one[300] = { 'x' };
	put_frame(wire, 0x82, true, long_one, sizeof(long_one));
	put_frame(wire, 0x88, true,
		"\x03\xe8"
		"bye",
		5);
}

static void check_script(struct fixture *f)
{
	assert_int_equal(f->a.ends, 1);
	assert_int_equal(f->a.err, OK);
	assert_int_equal(f->a.got.len, 4 + 4 + 6 + 5 + 300);
	assert_memory_equal(f->a.got.data, "one two three four x", 20);
	uint8_t out[100];
	assert_int_equal(receive(f, out, sizeof(out)), 5 + 4);
	assert_memory_equal(out, "\x8a\x03mid\x88\x02\x03\xe8", 9);
}

/* Wherever the network cuts the bytes, and with any of them early. */
static void frames_may_be_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	struct buf wire;
	buf_init(&wire, 4096);
	script(&wire);
	for (size_t cut = 0; cut <= wire.len; cut++) {
		open_one(f, WS_SERVER, NULL, 0);
		if (cut > 0)
			feed(f, wire.data, cut);
		if (cut < wire.len)
			feed(f, wire.data + cut, wire.len - cut);
		check_script(f);
		close_all(f);
		open_one(f, WS_SERVER, wire.data, cut);
		if (cut < wire.len)
			feed(f, wire.data + cut, wire.len - cut);
		while (!f->a.ends)
			loop_turn(f->loop);
		check_script(f);
		close_all(f);
	}
	open_one(f, WS_SERVER, NULL, 0);
	for (size_t i = 0; i < wire.len; i++)
		feed(f, wire.data + i, 1);
	check_script(f);
	buf_fini(&wire);
}

static void owner_may_pause_after_every_piece(void **state)
{
	struct fixture *f = *state;
	struct buf wire;
	buf_init(&wire, 4096);
	script(&wire);
	open_one(f, WS_SERVER, NULL, 0);
	f->a.pause_in_data = true;
	assert_int_equal(write(f->fd, wire.data, wire.len), wire.len);
	shutdown(f->fd, SHUT_WR);
	for (size_t had = 0; !f->a.ends; had = f->a.got.len) {
		while (f->a.got.len == had && !f->a.ends)
			loop_turn(f->loop);
		stream_want_read(f->a.s, true);
		stream_want_read(f->a.s, false);
		stream_want_read(f->a.s, true);
	}
	check_script(f);
	buf_fini(&wire);
}

static void owner_may_close_in_callbacks(void **state)
{
	struct fixture *f = *state;
	struct buf wire;
	buf_init(&wire, 4096);
	script(&wire);
	for (int i = 0; i < 2; i++) {
		open_one(f, WS_SERVER, i ? wire.data : NULL, i ? wire.len : 0);
		f->a.close_in_data = true;
		assert_int_equal(write(f->fd, wire.data, wire.len), wire.len);
		while (f->a.s)
			loop_turn(f->loop);
		uint8_t out[100];
		assert_int_equal(receive(f, out, sizeof(out)), 4);
		assert_memory_equal(out, "\x88\x02\x03\xe8", 4);
		close_all(f);
		open_one(f, WS_SERVER, NULL, 0);
		f->a.close_in_end = true;
		if (i)
			assert_int_equal(write(f->fd, "\x88\x80zzzz", 6), 6);
		else
			shutdown(f->fd, SHUT_RDWR);
		while (f->a.s)
			loop_turn(f->loop);
		assert_int_equal(f->a.err, i ? OK : ERR_IO);
		close_all(f);
	}
	buf_fini(&wire);
}

static void bad_frames_end_with_their_code(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *bytes;
		size_t n;
		enum ws_role role;
		unsigned code;
		int err;
	} rows[] = {
		{ "\x82\x01x", 3, WS_SERVER, 1002, ERR_PROTO }, /* not masked */
		{ "\x89\x00", 2, WS_SERVER, 1002, ERR_PROTO },
		{ "\x82\x81mmmmx", 7, WS_CLIENT, 1002, ERR_PROTO }, /* masked */
		{ "\x81\x81mmmmx", 7, WS_SERVER, 1003, ERR_PROTO }, /* text */
		{ "\x81\x01x", 3, WS_CLIENT, 1003, ERR_PROTO },
		{ "\x80\x81mmmmx", 7, WS_SERVER, 1002, ERR_PROTO }, /* continues nothing */
		{ "\x02\x80mmmm\x82\x80mmmm", 12, WS_SERVER, 1002, ERR_PROTO }, /* in a message */
		{ "\xc2\x80mmmm", 6, WS_SERVER, 1002, ERR_PROTO },              /* reserved bit */
		{ "\x82\xff\0\0\0\0\4\0\0\1mmmm", 14, WS_SERVER, 1009, ERR_LIMIT },
		{ "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffmmmm", 14, WS_SERVER, 1009, ERR_LIMIT },
		{ "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffmmmm", 14, WS_SERVER, 1002, ERR_PROTO },
		{ "\x88\x81\0\0\0\0\3", 7, WS_SERVER, 1002, ERR_PROTO },     /* half a code */
		{ "\x88\x82\0\0\0\0\3\xec", 8, WS_SERVER, 1002, ERR_PROTO }, /* 1004 */
		{ "\x88\x82\0\0\0\0\3\xed", 8, WS_SERVER, 1002, ERR_PROTO }, /* 1005 */
		{ "\x88\x82\0\0\0\0\0\0", 8, WS_SERVER, 1002, ERR_PROTO },
		{ "\x88\x82\0\0\0\0\x0b\xb8", 8, WS_SERVER, 3000, ERR_IO },
		{ "\x88\x82\0\0\0\0\3\xe9", 8, WS_SERVER, 1001, OK },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_one(f, rows[i].role, NULL, 0);
		feed(f, rows[i].bytes, rows[i].n);
		uint8_t out[100];
		size_t n = receive(f, out, sizeof(out));
		struct rd in = rd_of(out, n);
		struct ws_head h;
		if (f->a.ends != 1 || f->a.err != rows[i].err || ws_head_parse(&in, &h))
			fail_msg("row %zu: ended %d with %d", i, f->a.ends, f->a.err);
		assert_int_equal(h.opcode, WS_CLOSE);
		assert_int_equal(h.masked, rows[i].role == WS_CLIENT);
		assert_int_equal(in.left, 2);
		ws_mask(out + n - 2, 2, h.mask, 0);
		assert_int_equal(rd_u16(&in), rows[i].code);
		assert_int_equal(stream_send(f->a.s, "x", 1), ERR_IO);
		close_all(f);
	}
}

/* The largest frame passes in pieces, nothing is gathered. */
static void largest_frame_passes(void **state)
{
	struct fixture *f = *state;
	open_one(f, WS_SERVER, NULL, 0);
	static const uint8_t zeros[256 * 1024];
	assert_int_equal(write(f->fd, "\x82\xff\0\0\0\0\4\0\0\0\1\2\3\4", 14), 14);
	size_t total = 64u * 1024 * 1024, sent = 0, got = 0;
	while (got < total) {
		ssize_t n = send(f->fd, zeros,
			total - sent < sizeof(zeros) ? total - sent : sizeof(zeros), MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		loop_turn(f->loop);
		for (size_t i = 0; i < f->a.got.len; i += 4093)
			assert_int_equal(f->a.got.data[i], (got + i) % 4 + 1);
		got += f->a.got.len;
		buf_reset(&f->a.got);
	}
	assert_int_equal(f->a.ends, 0);
}

static void ping_flood_is_refused(void **state)
{
	struct fixture *f = *state;
	open_one(f, WS_SERVER, NULL, 0);
	f->a.close_in_end = true;
	for (int i = 0; i < 5000 && f->a.s; i++) {
		if (send(f->fd, "\x89\x80mmmm", 6, MSG_NOSIGNAL) == 6)
			loop_turn(f->loop);
		uint8_t out[1000];
		receive(f, out, sizeof(out));
	}
	assert_int_equal(f->a.err, ERR_LIMIT);
}

static void pongs_do_not_pile_up(void **state)
{
	struct fixture *f = *state;
	open_one(f, WS_SERVER, NULL, 0);
	uint8_t *data = calloc(1, QUEUE_MAX);
	assert_non_null(data);
	while (stream_queued(f->a.s) <= 64 * 1024)
		assert_int_equal(stream_send(f->a.s, data, 100 * 1024), OK);
	free(data);
	size_t queued = stream_queued(f->a.s);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(send(f->fd, "\x89\x80mmmm", 6, MSG_NOSIGNAL), 6);
		loop_turn(f->loop);
	}
	assert_int_equal(f->a.ends, 0);
	assert_int_equal(stream_queued(f->a.s), queued);
}

static void fire_timer(void)
{
	last_timer->fire(last_timer->ctx);
}

static void silent_peer_is_dead(void **state)
{
	struct fixture *f = *state;
	open_one(f, WS_SERVER, NULL, 0);
	assert_int_equal(last_delay_s, 30);
	fire_timer();
	uint8_t out[10];
	assert_int_equal(receive(f, out, sizeof(out)), 2);
	assert_memory_equal(out, "\x89\x00", 2);
	assert_int_equal(last_delay_s, 10);
	feed(f, "\x8a\x80mmmm", 6);
	fire_timer();
	assert_int_equal(last_delay_s, 20);
	fire_timer();
	assert_int_equal(last_delay_s, 10);
	fire_timer();
	assert_int_equal(f->a.ends, 1);
	assert_int_equal(f->a.err, ERR_IO);
}

static void busy_or_paused_peer_is_not_dead(void **state)
{
	struct fixture *f = *state;
	open_one(f, WS_SERVER, NULL, 0);
	stream_want_read(f->a.s, false);
	for (int i = 0; i < 4; i++)
		fire_timer();
	assert_int_equal(f->a.ends, 0);
	close_all(f);

	open_one(f, WS_SERVER, NULL, 0);
	uint8_t *data = calloc(1, QUEUE_MAX);
	assert_int_equal(stream_send(f->a.s, data, QUEUE_MAX / 2), OK);
	for (int i = 0; i < 4; i++)
		fire_timer();
	assert_int_equal(f->a.ends, 0);
	while (stream_queued(f->a.s) > 0) {
		receive(f, data, QUEUE_MAX);
		loop_turn(f->loop);
	}
	assert_int_equal(f->a.drains, 1);
	fire_timer(); /* the ping has only now left */
	fire_timer();
	assert_int_equal(f->a.ends, 1);
	free(data);
}

#define WS_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WS_TEST(both_ways_in_random_sizes),
		WS_TEST(large_sends_become_messages),
		WS_TEST(full_queue_refuses_whole_sends),
		WS_TEST(frames_may_be_cut_anywhere),
		WS_TEST(owner_may_pause_after_every_piece),
		WS_TEST(owner_may_close_in_callbacks),
		WS_TEST(bad_frames_end_with_their_code),
		WS_TEST(largest_frame_passes),
		WS_TEST(ping_flood_is_refused),
		WS_TEST(pongs_do_not_pile_up),
		WS_TEST(silent_peer_is_dead),
		WS_TEST(busy_or_paused_peer_is_not_dead),
	};
	return cmocka_run_group_tests_name("net/ws_stream", tests, NULL, NULL);
}
