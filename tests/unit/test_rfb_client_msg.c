#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rfb/client_msg.h"
#include "rfb/encoding.h"

enum { ALL_EXT = RFB_EXT_MOUSE_BUTTONS | RFB_EXT_CLIPBOARD };

static int parse(const void *p, size_t n, unsigned ext, struct rfb_client_msg *m)
{
	struct rd in = rd_of(p, n);
	return rfb_client_msg_parse(&in, ext, m);
}

/* Parses all of `b`, whose message has a body of `body` bytes, and every part of
 * its head, which must ask for more and consume nothing. */
static struct rfb_client_msg parse_every_prefix(const struct buf *b, unsigned ext, uint32_t body)
{
	struct rfb_client_msg m;
	assert_int_equal(buf_ok(b), OK);
	size_t head = b->len - body;
	for (size_t n = 0; n < head; n++) {
		struct rd in = rd_of(b->data, n);
		assert_int_equal(rfb_client_msg_parse(&in, ext, &m), ERR_AGAIN);
		assert_int_equal(in.left, n);
		assert_ptr_equal(in.p, b->data);
	}
	struct rd in = rd_of(b->data, b->len);
	assert_int_equal(rfb_client_msg_parse(&in, ext, &m), OK);
	assert_int_equal(in.left, body);
	assert_int_equal(m.body, body);
	return m;
}

static void formats_and_encodings(void **state)
{
	(void)state;
	static const struct pix_format odd = { 16, 15, true, true, 31, 31, 31, 10, 5, 0 };
	static const int32_t encodings[] = { RFB_TIGHT, RFB_CURSOR, RFB_EXTENDED_CLIPBOARD };
	struct buf b;
	buf_init(&b, 1000);
	rfb_put_set_pixel_format(&b, &odd);
	struct rfb_client_msg m = parse_every_prefix(&b, 0, 0);
	assert_int_equal(m.type, RFB_SET_PIXEL_FORMAT);
	assert_true(pix_format_equal(&m.format, &odd));
	assert_int_equal(b.len, 20);

	buf_reset(&b);
	rfb_put_set_encodings(&b, encodings, 3);
	m = parse_every_prefix(&b, 0, 12);
	assert_int_equal(m.type, RFB_SET_ENCODINGS);
	assert_memory_equal(b.data, "\2\0\0\3\0\0\0\7\xff\xff\xff\x11\xc0\xa1\xe5\xce", 16);
	buf_fini(&b);
}

static void requests_and_areas(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	rfb_put_update_request(&b, true, 1, 0xfffe, 0xffff, 4);
	struct rfb_client_msg m = parse_every_prefix(&b, 0, 0);
	assert_int_equal(m.type, RFB_UPDATE_REQUEST);
	assert_true(m.update.incremental);
	assert_int_equal(m.update.x, 1);
	assert_int_equal(m.update.y, 0xfffe);
	assert_int_equal(m.update.w, 0xffff);
	assert_int_equal(m.update.h, 4);

	buf_reset(&b);
	rfb_put_enable_continuous_updates(&b, true, 1, 2, 3, 4);
	m = parse_every_prefix(&b, 0, 0);
	assert_int_equal(m.type, RFB_ENABLE_CONTINUOUS_UPDATES);
	assert_true(m.continuous.enable);
	assert_int_equal(m.continuous.x, 1);
	assert_int_equal(m.continuous.y, 2);
	assert_int_equal(m.continuous.w, 3);
	assert_int_equal(m.continuous.h, 4);
	buf_fini(&b);
}

static void keys(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	rfb_put_key_event(&b, true, 0x20ac);
	struct rfb_client_msg m = parse_every_prefix(&b, 0, 0);
	assert_int_equal(m.type, RFB_KEY_EVENT);
	assert_true(m.key.down);
	assert_int_equal(m.key.keysym, 0x20ac);
	assert_int_equal(m.key.code, 0);

	buf_reset(&b);
	rfb_put_qemu_key_event(&b, false, 0xff0d, 0xcd);
	m = parse_every_prefix(&b, 0, 0);
	assert_int_equal(m.type, RFB_QEMU_MESSAGE);
	assert_false(m.key.down);
	assert_int_equal(m.key.keysym, 0xff0d);
	assert_int_equal(m.key.code, 0xcd);
	assert_int_equal(parse("\xff\1\0\0", 4, 0, &m), ERR_PROTO);
	buf_fini(&b);
}

