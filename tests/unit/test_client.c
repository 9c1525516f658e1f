#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/client.h"
#include "crypto/vncauth.h"
#include "rfb/encoding.h"
#include "rfb/ext_clipboard.h"
#include "rfb/handshake.h"
#include "rfb/server_msg.h"

/* What happened, as text, so that two runs compare as one string. */
struct journal {
	char text[4000];
	size_t len;
};

static void note(struct journal *j, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void note(struct journal *j, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	j->len += (size_t)vsnprintf(j->text + j->len, sizeof(j->text) - j->len, fmt, args);
	va_end(args);
	assert_true(j->len < sizeof(j->text));
}

static void on_ready(void *ctx, int w, int h, const char *name)
{
	note(ctx, "ready %dx%d %s\n", w, h, name);
}

static void on_rect(void *ctx, struct rect r, int32_t encoding)
{
	note(ctx, "rect %d,%d %dx%d %d\n", r.x, r.y, r.w, r.h, encoding);
}

static void on_update(void *ctx)
{
	note(ctx, "update\n");
}

static void on_pseudo(void *ctx, struct rect r, int32_t encoding, struct rd body)
{
	note(ctx, "pseudo %d,%d %dx%d %d: %zu\n", r.x, r.y, r.w, r.h, encoding, body.left);
}

static void on_resize(void *ctx, int w, int h, int reason, int result)
{
	note(ctx, "resize %dx%d %d %d\n", w, h, reason, result);
}

static void on_bell(void *ctx)
{
	note(ctx, "bell\n");
}

static void on_cut_text(void *ctx, const char *text, size_t n)
{
	note(ctx, "cut %.*s\n", (int)n, text);
}

static void on_ext_clipboard(void *ctx, const uint8_t *body, size_t n)
{
	(void)body;
	note(ctx, "ext %zu\n", n);
}

static void on_fence(void *ctx, const struct rfb_fence *f)
{
	note(ctx, "fence %x %u\n", f->flags, f->len);
}

static void on_end_of_continuous(void *ctx)
{
	note(ctx, "end\n");
}

static const struct client_events events = {
	.on_ready = on_ready,
	.on_rect = on_rect,
	.on_update = on_update,
	.on_pseudo = on_pseudo,
	.on_resize = on_resize,
	.on_bell = on_bell,
	.on_cut_text = on_cut_text,
	.on_ext_clipboard = on_ext_clipboard,
	.on_fence = on_fence,
	.on_end_of_continuous = on_end_of_continuous,
};

static const int32_t encodings[] = { RFB_RAW, RFB_EXTENDED_CLIPBOARD };
static const struct client_config plain_config = { .encodings = encodings, .n_encodings = 2 };

/* The server's words up to and with ServerInit, for a client of 3.8 and None. */
static void put_login(struct buf *b, uint16_t w, uint16_t h)
{
	buf_put(b, "RFB 003.008\n\1\1\0\0\0\0", 18);
	rfb_put_server_init(b, w, h, &pix_format_native, "name");
}

/* Feeds in pieces of `piece` bytes, each its own piece of memory. */
static int feed(struct client *c, const struct buf *b, size_t piece)
{
	int err = OK;
	for (size_t at = 0; at < b->len && !err; at += piece) {
		size_t n = b->len - at < piece ? b->len - at : piece;
		uint8_t *copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, b->data + at, n);
		err = client_feed(c, copy, n);
		free(copy);
	}
	return err;
}

/* A client of a 16 x 8 framebuffer, logged in, with its output read away. */
static struct client *ready_client(const struct client_config *config, struct journal *j)
{
	struct buf b;
	buf_init(&b, 1000);
	put_login(&b, 16, 8);
	struct client *c = client_create(config, &events, j);
	assert_non_null(c);
	assert_int_equal(feed(c, &b, b.len), OK);
	assert_true(client_ready(c));
	buf_reset(client_output(c));
	buf_fini(&b);
	j->len = 0;
	return c;
}

/* Login against the server's side. */

