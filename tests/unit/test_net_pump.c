#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop_coarse.h"
#include "net/pump.h"
#include "net/socket_stream.h"
#include "net/ws_stream.h"
#include "wire.h"

enum { QUEUE_MAX = 1024 * 1024, WAIT_MS = 60000, TOTAL_MAX = 96 * 1024 * 1024 };

/* What a side of the pump is. */
enum kind { PLAIN, SERVER, CLIENT };

/* The far end of one side: a descriptor, what is sent into it, what comes out. */
struct far {
	int fd;
	struct buf out; /* to be sent */
	size_t sent;
	struct wire_reader in; /* of a plain side only `payload` */
	enum kind kind;
	bool eof;
};

struct fixture {
	struct loop *loop;
	struct loop_timer *watchdog, *tick;
	struct pump *pump;
	struct pump_config config;
	struct far far[2];
	int ends;
	enum pump_why why;
	bool destroy_in_end;
	struct pump_stats last;
};

static struct loop_coarse *limit_timer;
static uint64_t clock_ahead_us;

uint64_t __real_clock_now_us(void);
uint64_t __wrap_clock_now_us(void);
void __real_loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s);
void __wrap_loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s);

uint64_t __wrap_clock_now_us(void)
{
	return __real_clock_now_us() + clock_ahead_us;
}

/* The pumps here have limits of hundreds of seconds, keep-alive has not. */
void __wrap_loop_coarse_start(struct loop *l, struct loop_coarse *t, unsigned delay_s)
{
	if (delay_s >= 100)
		limit_timer = t;
	__real_loop_coarse_start(l, t, delay_s);
}

static void pass_time(unsigned seconds)
{
	clock_ahead_us += seconds * 1000000ull;
	if (limit_timer)
		limit_timer->fire(limit_timer->ctx);
}

static void on_end(void *ctx, enum pump_why why)
{
	struct fixture *f = ctx;
	f->ends++;
	f->why = why;
	f->last = pump_stats(f->pump);
	if (f->destroy_in_end) {
		pump_destroy(f->pump);
		f->pump = NULL;
	}
}

static void give_up(void *ctx)
{
	(void)ctx;
	fail_msg("nothing came for %d ms", WAIT_MS);
}

/* The far ends are not on the loop: it must not sleep while they have work. */
static void ticked(void *ctx)
{
	struct fixture *f = ctx;
	loop_timer_start(f->tick, 1);
}

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .loop = loop_create(), .far = { { .fd = -1 }, { .fd = -1 } } };
	f.config = (struct pump_config){ .stall_s = 600 };
	f.watchdog = loop_timer_create(f.loop, give_up, NULL);
	loop_timer_start(f.watchdog, WAIT_MS);
	f.tick = loop_timer_create(f.loop, ticked, &f);
	loop_timer_start(f.tick, 1);
	limit_timer = NULL;
	*state = &f;
	return 0;
}

static void close_all(struct fixture *f)
{
	pump_destroy(f->pump);
	f->pump = NULL;
	f->ends = 0;
	for (int i = 0; i < 2; i++) {
		if (f->far[i].fd >= 0)
			close(f->far[i].fd);
		f->far[i].fd = -1;
		buf_fini(&f->far[i].out);
		wire_reader_fini(&f->far[i].in);
	}
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_all(f);
	loop_timer_destroy(f->watchdog);
	loop_timer_destroy(f->tick);
	loop_destroy(f->loop);
	return 0;
}

static struct stream *open_side(struct fixture *f, int i, enum kind kind)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f->far[i] = (struct far){ .fd = fds[1], .kind = kind };
	buf_init(&f->far[i].out, TOTAL_MAX);
	wire_reader_init(&f->far[i].in, kind == CLIENT, TOTAL_MAX);
	struct stream *s = socket_stream_create(f->loop, fds[0], QUEUE_MAX);
	assert_non_null(s);
	if (kind == PLAIN)
		return s;
	struct ws_config config = { .role = kind == CLIENT ? WS_CLIENT : WS_SERVER,
		.text_as_binary = true };
	struct stream *ws = ws_stream_create(f->loop, s, &config, NULL, 0);
	assert_non_null(ws);
	return ws;
}

