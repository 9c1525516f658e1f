#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/out_queue.h"
#include "net/socket_stream.h"

enum { QUEUE_MAX = 1024 * 1024, WAIT_MS = 20000 };

enum { CLOSE_NEVER, CLOSE_DROP, CLOSE_FLUSH };

/* One end: a stream and all it told. */
struct end {
	struct stream *s;
	struct buf got;
	int data_calls, drains, ends, err;
	size_t largest;
	int close_in_data, close_in_drain, close_in_end;
	bool echo, inside;
};

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog;
	struct end a, b;
	int fd; /* the far end of `a` where there is no `b` */
};

static void close_as(struct end *e, int how)
{
	if (how == CLOSE_NEVER)
		return;
	stream_close(e->s, how == CLOSE_FLUSH);
	e->s = NULL;
}

static void on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct end *e = ctx;
	assert_false(e->inside);
	assert_true(n > 0);
	e->data_calls++;
	e->largest = n > e->largest ? n : e->largest;
	buf_put(&e->got, data, n);
	e->inside = true;
	if (e->echo)
		assert_int_equal(stream_send(e->s, data, n), OK);
	close_as(e, e->close_in_data);
	e->inside = false;
}

static void on_drain(void *ctx)
{
	struct end *e = ctx;
	assert_false(e->inside);
	assert_int_equal(stream_queued(e->s), 0);
	e->drains++;
	close_as(e, e->close_in_drain);
}

static void on_end(void *ctx, int err)
{
	struct end *e = ctx;
	assert_false(e->inside);
	e->ends++;
	e->err = err;
	close_as(e, e->close_in_end);
}

static const struct stream_events events = { on_data, on_drain, on_end };

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

static void note_time(void *ctx)
{
	*(bool *)ctx = true;
}

static void turn_for(struct fixture *f, uint64_t ms)
{
	bool over = false;
	struct loop_timer *t = loop_timer_create(f->loop, note_time, &over);
	loop_timer_start(t, ms);
	while (!over)
		loop_turn(f->loop);
	loop_timer_destroy(t);
}

static void open_end(struct fixture *f, struct end *e, int fd)
{
	e->s = socket_stream_create(f->loop, fd, QUEUE_MAX);
	assert_non_null(e->s);
	assert_int_equal(stream_fd(e->s), fd);
	stream_set_events(e->s, &events, e);
	stream_want_read(e->s, true);
}

static void tcp_pair(int fds[2])
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&sa, len), 0);
	fds[1] = accept(listener, NULL, NULL);
	assert_true(fds[1] >= 0);
	close(listener);
}

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .loop = loop_create(), .fd = -1 };
	buf_init(&f.a.got, 64 * 1024 * 1024);
	buf_init(&f.b.got, 64 * 1024 * 1024);
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	stream_close(f->a.s, false);
	stream_close(f->b.s, false);
	buf_fini(&f->a.got);
	buf_fini(&f->b.got);
	loop_timer_destroy(f->watchdog);
	loop_destroy(f->loop);
	if (f->fd >= 0)
		close(f->fd);
	return 0;
}

/* `a` is a stream, its peer a bare descriptor. */
static void open_one(struct fixture *f, bool tcp)
{
	int fds[2];
	if (tcp)
		tcp_pair(fds);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	open_end(f, &f->a, fds[0]);
	f->fd = fds[1];
}

static void open_both(struct fixture *f, bool tcp)
{
	open_one(f, tcp);
	open_end(f, &f->b, f->fd);
	f->fd = -1;
}

static uint8_t *random_block(size_t n)
{
	uint8_t *p = malloc(n);
	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rand();
	return p;
}

static void echo_keeps_every_byte(void **state)
{
	struct fixture *f = *state;
	open_both(f, true);
	f->b.echo = true;
	enum { TOTAL = 600000 };
	uint8_t *data = random_block(TOTAL);
	for (size_t at = 0; at < TOTAL;) {
		size_t n = (size_t)rand() % 9000 + 1;
		n = n < TOTAL - at ? n : TOTAL - at;
		assert_int_equal(stream_send(f->a.s, data + at, n), OK);
		at += n;
		if (rand() % 8 == 0)
			loop_turn(f->loop);
	}
	while (f->a.got.len < TOTAL)
		loop_turn(f->loop);
	assert_memory_equal(f->a.got.data, data, TOTAL);
	assert_true(f->a.largest <= 32 * 1024);
	free(data);
}