struct login {
	int minor;
	enum rfb_security security;
	const char *password;
	bool accept;
	int err;
	const char *error;
};

static int exchange(struct client *c, struct rfb_handshake *h, struct buf *to_client, bool accept)
{
	enum rfb_handshake_want want = RFB_HANDSHAKE_BYTES;
	struct buf *to_server = client_output(c);
	while (want != RFB_HANDSHAKE_INIT) {
		int err = feed(c, to_client, 1);
		buf_reset(to_client);
		if (err)
			return err;
		struct rd r = rd_of(to_server->data, to_server->len);
		err = rfb_handshake_step(h, &r, to_client, &want);
		buf_consume(to_server, to_server->len - r.left);
		assert_true(err == OK || to_client->len > 0);
		uint8_t right[16];
		vncauth_response(h->challenge, "secret", right);
		if (!err && want == RFB_HANDSHAKE_DECIDE)
			rfb_handshake_decide(h,
				accept && (h->security == RFB_SECURITY_NONE ||
						  memcmp(right, h->response, 16) == 0),
				"Go away.", to_client);
	}
	rfb_put_server_init(to_client, 16, 8, &pix_format_native, "name");
	int err = feed(c, to_client, 1);
	buf_reset(to_client);
	return err;
}

static void logins(void **state)
{
	(void)state;
	static const struct login rows[] = {
		{ 8, RFB_SECURITY_NONE, NULL, true, OK, "" },
		{ 7, RFB_SECURITY_NONE, NULL, true, OK, "" },
		{ 3, RFB_SECURITY_NONE, NULL, true, OK, "" },
		{ 8, RFB_SECURITY_NONE, "secret", true, OK, "" },
		{ 0, RFB_SECURITY_VNC_AUTH, "secret", true, OK, "" },
		{ 7, RFB_SECURITY_VNC_AUTH, "secret", true, OK, "" },
		{ 3, RFB_SECURITY_VNC_AUTH, "secret", true, OK, "" },
		{ 8, RFB_SECURITY_NONE, NULL, false, ERR_AUTH, "Go away." },
		{ 7, RFB_SECURITY_NONE, NULL, false, ERR_AUTH, "Go away." },
		{ 3, RFB_SECURITY_NONE, NULL, false, ERR_AUTH, "Go away." },
		{ 8, RFB_SECURITY_VNC_AUTH, "wrong", true, ERR_AUTH, "Go away." },
		{ 7, RFB_SECURITY_VNC_AUTH, "wrong", true, ERR_AUTH, "refused" },
		{ 3, RFB_SECURITY_VNC_AUTH, "wrong", true, ERR_AUTH, "refused" },
		{ 8, RFB_SECURITY_VNC_AUTH, NULL, true, ERR_AUTH, "no security type in common" },
		{ 3, RFB_SECURITY_VNC_AUTH, NULL, true, ERR_AUTH, "the server wants a password" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct client_config config = {
			.minor = rows[i].minor, .password = rows[i].password, .shared = true
		};
		struct journal j = { 0 };
		struct rfb_handshake h;
		struct buf to_client;
		buf_init(&to_client, 1000);
		struct client *c = client_create(&config, &events, &j);
		rfb_handshake_start(
			&h, rows[i].security, (const uint8_t *)"0123456789abcdef", &to_client);
		assert_int_equal(exchange(c, &h, &to_client, rows[i].accept), rows[i].err);
		assert_string_equal(client_error(c), rows[i].error);
		assert_int_equal(client_ready(c), rows[i].err == OK);
		if (!rows[i].err) {
			assert_int_equal(h.minor, rows[i].minor ? rows[i].minor : 8);
			assert_true(h.shared);
			assert_string_equal(j.text, "ready 16x8 name\n");
			/* A session begins with the format that is wanted. */
			assert_int_equal(client_output(c)->len, 20);
		}
		client_destroy(c);
		buf_fini(&to_client);
	}
}

static void what_is_no_server_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *says;
		size_t len;
		int err;
	} rows[] = {
		{ "HTTP/1.1 400", 12, ERR_PROTO },
		{ "RFB 002.000\n", 12, ERR_PROTO },
		{ "RFB 003.00x\n", 12, ERR_PROTO },
		{ "RFB 003.008\n\2\x10\x13", 15, ERR_AUTH },
		{ "RFB 003.003\n\0\0\0\x10", 16, ERR_AUTH },
		{ "RFB 003.008\n\0\xff\xff\xff\xff", 17, ERR_LIMIT },
		{ "RFB 003.008\n\1\1\0\0\0\1\0\1\0\1", 22, ERR_LIMIT },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct client *c = client_create(&plain_config, NULL, NULL);
		int err = OK;
		for (size_t n = 0; n < rows[i].len; n++) {
			assert_int_equal(err, OK);
			err = client_feed(c, rows[i].says + n, 1);
		}
		assert_int_equal(err, rows[i].err);
		assert_int_equal(client_feed(c, "more", 4), rows[i].err);
		assert_true(client_error(c)[0] != 0);
		client_destroy(c);
	}
}