static void open_pump(struct fixture *f, enum kind a, enum kind b)
{
	struct stream *sa = open_side(f, 0, a), *sb = open_side(f, 1, b);
	f->pump = pump_create(f->loop, sa, sb, &f->config, on_end, f);
	assert_non_null(f->pump);
}

static void put(struct far *far, unsigned first, const void *data, size_t n)
{
	if (far->kind == PLAIN)
		buf_put(&far->out, data, n);
	else
		wire_put(&far->out, first, far->kind == SERVER, data, n);
	assert_int_equal(buf_ok(&far->out), OK);
}

static void far_send(struct far *far, size_t max)
{
	size_t n = far->out.len - far->sent;
	if (far->fd < 0 || n == 0)
		return;
	ssize_t done = send(
		far->fd, far->out.data + far->sent, n < max ? n : max, MSG_DONTWAIT | MSG_NOSIGNAL);
	far->sent += done > 0 ? (size_t)done : 0;
}

static void far_receive(struct far *far, size_t max)
{
	static uint8_t bytes[65536];
	ssize_t n = recv(far->fd, bytes, max < sizeof(bytes) ? max : sizeof(bytes), MSG_DONTWAIT);
	far->eof |= n == 0;
	if (n <= 0)
		return;
	buf_put(far->kind == PLAIN ? &far->in.payload : &far->in.in, bytes, (size_t)n);
	if (far->kind != PLAIN && !wire_read(&far->in))
		fail_msg("a frame breaks the protocol");
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		far_send(&f->far[i], SIZE_MAX);
		if (f->far[i].fd >= 0)
			far_receive(&f->far[i], SIZE_MAX);
	}
	loop_turn(f->loop);
}

/* Messages in random fragments, with control frames between; what they hold goes to
 * `payload`, the lengths of the fragments, which become messages, to `lens`. */
static size_t put_random_messages(struct far *far, int n, struct buf *payload, struct buf *lens)
{
	static const size_t edges[] = { 0, 1, 125, 126, 127, 65535, 65536 };
	static uint8_t data[66000];
	size_t pings = 0;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	for (int i = 0; i < n; i++) {
		size_t len = rand() % 3 ? (size_t)rand() % 400
					: edges[(size_t)rand() % ARRAY_LEN(edges)];
		unsigned first = rand() % 2 ? 1 : 2;
		buf_put(payload, data + i, len);
		size_t at = 0;
		while (rand() % 3 == 0) {
			size_t part = (size_t)rand() % (len - at + 1);
			put(far, first, data + i + at, part);
			buf_put_u32(lens, (uint32_t)part);
			at += part;
			first = 0;
			if (rand() % 2 && pings < 40) {
				put(far, rand() % 2 ? 0x89 : 0x8a, "hello", 5);
				pings++;
			}
		}
		put(far, first | 0x80, data + i + at, len - at);
		buf_put_u32(lens, (uint32_t)(len - at));
	}
	return pings;
}

static void check_arrived(const struct far *far, const struct buf *payload, const struct buf *lens)
{
	assert_int_equal(far->in.payload.len, payload->len);
	assert_memory_equal(far->in.payload.data, payload->data, payload->len);
	if (far->kind == PLAIN)
		return;
	assert_int_equal(far->in.lens.len, lens->len);
	assert_memory_equal(far->in.lens.data, lens->data, lens->len);
}

