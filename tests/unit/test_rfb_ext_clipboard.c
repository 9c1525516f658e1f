#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/rd.h"
#include "rfb/client_msg.h"
#include "rfb/ext_clipboard.h"

enum { TEXT_MAX = 100000, HUGE = 64 << 20 };

static int parse(const void *body, size_t n, struct buf *text)
{
	struct ext_clipboard_msg m;
	return ext_clipboard_parse(body, n, &m, text);
}

/* What follows the eight bytes of a cut text, whose length must fit. */
static struct rd body_of(const struct buf *b, uint8_t type)
{
	assert_int_equal(buf_ok(b), OK);
	struct rd r = rd_of(b->data, b->len);
	assert_int_equal(rd_u8(&r), type);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rd_u8(&r), 0);
	int32_t len = rd_s32(&r);
	assert_int_equal(-len, r.left);
	return r;
}

/* PROVIDE | formats, then `raw` compressed with the given flush. */
static void put_provide(struct buf *b, uint32_t formats, const void *raw, size_t n, int flush)
{
	z_stream z = { 0 };
	assert_int_equal(deflateInit(&z, 9), Z_OK);
	buf_put_u32(b, EXT_CLIPBOARD_PROVIDE | formats);
	size_t room = compressBound(n) + 64;
	z.next_in = (Bytef *)(uintptr_t)raw;
	z.avail_in = (uInt)n;
	z.next_out = buf_room(b, room);
	z.avail_out = (uInt)room;
	assert_non_null(z.next_out);
	assert_int_equal(deflate(&z, flush), flush == Z_FINISH ? Z_STREAM_END : Z_OK);
	buf_added(b, room - z.avail_out);
	deflateEnd(&z);
}

static void expect_text(const char *raw, size_t n, int flush, const char *text, size_t len)
{
	struct buf b, got;
	buf_init(&b, 2 * TEXT_MAX);
	buf_init(&got, TEXT_MAX);
	put_provide(&b, EXT_CLIPBOARD_TEXT, raw, n, flush);
	assert_int_equal(parse(b.data, b.len, &got), OK);
	assert_int_equal(got.len, len);
	if (len)
		assert_memory_equal(got.data, text, len);
	buf_fini(&b);
	buf_fini(&got);
}
#define EXPECT_TEXT(raw, text) expect_text(raw, sizeof(raw) - 1, Z_FINISH, text, sizeof(text) - 1)

/* Every way to end a stream that a peer might choose must fail with `err`. */
static void expect_error(const void *raw, size_t n, uint32_t formats, int err)
{
	static const int flushes[] = { Z_FINISH, Z_SYNC_FLUSH, Z_FULL_FLUSH };
	for (size_t i = 0; i < ARRAY_LEN(flushes); i++) {
		struct buf b, got;
		buf_init(&b, 2 * TEXT_MAX);
		buf_init(&got, TEXT_MAX);
		put_provide(&b, formats, raw, n, flushes[i]);
		assert_int_equal(parse(b.data, b.len, &got), err);
		assert_int_equal(got.len, 0);
		buf_fini(&b);
		buf_fini(&got);
	}
}

static void caps(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	ext_clipboard_put_caps(&b, true);
	struct rd r = body_of(&b, 3);
	assert_int_equal(r.left, 8);
	assert_memory_equal(r.p, "\x1f\0\0\1\0\0\0\0", 8);
	struct ext_clipboard_msg m;
	assert_int_equal(ext_clipboard_parse(r.p, r.left, &m, &b), OK);
	assert_int_equal(m.flags, 0x1f000001);
	assert_int_equal(m.text_max, 0);
	/* As UltraVNC does: sizes for text, rtf and html. */
	static const char three[] = "\x1f\0\0\7\0\xa0\0\0\0\x20\0\0\0\x20\0\0";
	assert_int_equal(ext_clipboard_parse((const uint8_t *)three, 16, &m, &b), OK);
	assert_int_equal(m.text_max, 10 << 20);
	for (size_t n = 0; n < 16; n++)
		assert_int_equal(ext_clipboard_parse((const uint8_t *)three, n, &m, &b), ERR_PROTO);
	assert_int_equal(parse("\1\0\0\2\0\0\0\1", 8, &b), OK);
	buf_fini(&b);
}

