#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/ws_batch.h"

enum { PAYLOAD_MAX = 125, FRAMES = 20, WIRE_MAX = FRAMES * (PAYLOAD_MAX + WS_HEAD_MAX) };

struct bytes {
	size_t n;
	uint8_t data[WIRE_MAX];
};

static void put_frame(
	struct bytes *b, enum ws_opcode op, bool masked, const uint8_t *payload, size_t n)
{
	struct ws_head h = { .fin = true, .opcode = op, .masked = masked, .len = n };
	for (size_t i = 0; masked && i < sizeof(h.mask); i++)
		h.mask[i] = (uint8_t)rand();
	b->n += ws_head_write(&h, b->data + b->n);
	memcpy(b->data + b->n, payload, n);
	ws_mask(b->data + b->n, n, h.mask, 0);
	b->n += n;
}

/* Frames as they come, and what shall be made of them. */
static size_t make(struct bytes *in, struct bytes *out, bool masked, bool frames)
{
	size_t total = 0, n_frames = 1 + (size_t)rand() % FRAMES;
	in->n = out->n = 0;
	for (size_t i = 0; i < n_frames; i++) {
		uint8_t payload[PAYLOAD_MAX];
		size_t n = (size_t)rand() % (PAYLOAD_MAX + 1);
		for (size_t k = 0; k < n; k++)
			payload[k] = (uint8_t)rand();
		put_frame(in, WS_BINARY, masked, payload, n);
		if (frames)
			put_frame(out, WS_BINARY, false, payload, n);
		memcpy(out->data + out->n, payload, frames ? 0 : n);
		out->n += frames ? 0 : n;
		total += n;
	}
	return total;
}

static void check_parts(struct ws_batch *b, const struct bytes *want)
{
	struct iovec parts[WS_BATCH_PARTS];
	struct bytes got = { 0 };
	size_t n = ws_batch_parts(b, parts);
	for (size_t i = 0; i < n; i++) {
		memcpy(got.data + got.n, parts[i].iov_base, parts[i].iov_len);
		got.n += parts[i].iov_len;
	}
	assert_int_equal(got.n, want->n);
	assert_memory_equal(got.data, want->data, want->n);
}

static void small_frames_are_taken_in_one_go(void **state)
{
	(void)state;
	for (int round = 0; round < 4000; round++) {
		bool masked = round & 1, frames = round & 2;
		struct bytes in, out;
		struct ws_batch b = { .frames = frames };
		size_t payload = make(&in, &out, masked, frames);
		/* Just as large, so that one byte too far is seen. */
		uint8_t *wire = malloc(in.n);
		assert_non_null(wire);
		memcpy(wire, in.data, in.n);
		assert_int_equal(ws_batch_take(&b, wire, in.n, masked), in.n);
		check_parts(&b, &out);
		assert_int_equal(b.payload, payload);
		free(wire);
	}
}

/* What is left is for the way that knows all frames. */
static void a_cut_frame_is_left(void **state)
{
	(void)state;
	for (int round = 0; round < 400; round++) {
		struct bytes in, out;
		struct ws_batch b = { .frames = true };
		make(&in, &out, true, true);
		size_t cut = (size_t)rand() % in.n;
		uint8_t *wire = malloc(in.n);
		assert_non_null(wire);
		memcpy(wire, in.data, in.n);
		size_t taken = ws_batch_take(&b, wire, cut, true);
		assert_true(taken <= cut);
		assert_memory_equal(wire + taken, in.data + taken, in.n - taken);
		size_t rest = ws_batch_take(&b, wire + taken, in.n - taken, true);
		assert_int_equal(taken + rest, in.n);
		check_parts(&b, &out);
		free(wire);
	}
}

static void others_are_not_taken(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
		{ "\x82\x01x", 3 },              /* not masked */
		{ "\x81\x81\0\0\0\0x", 7 },      /* text */
		{ "\x02\x81\0\0\0\0x", 7 },      /* a fragment */
		{ "\x80\x81\0\0\0\0x", 7 },      /* the last of them */
		{ "\x89\x80\0\0\0\0", 6 },       /* a ping */
		{ "\x88\x80\0\0\0\0", 6 },       /* a Close */
		{ "\xc2\x81\0\0\0\0x", 7 },      /* a reserved bit */
		{ "\x82\xfe\0\x7e\0\0\0\0", 8 }, /* a longer length */
		{ "\x82\xff\0\0\0\0\0\1\0\0", 10 },
		{ "\x82", 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ws_batch b = { .frames = true };
		uint8_t bytes[16];
		memcpy(bytes, rows[i].bytes, rows[i].n);
		if (ws_batch_take(&b, bytes, rows[i].n, true) != 0)
			fail_msg("row %zu was taken", i);
		assert_memory_equal(bytes, rows[i].bytes, rows[i].n);
		assert_null(b.begin);
	}
	struct ws_batch open = { .frames = true, .rest = 5 };
	uint8_t bytes[7] = "\x82\x81\0\0\0\0x";
	assert_int_equal(ws_batch_take(&open, bytes, sizeof(bytes), true), 0);
}

/* A large message, small ones, a large one: as they are put in turns. */
static void both_ways_take_turns(void **state)
{
	(void)state;
	uint8_t wire[3 * (6 + 4)] = { 0x82, 0x84, 1, 2, 3, 4, 'a' ^ 1, 'b' ^ 2, 'c' ^ 3, 'd' ^ 4 };
	struct ws_batch b = { .frames = true };
	struct ws_batch_frame f = { .len = 4, .ends = true, .key = { 1, 2, 3, 4 } };
	struct bytes want = { 18, "\x82\4abcd\x82\4abcd\x82\4abcd" };
	memcpy(wire + 10, wire, 10);
	memcpy(wire + 20, wire, 10);
	assert_true(ws_batch_put(&b, wire + 6, 4, &f));
	assert_int_equal(ws_batch_take(&b, wire + 10, 10, true), 10);
	assert_true(ws_batch_put(&b, wire + 26, 4, &f));
	check_parts(&b, &want);
	assert_int_equal(b.n_messages, 3);
	assert_int_equal(b.payload, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_frames_are_taken_in_one_go),
		cmocka_unit_test(a_cut_frame_is_left),
		cmocka_unit_test(others_are_not_taken),
		cmocka_unit_test(both_ways_take_turns),
	};
	return cmocka_run_group_tests_name("net/ws_batch", tests, NULL, NULL);
}