/* Sends and receives in pieces, at times not at all, until all has come. */
static void exchange(struct fixture *f, size_t want_a, size_t want_b)
{
	for (unsigned i = 0;
		f->far[0].in.payload.len < want_a || f->far[1].in.payload.len < want_b ||
		f->far[0].sent < f->far[0].out.len || f->far[1].sent < f->far[1].out.len;
		i++) {
		unsigned quiet = i / 64 % 4; /* one end or both stall for a while */
		size_t some = (size_t)rand() % (i % 3 ? 100000 : 50) + 1;
		for (unsigned k = 0; k < 2; k++) {
			far_send(&f->far[k], some);
			if (quiet != k && quiet != 2)
				far_receive(&f->far[k], some);
		}
		loop_turn(f->loop);
		assert_int_equal(f->ends, 0);
	}
	assert_int_equal(f->ends, 0);
	for (int i = 0; i < 50; i++)
		turn(f);
}

static void messages_arrive_as_they_were(void **state)
{
	struct fixture *f = *state;
	static const enum kind kinds[][2] = { { SERVER, SERVER }, { SERVER, CLIENT },
		{ CLIENT, SERVER }, { SERVER, PLAIN }, { PLAIN, SERVER }, { PLAIN, CLIENT },
		{ CLIENT, PLAIN }, { PLAIN, PLAIN }, { CLIENT, CLIENT }, { SERVER, SERVER } };
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		bool ws = kinds[i][0] != PLAIN && kinds[i][1] != PLAIN;
		open_pump(f, kinds[i][0], kinds[i][1]);
		struct buf payload[2], lens[2];
		for (int k = 0; k < 2; k++) {
			buf_init(&payload[k], TOTAL_MAX);
			buf_init(&lens[k], TOTAL_MAX);
			put_random_messages(&f->far[k], 100, &payload[k], &lens[k]);
		}
		/* A plain far end has sent pings and pongs as bytes. */
		for (int k = 0; k < 2; k++)
			if (kinds[i][k] == PLAIN) {
				buf_reset(&payload[k]);
				buf_put(&payload[k], f->far[k].out.data, f->far[k].out.len);
			}
		exchange(f, payload[1].len, payload[0].len);
		for (int k = 0; k < 2; k++) {
			struct far *far = &f->far[k];
			assert_int_equal(far->in.payload.len, payload[!k].len);
			assert_memory_equal(
				far->in.payload.data, payload[!k].data, payload[!k].len);
			if (ws)
				check_arrived(far, &payload[!k], &lens[!k]);
			struct pump_stats s = pump_stats(f->pump);
			assert_int_equal(s.bytes[k], payload[k].len);
			assert_true(s.messages[k] > 0 && s.progress_us > s.began_us);
		}
		for (int k = 0; k < 2; k++) {
			buf_fini(&payload[k]);
			buf_fini(&lens[k]);
		}
		close_all(f);
	}
}

static void a_flood_of_tiny_messages_leaves_together(void **state)
{
	struct fixture *f = *state;
	open_pump(f, SERVER, SERVER);
	for (int i = 0; i < 5000; i++)
		put(&f->far[0], 0x82, &i, sizeof(i));
	while (f->far[1].in.payload.len < 5000 * sizeof(int))
		turn(f);
	for (int i = 0; i < 5000; i++)
		assert_memory_equal(
			f->far[1].in.payload.data + (size_t)i * sizeof(i), &i, sizeof(i));
	assert_int_equal(f->far[1].in.lens.len, 5000 * 4);
	assert_int_equal(pump_stats(f->pump).messages[PUMP_A], 5000);
}

static void code_and_reason_are_passed_on(void **state)
{
	struct fixture *f = *state;
	static const struct {
		unsigned code, want;
		const char *reason;
		int err;
	} rows[] = {
		{ 1000, 1000, "", OK },
		{ 1001, 1001, "leaving", OK },
		{ 1008, 1008, "Invalid run or not VNC type", ERR_IO },
		{ 4001, 4001, "r\xc3\xa9sum\xc3\xa9", ERR_IO },
		{ 0, 1000, "", OK },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int k = 0; k < 2; k++) {
			open_pump(f, SERVER, SERVER);
			f->destroy_in_end = k;
			put(&f->far[k], 0x82, "last words", 10);
			wire_put_close(&f->far[k].out, true, rows[i].code, rows[i].reason);
			while (!f->far[!k].eof)
				turn(f);
			assert_int_equal(f->ends, 1);
			assert_int_equal(f->why, PUMP_CLOSED);
			assert_int_equal(f->last.end, k);
			assert_int_equal(f->last.err, rows[i].err);
			assert_int_equal(f->last.code, rows[i].code ? rows[i].code : 1005);
			assert_int_equal(f->far[!k].in.close_code, rows[i].want);
			assert_string_equal(f->far[!k].in.reason, rows[i].reason);
			assert_int_equal(f->far[!k].in.payload.len, 10);
			close_all(f);
		}
}