static void pointer_buttons(void **state)
{
	(void)state;
	static const struct {
		unsigned ext;
		uint16_t sent, got;
		size_t len;
	} rows[] = {
		{ 0, 0x1ff, 0xff, 6 },
		{ 0, 0x80, 0x80, 6 },
		{ 0, 0x05, 0x05, 6 },
		{ RFB_EXT_MOUSE_BUTTONS, 0x1ff, 0x1ff, 7 },
		{ RFB_EXT_MOUSE_BUTTONS, 0x80, 0x80, 7 },
		{ RFB_EXT_MOUSE_BUTTONS, 0x100, 0x100, 7 },
		{ RFB_EXT_MOUSE_BUTTONS, 0x7f, 0x7f, 6 },
		{ RFB_EXT_MOUSE_BUTTONS, 0, 0, 6 },
	};
	struct buf b;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b);
		rfb_put_pointer_event(&b, rows[i].ext != 0, rows[i].sent, 300, 0xffff);
		struct rfb_client_msg m = parse_every_prefix(&b, rows[i].ext, 0);
		assert_int_equal(m.type, RFB_POINTER_EVENT);
		assert_int_equal(m.pointer.buttons, rows[i].got);
		assert_int_equal(m.pointer.x, 300);
		assert_int_equal(m.pointer.y, 0xffff);
		assert_int_equal(b.len, rows[i].len);
	}
	buf_fini(&b);
	/* Unknown bits of the seventh byte are nobody's buttons. */
	struct rfb_client_msg m;
	assert_int_equal(parse("\5\x81\0\0\0\0\xfe", 7, RFB_EXT_MOUSE_BUTTONS, &m), OK);
	assert_int_equal(m.pointer.buttons, 0x101);
}