static void parts_leave_in_order(void **state)
{
	struct fixture *f = *state;
	open_both(f, false);
	enum { PARTS = 1500, PART = 300 };
	uint8_t *data = random_block(PARTS * PART);
	struct iovec parts[PARTS];
	for (size_t i = 0; i < PARTS; i++)
		parts[i] = (struct iovec){ data + i * PART, i % 7 ? PART : 0 };
	size_t total = 0;
	for (size_t i = 0; i < PARTS; i++)
		total += parts[i].iov_len;
	assert_int_equal(stream_sendv(f->a.s, parts, PARTS), OK);
	while (f->b.got.len < total)
		loop_turn(f->loop);
	size_t at = 0;
	for (size_t i = 0; i < PARTS; i++) {
		assert_memory_equal(f->b.got.data + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	free(data);
}

/* Fills the kernel and the queue; what is refused must leave no trace. */
static size_t fill(struct stream *s)
{
	static uint8_t block[100 * 1000];
	size_t sent = 0;
	for (int err = OK; !err;) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (uint8_t)((sent + i) / 251);
		err = stream_send(s, block, sizeof(block));
		assert_true(err == OK || err == ERR_LIMIT);
		sent += err ? 0 : sizeof(block);
	}
	return sent;
}

static void check_filled(const struct buf *got, size_t n)
{
	assert_int_equal(got->len, n);
	for (size_t i = 0; i < n; i++)
		if (got->data[i] != (uint8_t)(i / 251))
			fail_msg("byte %zu differs", i);
}

static void queue_stops_at_its_ceiling(void **state)
{
	struct fixture *f = *state;
	open_one(f, true);
	size_t sent = fill(f->a.s), room = QUEUE_MAX - stream_queued(f->a.s);
	static uint8_t more[QUEUE_MAX + 1];
	assert_int_equal(stream_send(f->a.s, more, room + 1), ERR_LIMIT);
	struct iovec parts[] = { { more, room }, { more, 1 } };
	assert_int_equal(stream_sendv(f->a.s, parts, 2), ERR_LIMIT);
	assert_int_equal(stream_queued(f->a.s), QUEUE_MAX - room);
	assert_int_equal(f->a.drains, 0);
	open_end(f, &f->b, f->fd);
	f->fd = -1;
	while (f->b.got.len < sent)
		loop_turn(f->loop);
	while (!f->a.drains)
		loop_turn(f->loop);
	assert_int_equal(f->a.drains, 1);
	check_filled(&f->b.got, sent);
	assert_int_equal(stream_send(f->a.s, more, QUEUE_MAX + 1), ERR_LIMIT);
	assert_int_equal(stream_send(f->a.s, more, QUEUE_MAX), OK);
}

static void nothing_is_read_unless_wanted(void **state)
{
	struct fixture *f = *state;
	open_both(f, false);
	stream_want_read(f->b.s, false);
	assert_int_equal(stream_send(f->a.s, "key", 3), OK);
	stream_want_read(f->b.s, true);
	stream_want_read(f->b.s, false);
	turn_for(f, 30);
	assert_int_equal(f->b.got.len, 0);
	stream_want_read(f->b.s, true);
	while (!f->b.got.len)
		loop_turn(f->loop);
	assert_memory_equal(f->b.got.data, "key", 3);
}

static void orderly_end_is_told_once(void **state)
{
	struct fixture *f = *state;
	open_both(f, true);
	assert_int_equal(stream_send(f->a.s, "bye", 3), OK);
	close_as(&f->a, CLOSE_DROP);
	f->b.err = 99;
	while (!f->b.ends)
		loop_turn(f->loop);
	assert_int_equal(f->b.err, OK);
	assert_memory_equal(f->b.got.data, "bye", 3);
	assert_int_equal(stream_send(f->b.s, "x", 1), ERR_IO);
	stream_want_read(f->b.s, true);
	assert_int_equal(f->b.ends, 1);
}

static void reset_is_an_error(void **state)
{
	struct fixture *f = *state;
	open_one(f, true);
	struct linger hard = { 1, 0 };
	setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(f->fd);
	f->fd = -1;
	f->a.close_in_end = CLOSE_FLUSH;
	while (!f->a.ends)
		loop_turn(f->loop);
	assert_int_equal(f->a.err, ERR_IO);
	assert_null(f->a.s);
}

/* The peer sent its last keys and left; our write fails first. */
static void failed_write_still_delivers_input(void **state)
{
	struct fixture *f = *state;
	for (int tcp = 0; tcp < 2; tcp++) {
		open_one(f, tcp);
		assert_int_equal(write(f->fd, "last keys", 9), 9);
		close(f->fd);
		f->fd = -1;
		int err = OK;
		for (int i = 0; i < 1000 && !err; i++) {
			usleep(1000);
			err = stream_send(f->a.s, "update", 6);
		}
		assert_int_equal(err, ERR_IO);
		assert_int_equal(f->a.ends, 0);
		while (!f->a.ends)
			loop_turn(f->loop);
		assert_int_equal(f->a.err, ERR_IO);
		assert_memory_equal(f->a.got.data, "last keys", 9);
		stream_close(f->a.s, true);
		buf_reset(&f->a.got);
		f->a.s = NULL;
		f->a.ends = 0;
	}
}

static void failed_write_ends_one_that_does_not_read(void **state)
{
	struct fixture *f = *state;
	open_one(f, false);
	stream_want_read(f->a.s, false);
	close(f->fd);
	f->fd = -1;
	assert_int_equal(stream_send(f->a.s, "update", 6), ERR_IO);
	assert_int_equal(f->a.ends, 0);
	while (!f->a.ends)
		loop_turn(f->loop);
	assert_int_equal(f->a.err, ERR_IO);
}

static void close_is_safe_in_every_callback(void **state)
{
	struct fixture *f = *state;
	for (int how = CLOSE_DROP; how <= CLOSE_FLUSH; how++) {
		open_both(f, false);
		f->b.close_in_data = how;
		assert_int_equal(stream_send(f->a.s, "x", 1), OK);
		while (f->b.s)
			loop_turn(f->loop);
		while (!f->a.ends)
			loop_turn(f->loop);
		close_as(&f->a, how);
		f->b.close_in_data = CLOSE_NEVER;
		open_both(f, false);
		f->a.close_in_drain = how;
		fill(f->a.s);
		while (f->a.s)
			loop_turn(f->loop);
		f->b.close_in_end = how;
		while (f->b.s)
			loop_turn(f->loop);
		f->a = (struct end){ .got = f->a.got };
		f->b = (struct end){ .got = f->b.got };
	}
}

static size_t drain_fd(struct fixture *f, struct buf *got)
{
	for (;;) {
		uint8_t block[4096];
		ssize_t n = recv(f->fd, block, sizeof(block), MSG_DONTWAIT);
		if (n > 0)
			buf_put(got, block, (size_t)n);
		else if (n == 0)
			return got->len;
		else
			loop_turn(f->loop);
	}
}

/* Also with input unread, which makes a plain close(2) throw ours away. */
static void flush_writes_what_was_queued(void **state)
{
	struct fixture *f = *state;
	open_one(f, true);
	stream_want_read(f->a.s, false);
	assert_int_equal(write(f->fd, "unread", 6), 6);
	size_t sent = fill(f->a.s);
	assert_true(stream_queued(f->a.s) > 0);
	close_as(&f->a, CLOSE_FLUSH);
	assert_int_equal(drain_fd(f, &f->b.got), sent);
	check_filled(&f->b.got, sent);
}

/* Its writer is stopped by full buffers, and what was queued for it comes all the same. */
static void a_closed_stream_is_not_read_for_long(void **state)
{
	static const uint8_t block[64 * 1024];
	struct fixture *f = *state;
	open_one(f, false);
	size_t sent = fill(f->a.s), taken = 0;
	bool over = false;
	struct loop_timer *t = loop_timer_create(f->loop, note_time, &over);
	close_as(&f->a, CLOSE_FLUSH);
	loop_timer_start(t, 200);
	while (!over) {
		ssize_t n = send(f->fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
		taken += n > 0 ? (size_t)n : 0;
		loop_turn(f->loop);
	}
	loop_timer_destroy(t);
	assert_true(taken > 0);
	assert_true(taken < 2 * 1024 * 1024);
	assert_int_equal(drain_fd(f, &f->b.got), sent);
	check_filled(&f->b.got, sent);
}

static void flush_gives_up(void **state)
{
	struct fixture *f = *state;
	open_one(f, true);
	size_t sent = fill(f->a.s);
	close_as(&f->a, CLOSE_FLUSH);
	turn_for(f, 2500);
	uint8_t block[4096];
	size_t got = 0;
	for (ssize_t n; (n = recv(f->fd, block, sizeof(block), 0)) > 0;)
		got += (size_t)n;
	assert_true(got < sent);
}

static void drop_writes_no_more(void **state)
{
	struct fixture *f = *state;
	open_one(f, true);
	size_t sent = fill(f->a.s), queued = stream_queued(f->a.s);
	close_as(&f->a, CLOSE_DROP);
	assert_int_equal(drain_fd(f, &f->b.got), sent - queued);
}

static void loop_ends_a_flush_that_is_under_way(void **state)
{
	struct fixture *f = *state;
	open_one(f, false);
	fill(f->a.s);
	close_as(&f->a, CLOSE_FLUSH); /* tear_down finds it */
}

/* Or keys would stay pressed for whoever's machine has lost power. */
static void a_lost_peer_is_noticed(void **state)
{
	static const struct {
		int level, name, max;
	} rows[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};
	struct fixture *f = *state;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stream *s = socket_stream_create(f->loop, fd, QUEUE_MAX);
	assert_non_null(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int value = 0;
		socklen_t len = sizeof(value);
		assert_int_equal(getsockopt(fd, rows[i].level, rows[i].name, &value, &len), 0);
		assert_in_range(value, 1, rows[i].max);
	}
	stream_close(s, false);
}

static void out_queue_equals_a_buffer(void **state)
{
	(void)state;
	struct out_queue q = { 0 };
	struct buf want;
	buf_init(&want, 64 * 1024 * 1024);
	uint8_t *data = random_block(200000);
	for (int round = 0; round < 300; round++) {
		size_t n = (size_t)rand() % (round % 10 ? 3000 : 200000);
		assert_int_equal(out_queue_put(&q, data, n), OK);
		buf_put(&want, data, n);
		struct iovec parts[3];
		size_t count = out_queue_peek(&q, parts, 3), at = 0;
		for (size_t i = 0; i < count; i++) {
			assert_memory_equal(parts[i].iov_base, want.data + at, parts[i].iov_len);
			at += parts[i].iov_len;
		}
		size_t eat = (size_t)rand() % (at + 1);
		out_queue_consume(&q, eat);
		buf_consume(&want, eat);
		assert_int_equal(q.len, want.len);
	}
	out_queue_consume(&q, q.len);
	assert_null(q.first);
	out_queue_fini(&q);
	buf_fini(&want);
	free(data);
}

#define STREAM_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_TEST(echo_keeps_every_byte),
		STREAM_TEST(parts_leave_in_order),
		STREAM_TEST(queue_stops_at_its_ceiling),
		STREAM_TEST(nothing_is_read_unless_wanted),
		STREAM_TEST(orderly_end_is_told_once),
		STREAM_TEST(reset_is_an_error),
		STREAM_TEST(failed_write_still_delivers_input),
		STREAM_TEST(failed_write_ends_one_that_does_not_read),
		STREAM_TEST(close_is_safe_in_every_callback),
		STREAM_TEST(flush_writes_what_was_queued),
		STREAM_TEST(a_closed_stream_is_not_read_for_long),
		STREAM_TEST(flush_gives_up),
		STREAM_TEST(drop_writes_no_more),
		STREAM_TEST(loop_ends_a_flush_that_is_under_way),
		STREAM_TEST(a_lost_peer_is_noticed),
		cmocka_unit_test(out_queue_equals_a_buffer),
	};
	return cmocka_run_group_tests_name("net/stream", tests, NULL, NULL);
}