static void an_end_that_dies_in_a_frame(void **state)
{
	struct fixture *f = *state;
	open_pump(f, SERVER, SERVER);
	static const uint8_t half[50000];
	put(&f->far[0], 0x82, half, sizeof(half));
	f->far[0].out.len -= 20000;
	while (f->far[0].sent < f->far[0].out.len)
		turn(f);
	close(f->far[0].fd);
	f->far[0].fd = -1;
	while (!f->far[1].eof)
		turn(f);
	assert_int_equal(f->why, PUMP_LOST);
	assert_int_equal(f->last.code, 1006);
	assert_int_equal(f->last.err, ERR_IO);
	assert_int_equal(f->last.end, PUMP_A);
	/* It has a frame's beginning, in which a Close would be payload. */
	assert_int_equal(f->far[1].in.in.len, 4 + 30000);
	assert_int_equal(f->far[1].in.payload.len, 0);
	assert_int_equal(f->far[1].in.close_code, 0);
}

/* There are peers that cannot put fragments together. */
static void a_long_message_leaves_as_several(void **state)
{
	struct fixture *f = *state;
	for (enum kind b = SERVER; b <= CLIENT; b++) {
		static uint8_t data[300000];
		open_pump(f, SERVER, b);
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)rand();
		put(&f->far[0], 0x82, data, sizeof(data));
		put(&f->far[0], 0x02, data, 10);
		put(&f->far[0], 0x80, data + 10, 10);
		put(&f->far[0], 0x82, "end", 3);
		while (f->far[1].in.payload.len < sizeof(data) + 23) {
			turn(f);
			assert_false(f->far[1].in.open);
		}
		assert_memory_equal(f->far[1].in.payload.data, data, sizeof(data));
		struct rd lens = rd_of(f->far[1].in.lens.data, f->far[1].in.lens.len);
		while (lens.left > 0)
			assert_true(rd_u32(&lens) <= 65536);
		assert_int_equal(pump_stats(f->pump).messages[PUMP_A], 3);
		close_all(f);
	}
}

/* A ping cannot be answered inside a frame, and no ping of ours goes there. */
static void nothing_goes_between_the_parts_of_a_frame(void **state)
{
	struct fixture *f = *state;
	static const uint8_t data[60000];
	open_pump(f, SERVER, SERVER);
	put(&f->far[0], 0x82, data, sizeof(data));
	size_t whole = f->far[0].out.len;
	f->far[0].out.len = 1000;
	while (f->far[1].in.in.len < 900)
		turn(f);
	put(&f->far[1], 0x89, "one", 3);
	put(&f->far[1], 0x89, "two", 3);
	while (f->far[1].sent < f->far[1].out.len)
		turn(f);
	for (int i = 0; i < 20; i++)
		turn(f);
	assert_int_equal(f->far[1].in.pongs, 0);
	f->far[0].out.len = whole;
	while (f->far[1].in.pongs == 0)
		turn(f);
	assert_int_equal(f->far[1].in.payload.len, sizeof(data));
	assert_int_equal(f->far[1].in.pongs, 1);
}

