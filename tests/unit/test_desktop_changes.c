/* Viewers that change their minds, that ask too little or too much, and screens
 * that answer in another order than they were asked. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_stream.h"
#include "rfb/client_msg.h"
#include "rfb/ext_clipboard.h"
#include "session.h"

static struct session *open_session(int w, int h)
{
	struct session *s = session_create();
	session_start(s, w, h);
	return s;
}

static struct buf *output(struct seat *seat)
{
	return client_output(seat->client);
}

static void request(struct seat *seat, bool incremental, struct rect r)
{
	rfb_put_update_request(output(seat), incremental, (uint16_t)r.x, (uint16_t)r.y,
		(uint16_t)r.w, (uint16_t)r.h);
}

static void say_cursor(struct session *s, int w, int h)
{
	uint32_t *argb = calloc((size_t)w * (size_t)h, sizeof(*argb));
	for (int i = 0; i < w * h; i++)
		argb[i] = 0xffff00ff;
	const struct screen_cursor c = { w, h, 0, 0, argb };
	s->stage->events->on_cursor(s->stage->ctx, &c);
	free(argb);
}

static const int32_t raw[] = { RFB_RAW };

/* What a viewer shows before its first update is its own matter. */
static void a_viewer_that_never_asks_for_all(void **state)
{
	(void)state;
	struct session *s = open_session(200, 100);
	struct seat *first = session_seat(s, raw, 1, true);
	session_expect_picture(s, first);
	struct seat *second = session_seat(s, raw, 1, false);
	session_settle(s);
	request(second, true, (struct rect){ 0, 0, 200, 100 });
	session_expect_picture(s, second);
	session_destroy(s);
}

/* The viewer hears only of what it lists at the time. */
static void extensions_that_are_taken_back(void **state)
{
	(void)state;
	const int32_t many[] = { RFB_RAW, RFB_CURSOR, RFB_DESKTOP_NAME, RFB_QEMU_LED, RFB_QEMU_KEY,
		RFB_EXTENDED_MOUSE, RFB_EXTENDED_DESKTOP_SIZE };
	struct session *s = open_session(200, 100);
	say_cursor(s, 8, 8);
	s->stage->events->on_leds(s->stage->ctx, SCREEN_LED_CAPS);
	struct seat *seat = session_seat(s, raw, 1, false);
	session_settle(s);
	rfb_put_set_encodings(output(seat), many, ARRAY_LEN(many));
	rfb_put_set_encodings(output(seat), raw, 1);
	/* An extended pointer event would be one byte longer. */
	rfb_put_pointer_event(output(seat), false, 0x80, 9, 9);
	request(seat, false, (struct rect){ 0, 0, 200, 100 });
	session_until_count(s, &seat->n_updates, 1);
	session_settle(s);
	assert_int_equal(seat_count(seat, SEAT_PSEUDO), 0);
	assert_int_equal(s->stage->buttons, 0x80);

	rfb_put_set_encodings(output(seat), many, ARRAY_LEN(many));
	request(seat, false, (struct rect){ 0, 0, 200, 100 });
	session_until_count(s, &seat->n_updates, 2);
	request(seat, true, (struct rect){ 0, 0, 200, 100 });
	session_until_count(s, &seat->n_updates, 3);
	for (size_t i = 1; i < ARRAY_LEN(many); i++)
		assert_non_null(seat_pseudo(seat, many[i], 0));
	session_destroy(s);
}

/* A request that is not answered yet outlives the end of continuous updates. */
static void a_request_before_continuous_updates_end(void **state)
{
	(void)state;
	const int32_t encodings[] = { RFB_RAW, RFB_CONTINUOUS_UPDATES };
	struct session *s = open_session(200, 100);
	struct seat *seat = session_seat(s, encodings, 2, false);
	session_settle(s);
	rfb_put_enable_continuous_updates(output(seat), true, 0, 0, 10, 10);
	session_settle(s);
	request(seat, false, (struct rect){ 0, 0, 200, 100 });
	rfb_put_enable_continuous_updates(output(seat), true, 0, 0, 20, 20);
	session_expect_picture(s, seat);
	stage_noise(s->stage, (struct rect){ 0, 0, 200, 100 }, 5);
	request(seat, false, (struct rect){ 0, 0, 200, 100 });
	rfb_put_enable_continuous_updates(output(seat), false, 0, 0, 0, 0);
	session_expect_picture(s, seat);
	session_destroy(s);
}

static void better_pixels_replace_worse_ones(void **state)
{
	(void)state;
	const int32_t lossy[] = { RFB_TIGHT, RFB_QUALITY_0 }, exact[] = { RFB_TIGHT };
	struct session *s = open_session(200, 100);
	for (int y = 0; y < 100; y++)
		for (int x = 0; x < 200; x++)
			*pix_canvas_at(&s->stage->picture, x, y) =
				(uint32_t)(x << 16 | y << 9 | (x * y) % 200);
	stage_damage(s->stage, (struct rect){ 0, 0, 200, 100 });
	struct seat *seat = session_seat(s, lossy, 2, true);
	session_until_count(s, &seat->n_updates, 1);
	session_settle(s);
	assert_false(seat_shows(s, seat));
	rfb_put_set_encodings(output(seat), exact, 1);
	session_expect_picture(s, seat);
	session_destroy(s);
}

