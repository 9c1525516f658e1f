#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pix/convert.h"
#include "rfb/encoding.h"
#include "rfb/server_msg.h"

/* Compares everything in `b` and empties it. */
static void expect(struct buf *b, const char *bytes, size_t n)
{
	assert_int_equal(buf_ok(b), OK);
	assert_int_equal(b->len, n);
	assert_memory_equal(b->data, bytes, n);
	buf_reset(b);
}
#define EXPECT(b, literal) expect(b, literal, sizeof(literal) - 1)

/* Every byte that is not written shows, because the memory is not zero before. */
static void dirty_init(struct buf *b)
{
	buf_init(b, 100000);
	memset(buf_room(b, 90000), 0xa5, 90000);
}

static void server_init(void **state)
{
	(void)state;
	struct buf b;
	dirty_init(&b);
	rfb_put_server_init(&b, 1920, 1080, &pix_format_native, "K\xc3\xb6ln");
	EXPECT(&b, "\x07\x80\x04\x38\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
		   "\0\0\0\5K\xc3\xb6ln");
	buf_fini(&b);
}

static void names_are_cut_between_characters(void **state)
{
	(void)state;
	struct buf b;
	char name[2000];
	dirty_init(&b);
	memset(name, 'n', sizeof(name));
	memcpy(name + 1022, "\xe2\x82\xac", 3);
	name[1999] = 0;
	rfb_put_desktop_name(&b, name);
	assert_int_equal(b.len, 12 + 4 + 1022);
	assert_memory_equal(b.data, "\0\0\0\0\0\0\0\0\xff\xff\xfe\xcd\0\0\x03\xfe", 16);
	buf_reset(&b);
	name[1024] = 0;
	memcpy(name + 1022, "ab", 2);
	rfb_put_desktop_name(&b, name);
	assert_int_equal(b.len, 12 + 4 + 1024);
	buf_fini(&b);
}

static void updates(void **state)
{
	(void)state;
	struct buf b;
	dirty_init(&b);
	rfb_put_bell(&b);
	size_t start = rfb_put_update(&b, 0xffff);
	rfb_put_rect(&b, (struct rect){ 1, 2, 0xffff, 4 }, RFB_QUALITY_0);
	rfb_set_update_count(&b, start, 1);
	EXPECT(&b, "\2\0\0\0\1\0\1\0\2\xff\xff\0\4\xff\xff\xff\xe0");
	rfb_put_copy_rect(&b, (struct rect){ 1, 2, 3, 4 }, 5, 0xfff0);
	EXPECT(&b, "\0\1\0\2\0\3\0\4\0\0\0\1\0\5\xff\xf0");
	rfb_put_last_rect(&b);
	EXPECT(&b, "\0\0\0\0\0\0\0\0\xff\xff\xff\x20");
	buf_fini(&b);
}

static void small_messages(void **state)
{
	(void)state;
	struct buf b;
	dirty_init(&b);
	rfb_put_server_cut_text(&b, "caf\xe9", 4);
	EXPECT(&b, "\3\0\0\0\0\0\0\4caf\xe9");
	rfb_put_end_of_continuous_updates(&b);
	EXPECT(&b, "\x96");
	struct rfb_fence f = { .flags = 0x80000003, .len = 2, .payload = "ab" };
	rfb_put_fence(&b, &f);
	EXPECT(&b, "\xf8\0\0\0\x80\0\0\3\2ab");
	rfb_put_led_state(&b, 6);
	EXPECT(&b, "\0\0\0\0\0\0\0\0\xff\xff\xfe\xfb\6");
	rfb_put_vmware_led_state(&b, 5);
	EXPECT(&b, "\0\0\0\0\0\0\0\0\x57\x4d\x56\x68\0\0\0\5");
	buf_fini(&b);
}

static void sizes(void **state)
{
	(void)state;
	static const struct rfb_screen screen = { 0xa1a2a3a4, 1, 2, 3, 4, 0xf1f2f3f4 };
	struct buf b;
	dirty_init(&b);
	rfb_put_desktop_size(&b, 0x0400, 0x0300);
	EXPECT(&b, "\0\0\0\0\4\0\3\0\xff\xff\xff\x21");
	rfb_put_extended_desktop_size(&b, 1, 3, 0x0400, 0x0300, &screen, 1);
	EXPECT(&b, "\0\1\0\3\4\0\3\0\xff\xff\xfe\xcc\1\0\0\0"
		   "\xa1\xa2\xa3\xa4\0\1\0\2\0\3\0\4\xf1\xf2\xf3\xf4");
	buf_fini(&b);
}