static void a_plain_end_closes_a_websocket_and_back(void **state)
{
	struct fixture *f = *state;
	open_pump(f, PLAIN, SERVER);
	put(&f->far[0], 0, "bye", 3);
	turn(f);
	shutdown(f->far[0].fd, SHUT_WR);
	while (!f->far[1].eof)
		turn(f);
	assert_int_equal(f->why, PUMP_CLOSED);
	assert_int_equal(f->far[1].in.close_code, 1000);
	assert_int_equal(f->far[1].in.payload.len, 3);
	close_all(f);
	open_pump(f, PLAIN, SERVER);
	put(&f->far[1], 0x82, "bye", 3);
	wire_put_close(&f->far[1].out, true, 1000, "");
	while (!f->far[0].eof)
		turn(f);
	assert_int_equal(f->far[0].in.payload.len, 3);
	assert_int_equal(f->far[1].in.close_code, 1000);
}

static void bad_frames_of_one_are_not_told_to_the_other(void **state)
{
	struct fixture *f = *state;
	open_pump(f, SERVER, SERVER);
	wire_put(&f->far[0].out, 0x82, false, "x", 1);
	while (!f->far[1].eof)
		turn(f);
	assert_int_equal(f->why, PUMP_LOST);
	assert_int_equal(f->last.code, 1002);
	assert_int_equal(f->far[0].in.close_code, 1002);
	assert_int_equal(f->far[1].in.close_code, 1001);
}

/* All that a slow viewer has not read is still delivered. */
static void what_was_sent_before_the_end_arrives(void **state)
{
	struct fixture *f = *state;
	open_pump(f, SERVER, SERVER);
	static uint8_t data[60000];
	for (int i = 0; i < 40; i++) {
		memset(data, i, sizeof(data));
		put(&f->far[0], 0x82, data, sizeof(data));
	}
	wire_put_close(&f->far[0].out, true, 1000, "done");
	while (f->far[0].sent < f->far[0].out.len) {
		far_send(&f->far[0], SIZE_MAX);
		far_receive(&f->far[1], 20000);
		loop_turn(f->loop);
	}
	while (!f->far[1].eof)
		turn(f);
	assert_int_equal(f->far[1].in.payload.len, 40 * sizeof(data));
	assert_int_equal(f->far[1].in.close_code, 1000);
	assert_string_equal(f->far[1].in.reason, "done");
	assert_int_equal(f->why, PUMP_CLOSED);
}

static void early_messages_wait_within_bounds(void **state)
{
	struct fixture *f = *state;
	for (enum kind b = PLAIN; b <= CLIENT; b++) {
		struct stream *a = open_side(f, 0, SERVER);
		f->pump = pump_create(f->loop, a, NULL, &f->config, on_end, f);
		static uint8_t data[10007];
		for (unsigned i = 0; i < 100; i++) {
			data[5] = (uint8_t)i;
			put(&f->far[0], 0x82, data, sizeof(data));
			if (i == 0)
				put(&f->far[0], 0x89, "still there?", 12);
		}
		while (f->far[0].sent < 200000 || f->far[0].in.pongs == 0)
			turn(f);
		for (int i = 0; i < 200; i++)
			far_send(&f->far[0], SIZE_MAX), far_receive(&f->far[0], 1000);
		assert_true(f->far[0].sent < f->far[0].out.len);
		assert_true(pump_stats(f->pump).bytes[PUMP_A] <= 256 * 1024);
		assert_int_equal(pump_join(f->pump, open_side(f, 1, b)), OK);
		while (f->far[1].in.payload.len < 100 * sizeof(data))
			turn(f);
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(f->far[1].in.payload.data[i * sizeof(data) + 5], i);
		if (b == SERVER)
			assert_true(f->far[1].in.lens.len >= 100 * 4); /* what waited may be cut */
		close_all(f);
	}
}