static void cut_text_lengths(void **state)
{
	(void)state;
	static const struct {
		const char *len;
		unsigned ext;
		int err;
		uint32_t body;
		bool extended;
	} rows[] = {
		{ "\0\0\0\0", 0, OK, 0, false },
		{ "\0\0\0\5", 0, OK, 5, false },
		{ "\x7f\xff\xff\xff", 0, OK, 0x7fffffff, false },
		{ "\xff\xff\xff\xff", 0, ERR_PROTO, 0, false },
		{ "\xff\xff\xff\xfc", 0, ERR_PROTO, 0, false },
		{ "\x80\0\0\0", 0, ERR_PROTO, 0, false },
		{ "\xff\xff\xff\xff", ALL_EXT, ERR_PROTO, 0, false },
		{ "\xff\xff\xff\xfe", ALL_EXT, ERR_PROTO, 0, false },
		{ "\xff\xff\xff\xfd", ALL_EXT, ERR_PROTO, 0, false },
		{ "\xff\xff\xff\xfc", ALL_EXT, OK, 4, true },
		{ "\x80\0\0\1", ALL_EXT, OK, 0x7fffffff, true },
		{ "\x80\0\0\0", ALL_EXT, ERR_LIMIT, 0, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t head[8] = { 6 };
		struct rfb_client_msg m;
		memcpy(head + 4, rows[i].len, 4);
		for (size_t n = 0; n < sizeof(head); n++)
			assert_int_equal(parse(head, n, rows[i].ext, &m), ERR_AGAIN);
		assert_int_equal(parse(head, sizeof(head), rows[i].ext, &m), rows[i].err);
		if (rows[i].err)
			continue;
		assert_int_equal(m.body, rows[i].body);
		assert_int_equal(m.cut_text.extended, rows[i].extended);
	}
}

static void cut_text_body_stays(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	rfb_put_client_cut_text(&b, "caf\xe9", 4);
	struct rfb_client_msg m = parse_every_prefix(&b, 0, 4);
	assert_int_equal(m.type, RFB_CLIENT_CUT_TEXT);
	assert_memory_equal(b.data, "\6\0\0\0\0\0\0\4caf\xe9", 12);
	buf_fini(&b);
}

static void fences(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	struct rfb_fence f = { .flags = RFB_FENCE_REQUEST | RFB_FENCE_SYNC_NEXT,
		.len = RFB_FENCE_MAX };
	memset(f.payload, 'p', sizeof(f.payload));
	rfb_put_fence(&b, &f);
	struct rfb_client_msg m = parse_every_prefix(&b, 0, 0);
	assert_int_equal(m.type, RFB_CLIENT_FENCE);
	assert_int_equal(m.fence.flags, 0x80000004);
	assert_int_equal(m.fence.len, RFB_FENCE_MAX);
	assert_memory_equal(m.fence.payload, f.payload, RFB_FENCE_MAX);

	/* Refused as soon as the length is there, whatever follows. */
	uint8_t head[9] = { 248 };
	for (unsigned len = RFB_FENCE_MAX + 1; len < 256; len++) {
		head[8] = (uint8_t)len;
		assert_int_equal(parse(head, sizeof(head), 0, &m), ERR_PROTO);
	}
	buf_fini(&b);
}

static void desktop_sizes(void **state)
{
	(void)state;
	struct rfb_screen screens[RFB_SCREENS_MAX] = { { 7, 1, 2, 3, 4, 0x80000001 } };
	screens[254] = (struct rfb_screen){ 0xffffffff, 65535, 65535, 65535, 65535, 5 };
	struct buf b;
	buf_init(&b, RFB_CLIENT_MSG_MAX);
	for (unsigned n = 0; n < 256; n += 51) {
		buf_reset(&b);
		rfb_put_set_desktop_size(&b, 800, 600, screens, (uint8_t)n);
		struct rfb_client_msg m = parse_every_prefix(&b, 0, 0);
		assert_int_equal(m.type, RFB_SET_DESKTOP_SIZE);
		assert_int_equal(m.desktop_size.w, 800);
		assert_int_equal(m.desktop_size.h, 600);
		assert_int_equal(m.desktop_size.n, n);
		for (unsigned i = 0; i < n; i++) {
			const struct rfb_screen *a = &screens[i], *c = &m.desktop_size.screens[i];
			assert_int_equal(c->id, a->id);
			assert_int_equal(c->x, a->x);
			assert_int_equal(c->y, a->y);
			assert_int_equal(c->w, a->w);
			assert_int_equal(c->h, a->h);
			assert_int_equal(c->flags, a->flags);
		}
	}
	buf_fini(&b);
}

static void unknown_types_are_refused(void **state)
{
	(void)state;
	static const uint8_t known[] = { 0, 2, 3, 4, 5, 6, 150, 248, 251, 255 };
	for (unsigned type = 0; type < 256; type++) {
		uint8_t byte = (uint8_t)type;
		struct rfb_client_msg m;
		bool is_known = memchr(known, byte, sizeof(known)) != NULL;
		assert_int_equal(parse(&byte, 1, ALL_EXT, &m), is_known ? ERR_AGAIN : ERR_PROTO);
	}
}

static void a_full_set_encodings_is_counted_not_stored(void **state)
{
	(void)state;
	struct rfb_client_msg m;
	assert_int_equal(parse("\2\0\xff\xff", 4, 0, &m), OK);
	assert_int_equal(m.body, 65535 * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_and_encodings),
		cmocka_unit_test(requests_and_areas),
		cmocka_unit_test(keys),
		cmocka_unit_test(pointer_buttons),
		cmocka_unit_test(cut_text_lengths),
		cmocka_unit_test(cut_text_body_stays),
		cmocka_unit_test(fences),
		cmocka_unit_test(desktop_sizes),
		cmocka_unit_test(unknown_types_are_refused),
		cmocka_unit_test(a_full_set_encodings_is_counted_not_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