static void colour_map(void **state)
{
	(void)state;
	struct buf b;
	dirty_init(&b);
	rfb_put_colour_map_bgr233(&b);
	assert_int_equal(b.len, 6 + 256 * 6);
	assert_memory_equal(b.data, "\1\0\0\0\1\0\0\0\0\0\0\0", 12);
	assert_memory_equal(b.data + 6 + 0x07 * 6, "\xff\xff\0\0\0\0", 6);
	assert_memory_equal(b.data + 6 + 0x38 * 6, "\0\0\xff\xff\0\0", 6);
	assert_memory_equal(b.data + 6 + 0xc0 * 6, "\0\0\0\0\xff\xff", 6);
	assert_memory_equal(b.data + 6 + 0xff * 6, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(b.data + 6 + 0x41 * 6, "\x24\x92\0\0\x55\x55", 6);
	buf_fini(&b);
}

/* 9 x 2: the row needs two bytes of mask. A red and a white pixel, one half
 * transparent white, one that is nearly gone; the rest is not there. */
static const uint32_t shape[18] = { 0xffff0000, 0xffffffff, 0x80808080,
	0x7f7f7f7f, [8] = 0xff000000, [9] = 0xff0000ff, [17] = 0xff00ff00 };

#define HOT_SPOT_9_2 "\0\3\0\1\0\x09\0\2"

static void cursor(void **state)
{
	(void)state;
	static const struct pix_format rgb565 = { 16, 16, true, true, 31, 63, 31, 11, 5, 0 };
	struct pix_convert convert;
	struct buf b;
	dirty_init(&b);
	pix_convert_init(&convert, &rgb565);
	rfb_put_cursor(&b, &convert, shape, 9, 2, 3, 1);
	EXPECT(&b, HOT_SPOT_9_2 "\xff\xff\xff\x11"
				"\xf8\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0"
				"\0\x1f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\xe0"
				"\xe0\x80\x80\x80");

	struct pix_format swapped = rgb565;
	swapped.big_endian = false;
	pix_convert_init(&convert, &swapped);
	rfb_put_cursor(&b, &convert, shape, 1, 1, 0, 0);
	EXPECT(&b, "\0\0\0\0\0\1\0\1\xff\xff\xff\x11\0\xf8\x80");
	pix_convert_init(&convert, &pix_format_native);
	rfb_put_cursor(&b, &convert, shape, 1, 1, 0, 0);
	EXPECT(&b, "\0\0\0\0\0\1\0\1\xff\xff\xff\x11\0\0\xff\0\x80");
	static const struct pix_format bgr233 = { 8, 8, false, true, 7, 7, 3, 0, 3, 6 };
	pix_convert_init(&convert, &bgr233);
	rfb_put_cursor(&b, &convert, shape, 1, 1, 0, 0);
	EXPECT(&b, "\0\0\0\0\0\1\0\1\xff\xff\xff\x11\7\x80");
	rfb_put_cursor(&b, &convert, NULL, 0, 0, 0, 0);
	EXPECT(&b, "\0\0\0\0\0\0\0\0\xff\xff\xff\x11");
	buf_fini(&b);
}

static void other_cursors(void **state)
{
	(void)state;
	struct buf b;
	dirty_init(&b);
	rfb_put_xcursor(&b, shape, 9, 2, 3, 1);
	EXPECT(&b, HOT_SPOT_9_2 "\xff\xff\xff\x10\0\0\0\xff\xff\xff"
				"\x80\x80\x80\0"
				"\xe0\x80\x80\x80");
	rfb_put_xcursor(&b, NULL, 0, 0, 0, 0);
	EXPECT(&b, "\0\0\0\0\0\0\0\0\xff\xff\xff\x10");

	rfb_put_cursor_with_alpha(&b, shape, 4, 1, 3, 0);
	EXPECT(&b, "\0\3\0\0\0\4\0\1\xff\xff\xfe\xc6\0\0\0\0"
		   "\xff\0\0\xff\xff\xff\xff\xff\x80\x80\x80\x80\x7f\x7f\x7f\x7f");
	rfb_put_cursor_with_alpha(&b, NULL, 0, 0, 0, 0);
	EXPECT(&b, "\0\0\0\0\0\0\0\0\xff\xff\xfe\xc6\0\0\0\0");

	static const uint32_t tinted[4] = { 0xffff0000, 0x80400000, 0x00000000, 0x01ffffff };
	rfb_put_vmware_cursor(&b, tinted, 4, 1, 3, 0);
	EXPECT(&b, "\0\3\0\0\0\4\0\1\x57\x4d\x56\x64\1\0"
		   "\xff\0\0\xff\x80\0\0\x80\0\0\0\0\xff\xff\xff\1");
	rfb_put_vmware_cursor(&b, NULL, 0, 0, 0, 0);
	EXPECT(&b, "\0\0\0\0\0\0\0\0\x57\x4d\x56\x64\1\0");
	buf_fini(&b);
}

static void a_ceiling_makes_no_half_words(void **state)
{
	(void)state;
	struct buf b;
	for (size_t max = 0; max < 60; max++) {
		buf_init(&b, max);
		size_t start = rfb_put_update(&b, 1);
		rfb_put_xcursor(&b, shape, 9, 2, 3, 1);
		rfb_set_update_count(&b, start, 1);
		assert_int_equal(buf_ok(&b), max < 4 + 12 + 6 + 8 ? ERR_LIMIT : OK);
		assert_true(b.len <= max);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_init),
		cmocka_unit_test(names_are_cut_between_characters),
		cmocka_unit_test(updates),
		cmocka_unit_test(small_messages),
		cmocka_unit_test(sizes),
		cmocka_unit_test(colour_map),
		cmocka_unit_test(cursor),
		cmocka_unit_test(other_cursors),
		cmocka_unit_test(a_ceiling_makes_no_half_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