/* Nobody reads from it any more, so nobody would see it leave. */
static void who_waits_behind_too_much_is_closed(void **state)
{
	struct fixture *f = *state;
	f->pump = pump_create(f->loop, open_side(f, 0, SERVER), NULL, &f->config, on_end, f);
	static uint8_t data[100000];
	for (unsigned i = 0; i < 10; i++)
		put(&f->far[0], 0x82, data, sizeof(data));
	while (pump_stats(f->pump).bytes[PUMP_A] < 192 * 1024)
		turn(f);
	for (int i = 0; i < 100; i++)
		turn(f);
	assert_non_null(limit_timer);
	pass_time(300);
	assert_int_equal(f->ends, 0);
	pass_time(301);
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->why, PUMP_STALLED);
	assert_int_equal(f->last.end, PUMP_B);
}

static void early_bytes_of_a_plain_end(void **state)
{
	struct fixture *f = *state;
	f->pump = pump_create(f->loop, open_side(f, 0, PLAIN), NULL, &f->config, on_end, f);
	put(&f->far[0], 0, "RFB 003.008\n", 12);
	while (pump_stats(f->pump).bytes[PUMP_A] < 12)
		turn(f);
	assert_int_equal(pump_join(f->pump, open_side(f, 1, SERVER)), OK);
	while (f->far[1].in.payload.len < 12)
		turn(f);
	assert_int_equal(f->far[1].in.lens.len, 4);
}

static void an_end_that_leaves_before_it_is_joined(void **state)
{
	struct fixture *f = *state;
	f->pump = pump_create(f->loop, open_side(f, 0, SERVER), NULL, &f->config, on_end, f);
	put(&f->far[0], 0x82, "x", 1);
	wire_put_close(&f->far[0].out, true, 1000, "");
	while (!f->ends)
		turn(f);
	assert_int_equal(f->why, PUMP_CLOSED);
	struct stream *b = open_side(f, 1, SERVER);
	assert_int_equal(pump_join(f->pump, b), ERR_IO);
	stream_close(b, false);
}

/* One frame of 64 MiB, with never more than one read waiting. */
static void the_largest_frame_is_not_gathered(void **state)
{
	struct fixture *f = *state;
	struct stream *a = open_side(f, 0, SERVER), *b = open_side(f, 1, SERVER);
	f->pump = pump_create(f->loop, a, b, &f->config, on_end, f);
	struct far *from = &f->far[0], *to = &f->far[1];
	uint64_t total = 64u * 1024 * 1024, got = 0;
	struct ws_head h = { .fin = true, .opcode = WS_BINARY, .masked = true, .len = total };
	uint8_t head[WS_HEAD_MAX];
	buf_put(&from->out, head, ws_head_write(&h, head));
	static const uint8_t zeros[256 * 1024];
	for (uint64_t put_bytes = 0; got < total;) {
		if (from->sent == from->out.len && put_bytes < total) {
			buf_reset(&from->out);
			from->sent = 0;
			buf_put(&from->out, zeros, sizeof(zeros));
			put_bytes += sizeof(zeros);
		}
		turn(f);
		assert_true(stream_queued(b) <= 64 * 1024);
		got += to->in.payload.len;
		buf_reset(&to->in.payload);
	}
	assert_int_equal(got, total);
	assert_true(f->far[1].in.lens.len >= 64 * 1024 / 64 * 4); /* messages of up to 64 KiB */
	put(from, 0x82, "next", 4);
	while (to->in.lens.len < 8)
		turn(f);
}

/* Fills the way to `f->far[1]` until nothing moves. */
static void stall(struct fixture *f, struct stream *b)
{
	static const uint8_t data[100000];
	for (int i = 0; i < 100; i++)
		put(&f->far[0], 0x82, data, sizeof(data));
	size_t before = SIZE_MAX;
	while (stream_queued(b) == 0 || before != f->far[0].sent) {
		before = f->far[0].sent;
		far_send(&f->far[0], SIZE_MAX);
		loop_turn(f->loop);
		loop_turn(f->loop);
	}
}

static struct stream *open_stalled(struct fixture *f)
{
	struct stream *a = open_side(f, 0, SERVER), *b = open_side(f, 1, SERVER);
	f->pump = pump_create(f->loop, a, b, &f->config, on_end, f);
	stall(f, b);
	return b;
}