/* Sessions. */

static void put_raw(struct buf *b, struct rect r, uint32_t first)
{
	rfb_put_rect(b, r, RFB_RAW);
	for (int i = 0; i < r.w * r.h; i++)
		buf_put_u32(b, __builtin_bswap32(first + (uint32_t)i));
}

/* One of everything. */
static void put_session(struct buf *b)
{
	static const uint32_t argb[4] = { 0xff000001, 2, 3, 4 };
	static const struct rfb_screen screen = { 1, 0, 0, 16, 8, 0 };
	put_login(b, 16, 8);
	rfb_put_update(b, 3);
	put_raw(b, (struct rect){ 0, 0, 16, 8 }, 0x100);
	rfb_put_copy_rect(b, (struct rect){ 1, 0, 15, 8 }, 0, 0);
	put_raw(b, (struct rect){ 15, 7, 1, 1 }, 0xabcdef);
	rfb_put_bell(b);
	rfb_put_update(b, 0);
	rfb_put_update(b, 65535);
	rfb_put_xcursor(b, argb, 2, 2, 1, 1);
	rfb_put_cursor_with_alpha(b, argb, 2, 2, 1, 1);
	rfb_put_vmware_cursor(b, argb, 2, 2, 1, 1);
	rfb_put_led_state(b, 1);
	rfb_put_vmware_led_state(b, 1);
	rfb_put_desktop_name(b, "other");
	rfb_put_extended_desktop_size(b, 0, 0, 16, 8, &screen, 1);
	rfb_put_last_rect(b);
	rfb_put_server_cut_text(b, "text", 4);
	ext_clipboard_put_caps(b, true);
	rfb_put_end_of_continuous_updates(b);
	struct rfb_fence f = { .flags = 0xf0000001, .len = 3, .payload = "abc" };
	rfb_put_fence(b, &f);
	f.flags = 2;
	rfb_put_fence(b, &f);
}

static const char session_journal[] = "ready 16x8 name\n"
				      "rect 0,0 16x8 0\n"
				      "rect 1,0 15x8 1\n"
				      "rect 15,7 1x1 0\n"
				      "update\n"
				      "bell\n"
				      "update\n"
				      "pseudo 1,1 2x2 -240: 10\n"
				      "pseudo 1,1 2x2 -314: 20\n"
				      "pseudo 1,1 2x2 1464686180: 18\n"
				      "pseudo 0,0 0x0 -261: 1\n"
				      "pseudo 0,0 0x0 1464686184: 4\n"
				      "pseudo 0,0 0x0 -307: 9\n"
				      "resize 16x8 0 0\n"
				      "pseudo 0,0 16x8 -308: 20\n"
				      "pseudo 0,0 0x0 -224: 0\n"
				      "update\n"
				      "cut text\n"
				      "ext 8\n"
				      "end\n"
				      "fence f0000001 3\n"
				      "fence 2 3\n";

