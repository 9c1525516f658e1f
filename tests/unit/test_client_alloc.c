/* Linked with -Wl,--wrap: the nth allocation of a viewer's session fails, for every
 * n. The session then ends in ERR_NOMEM, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/client.h"
#include "codec/encoder.h"
#include "rfb/encoding.h"
#include "rfb/ext_clipboard.h"
#include "rfb/server_msg.h"

enum { W = 40, H = 30 };

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static long fail_at, count; /* fail_at 0: none */

static bool fails(void)
{
	return ++count == fail_at;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static const struct pix_format colour_map = { .bpp = 8, .depth = 8 };
static const int32_t encodings[] = { RFB_TIGHT, RFB_EXTENDED_CLIPBOARD };

static void put_encoded(struct buf *b, const struct encoder_ops *ops)
{
	static uint32_t rgb[W * H], value[W * H];
	struct pix_convert convert;
	pix_convert_init(&convert, &colour_map);
	for (int i = 0; i < W * H; i++)
		rgb[i] = (uint32_t)i * 0x10305 & 0xffffff;
	struct pix_view view = { rgb, W, W, H };
	struct pix_canvas canvas = { value, W, W, H };
	pix_convert_view(&convert, &view, &canvas);
	struct encoder_settings settings = { -1, 1 };
	struct encoder_job job = { view, pix_canvas_view(&canvas), &convert, &settings,
		{ 0, 0, W, H } };
	struct encoder *e = ops->create();
	assert_non_null(e);
	size_t start = rfb_put_update(b, 0);
	int n = encoder_encode(e, &job, b);
	assert_true(n > 0);
	rfb_set_update_count(b, start, (uint16_t)n);
	encoder_destroy(e);
}

/* Login, a rectangle of each encoding, another size, a clipboard. */
static void put_session(struct buf *b)
{
	const struct encoder_ops *ops;
	buf_put(b, "RFB 003.008\n\1\1\0\0\0\0", 18);
	rfb_put_server_init(b, W, H, &pix_format_native, "name");
	for (unsigned i = 0; (ops = encoder_at(i)); i++)
		put_encoded(b, ops);
	rfb_put_update(b, 1);
	rfb_put_desktop_size(b, W + 1, H);
	assert_int_equal(ext_clipboard_put_text(b, true, "text", 4), OK);
}

static int parsed; /* what parsing the provided text came to */

static void on_ext_clipboard(void *ctx, const uint8_t *body, size_t n)
{
	struct ext_clipboard_msg m;
	struct buf text;
	(void)ctx;
	buf_init(&text, 1000);
	parsed = ext_clipboard_parse(body, n, &m, &text);
	assert_int_equal(text.len, parsed ? 0 : 4);
	buf_fini(&text);
}

/* Fed in pieces, so that incomplete payloads are kept. */
static int run_session(const struct buf *b)
{
	static const struct client_events events = { .on_ext_clipboard = on_ext_clipboard };
	struct client_config config = {
		.format = &colour_map, .encodings = encodings, .n_encodings = 2
	};
	struct client *c = client_create(&config, &events, NULL);
	int err = c ? OK : ERR_NOMEM;
	for (size_t at = 0; at < b->len && !err; at += 100)
		err = client_feed(c, b->data + at, b->len - at < 100 ? b->len - at : 100);
	client_destroy(c);
	return err ? err : parsed;
}

static void every_allocation_fails_once(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1 << 20);
	put_session(&b);
	count = fail_at = 0;
	assert_int_equal(run_session(&b), OK);
	long all = count;
	assert_true(all > 10);
	for (long n = 1; n <= all; n++) {
		count = parsed = 0;
		fail_at = n;
		assert_int_equal(run_session(&b), ERR_NOMEM);
	}
	fail_at = 0;
	buf_fini(&b);
}

static void putting_a_text_fails_cleanly(void **state)
{
	(void)state;
	struct buf b;
	for (long n = 1;; n++) {
		buf_init(&b, 1000);
		count = 0;
		fail_at = n;
		int err = ext_clipboard_put_text(&b, false, "text", 4);
		fail_at = 0;
		assert_int_equal(b.len > 0, err == OK);
		buf_fini(&b);
		if (!err)
			break;
		assert_int_equal(err, ERR_NOMEM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_fails_once),
		cmocka_unit_test(putting_a_text_fails_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