/* The response comes in two pieces and is judged at once. */
static void a_password_in_two_pieces(void **state)
{
	(void)state;
	struct session *s = open_session(200, 100);
	struct seat *seat = session_join(s, &(struct seat_wish){ .encodings = raw,
						    .n = 1,
						    .shared = true,
						    .asks = true,
						    .password = "geheim" });
	struct buf *out = output(seat);
	while (out->len != 16)
		session_turn(s);
	assert_int_equal(send(seat->fd, out->data, 7, MSG_NOSIGNAL), 7);
	buf_consume(out, 7);
	for (int i = 0; i < 3; i++) {
		loop_timer_start(s->tick, 1);
		loop_turn(s->loop);
	}
	session_expect_picture(s, seat);
	session_destroy(s);
}

static void a_picture_that_is_asked_for_in_crumbs(void **state)
{
	(void)state;
	struct session *s = open_session(1200, 900);
	struct seat *seat = session_seat(s, raw, 1, false);
	session_settle(s);
	request(seat, false, (struct rect){ 0, 0, 1200, 900 });
	session_expect_picture(s, seat);
	for (int y = 0; y < 900; y += 4) {
		for (int x = 0; x < 1200; x += 4)
			request(seat, true, (struct rect){ x, y, 1, 1 });
		while (output(seat)->len > 0)
			session_turn(s);
	}
	session_settle(s);
	stage_noise(s->stage, (struct rect){ 0, 0, 1200, 900 }, 2);
	session_until_count(s, &seat->n_updates, 2);
	session_destroy(s);
}

static void text_that_is_too_long_for_a_viewer(void **state)
{
	(void)state;
	const int32_t encodings[] = { RFB_RAW, RFB_EXTENDED_CLIPBOARD };
	enum { LONG = 9 * 1024 * 1024 };
	struct session *s = open_session(200, 100);
	struct seat *seat = session_seat(s, encodings, 2, true);
	session_expect_picture(s, seat);
	char *text = malloc(LONG);
	uint32_t r = 1;
	for (int i = 0; i < LONG; i++) {
		r = r * 1664525u + 1013904223u;
		text[i] = (char)(' ' + (r >> 24) % 90);
	}
	s->stage->quiet = true;
	s->stage->events->on_clipboard_changed(s->stage->ctx);
	session_settle(s);
	ext_clipboard_put_action(output(seat), false, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	session_until_count(s, &s->stage->n_fetches, 1);
	s->stage->events->on_clipboard(s->stage->ctx, text, LONG);
	session_settle(s);
	assert_true(seat->fd >= 0);
	stage_noise(s->stage, (struct rect){ 0, 0, 200, 100 }, 8);
	session_expect_picture(s, seat);
	free(text);
	session_destroy(s);
}

static bool is_closed(int fd)
{
	char bytes[64];
	ssize_t n;
	do {
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	} while (n > 0);
	return n == 0;
}

/* Who says nothing takes no place for long when many do so. */
static void many_that_wait_at_the_door(void **state)
{
	(void)state;
	enum { MANY = 300, ROOM = 256 };
	struct session *s = open_session(200, 100);
	struct seat *seat = session_seat(s, raw, 1, true);
	session_expect_picture(s, seat);
	int fds[MANY][2];
	const struct desktop_viewer_config config = {
		.label = "door",
		.security = RFB_SECURITY_NONE,
	};
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
		struct stream *stream = socket_stream_create(s->loop, fds[i][0], 1 << 20);
		assert_int_equal(
			desktop_add_viewer(s->desktop, &config, stream, NULL, 0, NULL), OK);
	}
	session_settle(s);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(is_closed(fds[i][1]), i < MANY - ROOM);
		close(fds[i][1]);
	}
	stage_noise(s->stage, (struct rect){ 0, 0, 200, 100 }, 4);
	session_expect_picture(s, seat);
	session_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_viewer_that_never_asks_for_all),
		cmocka_unit_test(extensions_that_are_taken_back),
		cmocka_unit_test(a_request_before_continuous_updates_end),
		cmocka_unit_test(better_pixels_replace_worse_ones),
		cmocka_unit_test(a_password_in_two_pieces),
		cmocka_unit_test(a_picture_that_is_asked_for_in_crumbs),
		cmocka_unit_test(text_that_is_too_long_for_a_viewer),
		cmocka_unit_test(many_that_wait_at_the_door),
	};
	return cmocka_run_group_tests_name("desktop/changes", tests, NULL, NULL);
}