static void check_picture(const struct pix_canvas *canvas)
{
	for (int y = 0; y < 8; y++)
		for (int x = 0; x < 15; x++)
			assert_int_equal(
				*pix_canvas_at(canvas, x, y), 0x100 + y * 16 + (x > 0 ? x - 1 : 0));
	assert_int_equal(*pix_canvas_at(canvas, 15, 7), 0xabcdef);
}

static void any_split_reads_the_same(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100000);
	put_session(&b);
	for (size_t piece = 1; piece <= b.len + 1; piece += piece < 40 ? 1 : 37) {
		struct journal j = { 0 };
		struct client *c = client_create(&plain_config, &events, &j);
		assert_int_equal(feed(c, &b, piece), OK);
		assert_string_equal(j.text, session_journal);
		check_picture(client_canvas(c));
		/* Format, encodings, and the answer to the one fence that asks. */
		const struct buf *out = client_output(c);
		size_t before = 12 + 1 + 1 + 20 + 4 + 8;
		assert_int_equal(out->len, before + 12);
		assert_memory_equal(out->data + before, "\xf8\0\0\0\0\0\0\1\3abc", 12);
		client_destroy(c);
	}
	buf_fini(&b);
}

static void without_decoding_the_same_is_read(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100000);
	put_session(&b);
	struct client_config config = plain_config;
	config.no_decode = true;
	struct journal j = { 0 };
	struct client *c = client_create(&config, &events, &j);
	assert_int_equal(feed(c, &b, 7), OK);
	assert_string_equal(j.text, session_journal);
	assert_null(client_canvas(c)->px);
	assert_int_equal(client_canvas(c)->w, 16);
	client_destroy(c);
	buf_fini(&b);
}

static void requests_cover_the_framebuffer(void **state)
{
	(void)state;
	struct journal j = { 0 };
	struct client *c = ready_client(&plain_config, &j);
	client_request(c, true);
	assert_int_equal(client_output(c)->len, 10);
	assert_memory_equal(client_output(c)->data, "\3\1\0\0\0\0\0\x10\0\x08", 10);
	client_destroy(c);
}

static void sizes_change(void **state)
{
	(void)state;
	struct journal j = { 0 };
	struct client *c = ready_client(&plain_config, &j);
	struct buf b;
	buf_init(&b, 10000);
	rfb_put_update(&b, 2);
	rfb_put_desktop_size(&b, 4, 5);
	put_raw(&b, (struct rect){ 0, 0, 4, 5 }, 7);
	rfb_put_update(&b, 1);
	rfb_put_extended_desktop_size(&b, 1, 3, 9, 9, NULL, 0); /* refused */
	rfb_put_update(&b, 1);
	rfb_put_extended_desktop_size(&b, 1, 0, 30, 20, NULL, 0);
	assert_int_equal(feed(c, &b, 3), OK);
	assert_string_equal(j.text, "resize 4x5 0 0\n"
				    "pseudo 0,0 4x5 -223: 0\n"
				    "rect 0,0 4x5 0\nupdate\n"
				    "resize 4x5 1 3\n"
				    "pseudo 1,3 9x9 -308: 4\nupdate\n"
				    "resize 30x20 1 0\n"
				    "pseudo 1,0 30x20 -308: 4\nupdate\n");
	assert_int_equal(client_canvas(c)->w, 30);
	assert_int_equal(*pix_canvas_at(client_canvas(c), 29, 19), 0);
	client_destroy(c);
	buf_fini(&b);
}