static void actions(void **state)
{
	(void)state;
	static const uint32_t rows[] = { EXT_CLIPBOARD_NOTIFY, EXT_CLIPBOARD_REQUEST,
		EXT_CLIPBOARD_PEEK };
	struct buf b, text;
	buf_init(&b, 1000);
	buf_init(&text, 10);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b);
		ext_clipboard_put_action(&b, false, rows[i], EXT_CLIPBOARD_TEXT);
		struct rd r = body_of(&b, 6);
		struct ext_clipboard_msg m;
		assert_int_equal(r.left, 4);
		assert_int_equal(ext_clipboard_parse(r.p, r.left, &m, &text), OK);
		assert_int_equal(m.flags, rows[i] | EXT_CLIPBOARD_TEXT);
	}
	assert_int_equal(text.len, 0);
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(parse("\2\0\0\1", n, &text), ERR_PROTO);
	assert_int_equal(parse("\0\0\0\1", 4, &text), ERR_PROTO);
	assert_int_equal(parse("\x20\0\0\1", 4, &text), ERR_PROTO);
	assert_int_equal(parse("\x06\0\0\1", 4, &text), ERR_PROTO);
	assert_int_equal(parse("\x18\0\0\1", 4, &text), ERR_PROTO);
	/* Nothing provided: nothing to inflate. */
	assert_int_equal(parse("\x10\0\0\0", 4, &text), OK);
	assert_int_equal(parse("\x10\0\0\2rubbish", 11, &text), OK);
	buf_fini(&b);
	buf_fini(&text);
}

static void text_goes_through(void **state)
{
	(void)state;
	static const char text[] = "Hello,\nW\xc3\xb6rld \xe2\x82\xac \xf0\x9f\x90\xa7\r\n\nend";
	static const char back[] = "Hello,\nW\xc3\xb6rld \xe2\x82\xac \xf0\x9f\x90\xa7\n\nend";
	struct buf b, got;
	buf_init(&b, 1000);
	buf_init(&got, 1000);
	buf_put(&got, "before", 6);
	assert_int_equal(ext_clipboard_put_text(&b, false, text, sizeof(text) - 1), OK);
	struct rd r = body_of(&b, 6);
	assert_int_equal(parse(r.p, r.left, &got), OK);
	assert_int_equal(got.len, 6 + sizeof(back) - 1);
	assert_memory_equal(got.data + 6, back, sizeof(back) - 1);
	/* Every prefix is a stream that ends early; at its very end only the marks
	 * that close it may be missing, which is no harm. */
	for (size_t n = 0; n < r.left; n++) {
		buf_truncate(&got, 6);
		int err = parse(r.p, n, &got);
		assert_true(err == ERR_PROTO || (n + 8 > r.left && err == OK));
		assert_int_equal(got.len, err ? 6 : 6 + sizeof(back) - 1);
	}
	buf_reset(&b);
	assert_int_equal(ext_clipboard_put_text(&b, true, "", 0), OK);
	r = body_of(&b, 3);
	buf_reset(&got);
	assert_int_equal(parse(r.p, r.left, &got), OK);
	assert_int_equal(got.len, 0);
	buf_fini(&b);
	buf_fini(&got);
}

