#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/ws_frame.h"

static int parse(const void *bytes, size_t n, struct ws_head *h, size_t *used)
{
	/* Of exact size, so that a read past the end is seen. */
	uint8_t *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, n);
	struct rd in = rd_of(copy, n);
	int err = ws_head_parse(&in, h);
	*used = n - in.left;
	free(copy);
	return err;
}

/* RFC 6455 section 5.7 */
static void examples_of_the_rfc(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n, used;
		struct ws_head head;
	} rows[] = {
		{ "\x81\x05Hello", 7, 2, { true, WS_TEXT, false, { 0 }, 5 } },
		{ "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11, 6,
			{ true, WS_TEXT, true, { 0x37, 0xfa, 0x21, 0x3d }, 5 } },
		{ "\x01\x03Hel", 5, 2, { false, WS_TEXT, false, { 0 }, 3 } },
		{ "\x80\x02lo", 4, 2, { true, WS_CONTINUATION, false, { 0 }, 2 } },
		{ "\x89\x05Hello", 7, 2, { true, WS_PING, false, { 0 }, 5 } },
		{ "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11, 6,
			{ true, WS_PONG, true, { 0x37, 0xfa, 0x21, 0x3d }, 5 } },
		{ "\x82\x7e\x01\x00", 4, 4, { true, WS_BINARY, false, { 0 }, 256 } },
		{ "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10, 10,
			{ true, WS_BINARY, false, { 0 }, 65536 } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ws_head h;
		size_t used;
		assert_int_equal(parse(rows[i].bytes, rows[i].n, &h, &used), OK);
		assert_int_equal(used, rows[i].used);
		assert_int_equal(h.fin, rows[i].head.fin);
		assert_int_equal(h.opcode, rows[i].head.opcode);
		assert_int_equal(h.masked, rows[i].head.masked);
		assert_memory_equal(h.mask, rows[i].head.mask, 4);
		assert_int_equal(h.len, rows[i].head.len);
	}
	uint8_t hello[] = { 0x7f, 0x9f, 0x4d, 0x51, 0x58 };
	ws_mask(hello, 5, (const uint8_t[]){ 0x37, 0xfa, 0x21, 0x3d }, 0);
	assert_memory_equal(hello, "Hello", 5);
}

static void every_prefix_asks_for_more(void **state)
{
	(void)state;
	static const uint64_t lens[] = { 0, 1, 125, 126, 127, 65535, 65536, 1u << 31, INT64_MAX };
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		for (int masked = 0; masked < 2; masked++) {
			struct ws_head in = { true, WS_BINARY, masked, { 0 }, lens[i] }, out;
			if (masked)
				memcpy(in.mask, "\1\2\3\4", 4);
			uint8_t bytes[WS_HEAD_MAX];
			size_t n = ws_head_write(&in, bytes), used;
			assert_int_equal(n, 2u +
						    (lens[i] > 65535        ? 8u
							    : lens[i] > 125 ? 2u
									    : 0u) +
						    (masked ? 4u : 0u));
			for (size_t k = 0; k < n; k++) {
				assert_int_equal(parse(bytes, k, &out, &used), ERR_AGAIN);
				assert_int_equal(used, 0);
			}
			assert_int_equal(parse(bytes, n, &out, &used), OK);
			assert_int_equal(used, n);
			assert_int_equal(out.len, lens[i]);
			assert_int_equal(out.masked, masked);
			assert_memory_equal(out.mask, in.mask, 4);
		}
	}
}

static void lies_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
		{ "\xc2\x00", 2 }, { "\xa2\x00", 2 }, { "\x92\x00", 2 }, /* reserved bits */
		{ "\x83\x00", 2 }, { "\x87\x00", 2 }, { "\x8b\x00", 2 }, /* opcodes */
		{ "\x8f\x00", 2 }, { "\x09\x00", 2 }, { "\x08\x00", 2 }, /* fragments */
		{ "\x89\x7e\x00\x7e", 4 }, { "\x88\xfe\x00\x7e", 4 },    /* long control */
		{ "\x8a\x7f\0\0\0\0\0\1\0\0", 10 },                      /* longer */
		{ "\x82\x7e\x00\x7d", 4 }, { "\x82\x7e\x00\x00", 4 },    /* not shortest */
		{ "\x82\x7f\0\0\0\0\0\0\xff\xff", 10 },                  /* not shortest */
		{ "\x82\x7f\x80\0\0\0\0\0\0\0", 10 },                    /* top bit */
		{ "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10 },      /* top bit */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ws_head h;
		size_t used;
		if (parse(rows[i].bytes, rows[i].n, &h, &used) != ERR_PROTO)
			fail_msg("row %zu was not refused", i);
		assert_int_equal(used, 0);
	}
}

static void mask_equals_the_plain_loop(void **state)
{
	(void)state;
	uint8_t data[600], want[600], mask[4];
	for (int round = 0; round < 20000; round++) {
		size_t begin = (size_t)rand() % 64, n = (size_t)rand() % 500;
		uint64_t offset = (uint64_t)rand() << (rand() % 32);
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = want[i] = (uint8_t)rand();
		for (size_t i = 0; i < 4; i++)
			mask[i] = (uint8_t)rand();
		for (size_t i = 0; i < n; i++)
			want[begin + i] ^= mask[(offset + i) % 4];
		ws_mask(data + begin, n, mask, offset);
		assert_memory_equal(data, want, sizeof(data));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_rfc),
		cmocka_unit_test(every_prefix_asks_for_more),
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(mask_equals_the_plain_loop),
	};
	return cmocka_run_group_tests_name("net/ws_frame", tests, NULL, NULL);
}