static void a_colour_map_is_live(void **state)
{
	(void)state;
	static const struct pix_format map = { .bpp = 8, .depth = 8 };
	struct client_config config = plain_config;
	config.format = &map;
	struct journal j = { 0 };
	struct client *c = ready_client(&config, &j);
	struct buf b;
	buf_init(&b, 10000);
	rfb_put_colour_map_bgr233(&b);
	rfb_put_update(&b, 1);
	rfb_put_rect(&b, (struct rect){ 0, 0, 16, 8 }, RFB_RAW);
	for (int i = 0; i < 128; i++)
		buf_put_u8(&b, (uint8_t)(i * 2 + 1));
	assert_int_equal(feed(c, &b, 50), OK);
	const struct pix_canvas *canvas = client_canvas(c);
	assert_int_equal(*pix_canvas_at(canvas, 3, 0), 0xff0000);
	assert_int_equal(*pix_canvas_at(canvas, 15, 7), 0xffffff);
	buf_reset(&b);
	buf_put(&b, "\1\0\0\7\0\1\x12\x99\x34\x99\x56\x99", 12);
	assert_int_equal(feed(c, &b, 5), OK);
	assert_int_equal(*pix_canvas_at(canvas, 3, 0), 0x123456);
	assert_int_equal(*pix_canvas_at(canvas, 15, 7), 0xffffff);
	/* The copied pixel keeps its number. */
	buf_reset(&b);
	rfb_put_update(&b, 1);
	rfb_put_copy_rect(&b, (struct rect){ 5, 5, 1, 1 }, 3, 0);
	buf_put(&b, "\1\0\0\7\0\1\0\0\0\0\xff\xff", 12);
	assert_int_equal(feed(c, &b, 5), OK);
	assert_int_equal(*pix_canvas_at(canvas, 5, 5), 0x0000ff);
	buf_reset(&b);
	buf_put(&b, "\1\0\0\xff\0\2", 6);
	assert_int_equal(feed(c, &b, 6), ERR_PROTO);
	client_destroy(c);
	buf_fini(&b);
}

/* A hostile server: one message after login, and what becomes of it. */
static void expect_end(struct buf *b, int err)
{
	assert_int_equal(buf_ok(b), OK);
	for (size_t piece = 1; piece <= b->len; piece = piece * 4 + 3) {
		struct journal j = { 0 };
		struct client *c = ready_client(&plain_config, &j);
		assert_int_equal(feed(c, b, piece), err);
		assert_int_equal(client_feed(c, "\2", 1), err);
		assert_int_equal(j.len, 0);
		client_destroy(c);
	}
	buf_reset(b);
}

static void rectangles_outside_are_refused(void **state)
{
	(void)state;
	static const int32_t pixels[] = { RFB_RAW, RFB_COPY_RECT, RFB_RRE, RFB_CORRE, RFB_HEXTILE,
		RFB_ZLIB, RFB_TIGHT, RFB_ZRLE };
	static const struct rect outside[] = { { 0, 0, 17, 1 }, { 0, 0, 1, 9 }, { 16, 0, 1, 1 },
		{ 0, 8, 1, 1 }, { 65535, 0, 1, 1 }, { 0, 65535, 1, 65535 }, { 1, 0, 65535, 1 },
		{ 0, 0, 0, 1 }, { 0, 0, 1, 0 }, { 0, 0, 0, 0 } };
	struct buf b;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(pixels); i++) {
		for (size_t k = 0; k < ARRAY_LEN(outside); k++) {
			rfb_put_update(&b, 1);
			rfb_put_rect(&b, outside[k], pixels[i]);
			expect_end(&b, ERR_PROTO);
		}
	}
	static const struct rect from[] = { { 16, 0, 0, 0 }, { 15, 0, 0, 0 }, { 0, 7, 0, 0 },
		{ 65535, 65535, 0, 0 } };
	for (size_t k = 0; k < ARRAY_LEN(from); k++) {
		rfb_put_update(&b, 1);
		rfb_put_copy_rect(&b, (struct rect){ 0, 0, 2, 2 }, from[k].x, from[k].y);
		expect_end(&b, ERR_PROTO);
	}
	buf_fini(&b);
}

static void put_update_rect(
	struct buf *b, struct rect r, int32_t encoding, const char *body, size_t n)
{
	rfb_put_update(b, 1);
	rfb_put_rect(b, r, encoding);
	buf_put(b, body, n);
}

