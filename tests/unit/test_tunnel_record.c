#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel/tunnel_record.h"

static const struct tunnel_record samples[] = {
	{ .type = TUNNEL_RECORD_HELLO, .version = 1 },
	{ .type = TUNNEL_RECORD_RESUME,
		.version = 1,
		.key = { 1, 2, 3, [15] = 16 },
		.epoch = 0xfffefdfc,
		.received = 0x0102030405060708 },
	{ .type = TUNNEL_RECORD_WELCOME,
		.key = { 9, [15] = 7 },
		.received = 0xffffffffffffffff,
		.keep_s = 60 },
	{ .type = TUNNEL_RECORD_REFUSED, .reason = 2 },
	{ .type = TUNNEL_RECORD_DATA, .data_len = 1 },
	{ .type = TUNNEL_RECORD_DATA, .data_len = TUNNEL_DATA_MAX },
	{ .type = TUNNEL_RECORD_ACK, .received = 65536 },
	{ .type = TUNNEL_RECORD_CLOSE },
};

static void what_is_put_is_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct buf b;
		buf_init(&b, TUNNEL_RECORD_MAX + 1);
		tunnel_record_put(&b, &samples[i]);
		assert_int_equal(buf_ok(&b), OK);
		struct tunnel_record r;
		for (size_t n = 0; n < b.len; n++) {
			struct rd part = rd_of(b.data, n);
			assert_int_equal(tunnel_record_parse(&part, &r), ERR_AGAIN);
			assert_int_equal(part.left, n);
		}
		buf_put_u8(&b, 0x55);
		struct rd in = rd_of(b.data, b.len);
		assert_int_equal(tunnel_record_parse(&in, &r), OK);
		assert_int_equal(in.left, 1);
		assert_memory_equal(&r.key, &samples[i].key, TUNNEL_KEY);
		assert_int_equal(r.type, samples[i].type);
		assert_int_equal(r.version, samples[i].version);
		assert_int_equal(r.epoch, samples[i].epoch);
		assert_true(r.received == samples[i].received);
		assert_int_equal(r.keep_s, samples[i].keep_s);
		assert_int_equal(r.reason, samples[i].reason);
		assert_int_equal(r.data_len, samples[i].data_len);
		buf_fini(&b);
	}
}

/* The bytes of the document. */
static void the_wire_is_as_documented(void **state)
{
	(void)state;
	static const uint8_t resume[] = { 2, 0, 0, 0, 29, 1, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 16, 0xff, 0xfe, 0xfd, 0xfc, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t ack[] = { 6, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0 };
	struct buf b;
	buf_init(&b, 100);
	tunnel_record_put(&b, &samples[1]);
	assert_int_equal(b.len, sizeof(resume));
	assert_memory_equal(b.data, resume, sizeof(resume));
	buf_reset(&b);
	tunnel_record_put(&b, &samples[6]);
	assert_int_equal(b.len, sizeof(ack));
	assert_memory_equal(b.data, ack, sizeof(ack));
	buf_fini(&b);
}

static void other_types_and_lengths_are_refused(void **state)
{
	(void)state;
	static const uint32_t right[] = { [1] = 1, 29, 26, 1, 0, 8, 0 };
	struct tunnel_record r;
	for (unsigned type = 0; type < 256; type++) {
		for (uint32_t len = 0; len < 40; len++) {
			uint8_t bytes[64] = { (uint8_t)type, 0, 0, 0, (uint8_t)len };
			struct rd in = rd_of(bytes, sizeof(bytes));
			bool known = type >= 1 && type <= 7;
			bool fits =
				type == TUNNEL_RECORD_DATA ? len > 0 : known && len == right[type];
			assert_int_equal(tunnel_record_parse(&in, &r), fits ? OK : ERR_PROTO);
			if (!fits)
				assert_int_equal(in.left, sizeof(bytes));
		}
		struct rd first = rd_of(&(uint8_t){ (uint8_t)type }, 1);
		assert_int_equal(tunnel_record_parse(&first, &r),
			type >= 1 && type <= 7 ? ERR_AGAIN : ERR_PROTO);
	}
	static const uint8_t too_long[] = { 5, 0, 1, 0, 1 }, huge[] = { 5, 0xff, 0xff, 0xff, 0xff };
	struct rd in = rd_of(too_long, sizeof(too_long));
	assert_int_equal(tunnel_record_parse(&in, &r), ERR_PROTO);
	in = rd_of(huge, sizeof(huge));
	assert_int_equal(tunnel_record_parse(&in, &r), ERR_PROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_parsed),
		cmocka_unit_test(the_wire_is_as_documented),
		cmocka_unit_test(other_types_and_lengths_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