static void a_stalled_end_is_closed(void **state)
{
	struct fixture *f = *state;
	struct stream *b = open_stalled(f);
	assert_true(stream_queued(b) <= 64 * 1024);
	assert_non_null(limit_timer);
	pass_time(300);
	assert_int_equal(f->ends, 0);
	pass_time(301);
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->why, PUMP_STALLED);
	assert_int_equal(f->last.end, PUMP_B);
	while (!f->far[0].in.close_code)
		turn(f);
	assert_int_equal(f->far[0].in.close_code, 1001);
}

static void a_slow_end_that_moves_is_not_closed(void **state)
{
	struct fixture *f = *state;
	struct stream *b = open_stalled(f);
	for (int i = 0; i < 5; i++) {
		size_t queued = stream_queued(b);
		while (stream_queued(b) == queued) {
			far_receive(&f->far[1], 1000);
			loop_turn(f->loop);
		}
		stall(f, b);
		pass_time(400);
		assert_int_equal(f->ends, 0);
	}
}

static void limits_of_time(void **state)
{
	struct fixture *f = *state;
	f->config = (struct pump_config){ .idle_s = 1000 };
	open_pump(f, SERVER, SERVER);
	pass_time(700);
	put(&f->far[1], 0x82, "x", 1);
	while (f->far[0].in.payload.len < 1)
		turn(f);
	pass_time(700);
	assert_int_equal(f->ends, 0);
	pass_time(301);
	assert_int_equal(f->why, PUMP_IDLE);
	while (!f->far[0].eof || !f->far[1].eof)
		turn(f);
	assert_int_equal(f->far[0].in.close_code, 1000);
	assert_int_equal(f->far[1].in.close_code, 1000);
	close_all(f);
	f->config = (struct pump_config){ .max_s = 1000, .idle_s = 900 };
	f->destroy_in_end = true;
	open_pump(f, PLAIN, SERVER);
	pass_time(600);
	put(&f->far[0], 0, "x", 1);
	while (f->far[1].in.payload.len < 1)
		turn(f);
	pass_time(401);
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->why, PUMP_EXPIRED);
}

static void the_owner_closes_with_a_reason(void **state)
{
	struct fixture *f = *state;
	open_pump(f, SERVER, SERVER);
	pump_close(f->pump, 1008, "access was taken back");
	for (int i = 0; i < 2; i++) {
		while (!f->far[i].eof)
			turn(f);
		assert_int_equal(f->far[i].in.close_code, 1008);
		assert_string_equal(f->far[i].in.reason, "access was taken back");
	}
	assert_int_equal(f->ends, 0);
	pump_close(f->pump, 1000, NULL);
}

#define PUMP_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PUMP_TEST(messages_arrive_as_they_were),
		PUMP_TEST(a_flood_of_tiny_messages_leaves_together),
		PUMP_TEST(code_and_reason_are_passed_on),
		PUMP_TEST(a_long_message_leaves_as_several),
		PUMP_TEST(nothing_goes_between_the_parts_of_a_frame),
		PUMP_TEST(an_end_that_dies_in_a_frame),
		PUMP_TEST(a_plain_end_closes_a_websocket_and_back),
		PUMP_TEST(bad_frames_of_one_are_not_told_to_the_other),
		PUMP_TEST(what_was_sent_before_the_end_arrives),
		PUMP_TEST(early_messages_wait_within_bounds),
		PUMP_TEST(who_waits_behind_too_much_is_closed),
		PUMP_TEST(early_bytes_of_a_plain_end),
		PUMP_TEST(an_end_that_leaves_before_it_is_joined),
		PUMP_TEST(the_largest_frame_is_not_gathered),
		PUMP_TEST(a_stalled_end_is_closed),
		PUMP_TEST(a_slow_end_that_moves_is_not_closed),
		PUMP_TEST(limits_of_time),
		PUMP_TEST(the_owner_closes_with_a_reason),
	};
	return cmocka_run_group_tests_name("net/pump", tests, NULL, NULL);
}
