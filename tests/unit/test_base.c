#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/rd.h"

static void buf_stops_at_its_ceiling(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 6);
	buf_put_u32(&b, 0x01020304);
	buf_put_u16(&b, 0x0506);
	assert_int_equal(buf_ok(&b), OK);
	assert_memory_equal(b.data, "\1\2\3\4\5\6", 6);
	buf_put_u8(&b, 7);
	assert_int_equal(buf_ok(&b), ERR_LIMIT);
	assert_int_equal(b.len, 6);
	buf_reset(&b);
	assert_null(buf_room(&b, 7));
	buf_fini(&b);
	buf_fini(&b);
}

static void buf_consumes_and_patches(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	buf_put_zero(&b, 600);
	buf_set_u32(&b, 596, 0xa1b2c3d4);
	buf_consume(&b, 596);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "\xa1\xb2\xc3\xd4", 4);
	memcpy(buf_room(&b, 2), "xy", 2);
	buf_added(&b, 2);
	buf_truncate(&b, 5);
	assert_memory_equal(b.data, "\xa1\xb2\xc3\xd4x", 5);
	buf_consume(&b, 99);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void reader_is_sticky(void **state)
{
	(void)state;
	struct rd r = rd_of("\1\2\3\4\5", 5);
	assert_int_equal(rd_u16(&r), 0x0102);
	assert_int_equal(rd_ok(&r), OK);
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(rd_ok(&r), ERR_AGAIN);
	assert_int_equal(rd_u8(&r), 0);
	assert_null(rd_bytes(&r, 1));
}

static void keep_line(void *ctx, enum log_level level, const char *line)
{
	(void)level;
	strcpy(ctx, line);
}

static void log_lines_stay_lines(void **state)
{
	(void)state;
	char line[2048] = "";
	struct log l = { keep_line, line, LOG_LEVEL_INFO };
	log_info(&l, "name %s", "a\r\nb\x1b[0m \xc3\xa9");
	assert_string_equal(line, "name a\\x0d\\x0ab\\x1b[0m \xc3\xa9");
	log_debug(&l, "not shown");
	assert_string_equal(line, "name a\\x0d\\x0ab\\x1b[0m \xc3\xa9");
	char longer[4000];
	memset(longer, '\n', sizeof(longer));
	longer[3999] = '\0';
	log_info(&l, "%s", longer);
	assert_true(strlen(line) < 1024);
	log_info(NULL, "nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_stops_at_its_ceiling),
		cmocka_unit_test(buf_consumes_and_patches),
		cmocka_unit_test(reader_is_sticky),
		cmocka_unit_test(log_lines_stay_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