static void ceilings_hold(void **state)
{
	(void)state;
	static const struct rect all = { 0, 0, 16, 8 };
	struct buf b;
	buf_init(&b, 1000);
	put_update_rect(&b, (struct rect){ 0, 0, 1025, 1 }, RFB_CURSOR, "", 0);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, (struct rect){ 0, 0, 65535, 65535 }, RFB_VMWARE_CURSOR, "\1", 1);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, (struct rect){ 0 }, RFB_DESKTOP_NAME, "\xff\xff\xff\xff", 4);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, (struct rect){ 0, 0, 16385, 1 }, RFB_DESKTOP_SIZE, "", 0);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, (struct rect){ 0, 0, 16384, 4097 }, RFB_DESKTOP_SIZE, "", 0);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, (struct rect){ 0, 0, 0, 4097 }, RFB_DESKTOP_SIZE, "", 0);
	expect_end(&b, ERR_PROTO);
	put_update_rect(&b, all, RFB_RRE, "\xff\xff\xff\xff", 4);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, all, RFB_CORRE, "\xff\xff\xff\xff", 4);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, all, RFB_ZRLE, "\xff\xff\xff\xff", 4);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, all, RFB_ZLIB, "\0\1\6\1", 4);
	expect_end(&b, ERR_LIMIT);
	put_update_rect(&b, all, RFB_TIGHT, "\x90\xff\xff\xff", 4);
	expect_end(&b, ERR_LIMIT);
	buf_put(&b, "\3\0\0\0\1\0\0\1", 8);
	expect_end(&b, ERR_LIMIT);
	buf_fini(&b);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	static const char unknown[] = { 4, 5, 6, 11, 127, (char)249, (char)255 };
	for (size_t i = 0; i < sizeof(unknown); i++) {
		buf_put_u8(&b, (uint8_t)unknown[i]);
		expect_end(&b, ERR_PROTO);
	}
	put_update_rect(&b, (struct rect){ 0, 0, 1, 1 }, 12345, "", 0);
	expect_end(&b, ERR_PROTO);
	put_update_rect(&b, (struct rect){ 0, 0, 1, 1 }, RFB_CURSOR_WITH_ALPHA, "\0\0\0\7", 4);
	expect_end(&b, ERR_PROTO);
	put_update_rect(&b, (struct rect){ 0, 0, 1, 1 }, RFB_VMWARE_CURSOR, "\2", 1);
	expect_end(&b, ERR_PROTO);
	put_update_rect(&b, (struct rect){ 0, 0, 8, 8 }, RFB_TIGHT, "\xb0", 1);
	expect_end(&b, ERR_PROTO);
	put_update_rect(&b, (struct rect){ 0, 0, 8, 8 }, RFB_TIGHT, "\x40\3", 2);
	expect_end(&b, ERR_PROTO);
	buf_put(&b, "\xf8\0\0\0\0\0\0\0\x41", 9);
	expect_end(&b, ERR_PROTO);
	buf_put(&b, "\3\0\0\0\xff\xff\xff\xfd", 8);
	expect_end(&b, ERR_PROTO);
	buf_fini(&b);
}

static void extended_clipboard_needs_asking(void **state)
{
	(void)state;
	struct client_config config = plain_config;
	config.n_encodings = 1;
	struct journal j = { 0 };
	struct client *c = ready_client(&config, &j);
	struct buf b;
	buf_init(&b, 1000);
	ext_clipboard_put_caps(&b, true);
	assert_int_equal(feed(c, &b, b.len), ERR_PROTO);
	client_destroy(c);
	client_destroy(NULL);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins),
		cmocka_unit_test(what_is_no_server_is_refused),
		cmocka_unit_test(any_split_reads_the_same),
		cmocka_unit_test(without_decoding_the_same_is_read),
		cmocka_unit_test(requests_cover_the_framebuffer),
		cmocka_unit_test(sizes_change),
		cmocka_unit_test(a_colour_map_is_live),
		cmocka_unit_test(rectangles_outside_are_refused),
		cmocka_unit_test(ceilings_hold),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(extended_clipboard_needs_asking),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