static void big_texts_go_through(void **state)
{
	(void)state;
	static char text[TEXT_MAX / 2];
	struct buf b, got;
	buf_init(&b, TEXT_MAX * 2);
	buf_init(&got, TEXT_MAX);
	uint32_t seed = 1;
	for (size_t i = 0; i < sizeof(text); i++) {
		seed = seed * 1664525 + 1013904223;
		text[i] = (char)(seed >> 28 ? ' ' + (seed >> 24) % 90 : '\n');
	}
	assert_int_equal(ext_clipboard_put_text(&b, true, text, sizeof(text)), OK);
	struct rd r = body_of(&b, 3);
	assert_int_equal(parse(r.p, r.left, &got), OK);
	assert_int_equal(got.len, sizeof(text));
	assert_memory_equal(got.data, text, sizeof(text));

	struct buf small;
	buf_init(&small, 100);
	buf_put(&small, "kept", 4);
	assert_int_equal(ext_clipboard_put_text(&small, true, text, sizeof(text)), ERR_LIMIT);
	assert_int_equal(small.len, 4);
	assert_int_equal(ext_clipboard_put_text(&b, true, text, (size_t)1 << 31), ERR_LIMIT);
	buf_fini(&b);
	buf_fini(&got);
	buf_fini(&small);
}

static void text_is_tidied(void **state)
{
	(void)state;
	EXPECT_TEXT("\0\0\0\0", "");
	EXPECT_TEXT("\0\0\0\1\0", "");
	EXPECT_TEXT("\0\0\0\3a\r\n", "a\n");
	EXPECT_TEXT("\0\0\0\6\r\n\r\r\n\0", "\n\n\n");
	EXPECT_TEXT("\0\0\0\3a\rb", "a\nb");
	EXPECT_TEXT("\0\0\0\2a\r", "a\n");
	EXPECT_TEXT("\0\0\0\5ab\0cd", "ab");
	EXPECT_TEXT("\0\0\0\3\xe2\x82.", "??.");
	EXPECT_TEXT("\0\0\0\2\xc0\x80", "??");
	EXPECT_TEXT("\0\0\0\3\xed\xa0\x80", "???");
	EXPECT_TEXT("\0\0\0\4\xf4\x90\x80\x80", "????");
	EXPECT_TEXT("\0\0\0\4\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
	EXPECT_TEXT("\0\0\0\3\xe0\x9f\xbf", "???");
	EXPECT_TEXT("\0\0\0\2\xfe\xff", "??");
	/* Streams that are flushed but never ended, as TigerVNC and noVNC send. */
	expect_text("\0\0\0\4abc\0", 8, Z_SYNC_FLUSH, "abc", 3);
	expect_text("\0\0\0\4abc\0", 8, Z_FULL_FLUSH, "abc", 3);
}

static void sizes_that_lie(void **state)
{
	(void)state;
	expect_error("", 0, EXT_CLIPBOARD_TEXT, ERR_PROTO);
	expect_error("\0\0\0", 3, EXT_CLIPBOARD_TEXT, ERR_PROTO);
	expect_error("\0\0\0\4abc", 7, EXT_CLIPBOARD_TEXT, ERR_PROTO);
	expect_error("\0\0\0\2abc", 7, EXT_CLIPBOARD_TEXT, ERR_PROTO);
	expect_error("\0\0\0\0a", 5, EXT_CLIPBOARD_TEXT, ERR_PROTO);
	expect_error("\0\1\x86\xa1", 4, EXT_CLIPBOARD_TEXT, ERR_LIMIT);
	expect_error("\x80\0\0\0", 4, EXT_CLIPBOARD_TEXT, ERR_LIMIT);
	expect_error("\xff\xff\xff\xff", 4, EXT_CLIPBOARD_TEXT, ERR_LIMIT);
	expect_error("\0\1\x86\xa0 short", 10, EXT_CLIPBOARD_TEXT, ERR_PROTO);
	/* Formats after the text are left alone. */
	struct buf b, got;
	buf_init(&b, 1000);
	buf_init(&got, 1000);
	put_provide(&b, EXT_CLIPBOARD_TEXT | 2, "\0\0\0\2ab\xff\xff\xff\xff{rtf", 14, Z_FINISH);
	assert_int_equal(parse(b.data, b.len, &got), OK);
	assert_int_equal(got.len, 2);
	buf_fini(&b);
	buf_fini(&got);
}

static void bombs_stop_at_the_ceiling(void **state)
{
	(void)state;
	uint8_t *raw = calloc(1, HUGE);
	assert_non_null(raw);
	struct buf b, got;
	buf_init(&b, HUGE * 2u);
	buf_init(&got, TEXT_MAX);
	/* Announces as much as is allowed, 4 bytes, and 64 MB. */
	static const char *const announced[] = { "\0\1\x86\xa0", "\0\0\0\4", "\4\0\0\0" };
	static const int err[] = { ERR_PROTO, ERR_PROTO, ERR_LIMIT };
	for (size_t i = 0; i < ARRAY_LEN(announced); i++) {
		memcpy(raw, announced[i], 4);
		buf_reset(&b);
		put_provide(&b, EXT_CLIPBOARD_TEXT, raw, HUGE, Z_FINISH);
		assert_int_equal(parse(b.data, b.len, &got), err[i]);
		assert_true(got.cap <= TEXT_MAX);
		assert_int_equal(got.len, 0);
		buf_reset(&got);
	}
	buf_fini(&b);
	buf_fini(&got);
	free(raw);
}

static void broken_streams(void **state)
{
	(void)state;
	struct buf b, got;
	buf_init(&b, 100000);
	buf_init(&got, TEXT_MAX);
	/* A preset dictionary is asked for. */
	assert_int_equal(parse("\x10\0\0\1\x78\xbb\1\2\3\4", 10, &got), ERR_PROTO);
	assert_int_equal(parse("\x10\0\0\1", 4, &got), ERR_PROTO);
	assert_int_equal(parse("\x10\0\0\1garbage", 11, &got), ERR_PROTO);

	put_provide(&b, EXT_CLIPBOARD_TEXT, "\0\0\0\4abc\0", 8, Z_FINISH);
	buf_put(&b, "junk", 4);
	assert_int_equal(parse(b.data, b.len, &got), ERR_PROTO);
	b.data[b.len - 5] ^= 1; /* the checksum */
	assert_int_equal(parse(b.data, b.len - 4, &got), ERR_PROTO);

	/* Blocks without content, without end. */
	buf_reset(&b);
	buf_put(&b, "\x10\0\0\1\x78\x9c", 6);
	for (int i = 0; i < 15000; i++)
		buf_put(&b, "\0\0\0\xff\xff", 5);
	assert_int_equal(parse(b.data, b.len, &got), ERR_PROTO);
	assert_int_equal(got.len, 0);
	buf_fini(&b);
	buf_fini(&got);
}

static void latin1(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	ext_clipboard_utf8_from_latin1(&b, (const uint8_t *)"a\x7f\x80\xe9\xff", 5);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "a\x7f\xc2\x80\xc3\xa9\xc3\xbf", 8);
	struct buf back;
	buf_init(&back, 1000);
	ext_clipboard_latin1_from_utf8(&back, (const char *)b.data, b.len);
	assert_int_equal(back.len, 5);
	assert_memory_equal(back.data, "a\x7f\x80\xe9\xff", 5);
	buf_reset(&back);
	ext_clipboard_latin1_from_utf8(&back, "\xe2\x82\xac.\xc4\x80.\xff.\xc3", 10);
	assert_int_equal(back.len, 7);
	assert_memory_equal(back.data, "?.?.?.?", 7);
	buf_fini(&b);
	buf_fini(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caps),
		cmocka_unit_test(actions),
		cmocka_unit_test(text_goes_through),
		cmocka_unit_test(big_texts_go_through),
		cmocka_unit_test(text_is_tidied),
		cmocka_unit_test(sizes_that_lie),
		cmocka_unit_test(bombs_stop_at_the_ceiling),
		cmocka_unit_test(broken_streams),
		cmocka_unit_test(latin1),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
