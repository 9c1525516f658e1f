/* What viewers of a desktop see: exactly the screen's pixels, whatever encoding
 * and pixel format, and nothing happens while nothing is due. */
#include <unistd.h>

#include "codec/encoder.h"
#include "rfb/client_msg.h"
#include "session.h"

static const struct pix_format formats[] = {
	{ 32, 24, false, true, 255, 255, 255, 16, 8, 0 },
	{ 32, 24, false, true, 255, 255, 255, 0, 8, 16 },
	{ 32, 24, true, true, 255, 255, 255, 24, 16, 8 },
	{ 32, 30, false, true, 1023, 1023, 1023, 20, 10, 0 },
	{ 16, 16, false, true, 31, 63, 31, 11, 5, 0 },
	{ 16, 15, true, true, 31, 31, 31, 10, 5, 0 },
	{ 8, 8, false, true, 7, 7, 3, 0, 3, 6 },
	{ 8, 6, false, true, 3, 3, 3, 4, 2, 0 },
	{ 8, 8, false, false, 0, 0, 0, 0, 0, 0 },
};

static struct session *open_session(int w, int h)
{
	struct session *s = session_create();
	session_start(s, w, h);
	return s;
}

static void change_and_compare(struct session *s, struct seat *seat)
{
	session_expect_picture(s, seat);
	stage_fill(s->stage, (struct rect){ 3, 5, 140, 77 }, 0xc08020);
	session_expect_picture(s, seat);
	stage_noise(s->stage, (struct rect){ 100, 60, 90, 33 }, 7);
	stage_fill(s->stage, (struct rect){ 0, 0, 1, 1 }, 0xff000001);
	stage_fill(s->stage, (struct rect){ 200, 111, 1, 1 }, 0x00ffffff);
	session_expect_picture(s, seat);
}

static void every_encoding_and_format_is_exact(void **state)
{
	(void)state;
	for (unsigned i = 0; encoder_at(i); i++) {
		const int32_t encodings[] = { encoder_at(i)->wire_id };
		for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
			struct session *s = open_session(201, 113);
			change_and_compare(
				s, session_join(s, &(struct seat_wish){ .encodings = encodings,
							   .n = 1,
							   .format = &formats[f],
							   .shared = true,
							   .asks = true }));
			session_destroy(s);
		}
	}
}

static void levels_of_compression_are_exact(void **state)
{
	(void)state;
	const int32_t which[] = { RFB_TIGHT, RFB_ZLIB, RFB_ZRLE };
	for (size_t i = 0; i < ARRAY_LEN(which); i++) {
		for (int level = 0; level <= 9; level += 3) {
			const int32_t encodings[] = { which[i], RFB_COMPRESS_0 + level };
			struct session *s = open_session(201, 113);
			change_and_compare(s, session_seat(s, encodings, 2, true));
			session_destroy(s);
		}
	}
}

static void viewers_of_all_kinds_at_once(void **state)
{
	(void)state;
	struct session *s = open_session(300, 200);
	for (unsigned i = 0; i < SEATS_MAX; i++) {
		const int32_t encodings[] = { encoder_at(i + 1)->wire_id, RFB_COPY_RECT };
		session_join(s, &(struct seat_wish){ .encodings = encodings,
					.n = 1 + i % 2,
					.format = &formats[i % ARRAY_LEN(formats)],
					.shared = true,
					.asks = true });
	}
	for (uint32_t round = 0; round < 8; round++) {
		stage_noise(s->stage, (struct rect){ 20, (int)round * 9, 200, 40 }, round);
		stage_scroll(s->stage, (struct rect){ 10, 20, 280, 170 }, -13, round);
		for (int i = 0; i < SEATS_MAX; i++)
			session_expect_picture(s, &s->seats[i]);
	}
	session_destroy(s);
}

static const int32_t with_copies[] = { RFB_ZRLE, RFB_COPY_RECT };

static void a_scroll_is_a_copy(void **state)
{
	(void)state;
	const int steps[] = { -16, 16, -1, 90, -33, 5 };
	struct session *s = open_session(400, 300);
	struct seat *can = session_seat(s, with_copies, 2, true);
	struct seat *cannot = session_seat(s, with_copies, 1, true);
	stage_noise(s->stage, (struct rect){ 0, 0, 400, 300 }, 3);
	session_expect_picture(s, can);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int before = can->n_copies;
		stage_scroll(
			s->stage, (struct rect){ 8, 30, 380, 250 }, steps[i], 50 + (uint32_t)i);
		session_expect_picture(s, can);
		session_expect_picture(s, cannot);
		assert_true(can->n_copies > before);
	}
	assert_int_equal(cannot->n_copies, 0);
	session_destroy(s);
}

/* The source of a copy holds what a viewer that is behind has not got yet. */
static void a_scroll_for_a_viewer_that_is_behind(void **state)
{
	(void)state;
	struct session *s = open_session(400, 300);
	struct seat *seat = session_seat(s, with_copies, 2, true);
	struct seat *other = session_seat(s, with_copies, 2, true);
	stage_noise(s->stage, (struct rect){ 0, 0, 400, 300 }, 3);
	session_expect_picture(s, seat);
	for (uint32_t round = 0; round < 12; round++) {
		seat->deaf = true;
		for (uint32_t i = 0; i < 4; i++) {
			struct rect r = { 10, 20, 380, 260 };
			stage_noise(
				s->stage, (struct rect){ 50, 60 + (int)i * 30, 200, 20 }, round);
			session_expect_picture(s, other);
			stage_scroll(s->stage, r, i % 2 ? 9 : -21, round * 4 + i);
			session_expect_picture(s, other);
		}
		seat->deaf = false;
		session_expect_picture(s, seat);
	}
	assert_true(other->n_copies > 40);
	session_destroy(s);
}

static void request(struct seat *seat, bool incremental, struct rect r)
{
	rfb_put_update_request(client_output(seat->client), incremental, (uint16_t)r.x,
		(uint16_t)r.y, (uint16_t)r.w, (uint16_t)r.h);
}

static void a_scroll_under_partial_requests(void **state)
{
	(void)state;
	struct session *s = open_session(400, 300);
	struct seat *seat = session_seat(s, with_copies, 2, false);
	stage_noise(s->stage, (struct rect){ 0, 0, 400, 300 }, 3);
	session_settle(s);
	request(seat, false, (struct rect){ 0, 0, 400, 300 });
	session_expect_picture(s, seat);
	for (uint32_t round = 0; round < 20; round++) {
		int y = (int)(round * 37 % 200);
		request(seat, true, (struct rect){ 0, y, 400, 100 });
		stage_scroll(s->stage, (struct rect){ 10, 20, 380, 260 }, -17, round);
		session_settle(s);
		request(seat, true, (struct rect){ 30, 0, 200, 300 });
		session_settle(s);
	}
	request(seat, true, (struct rect){ 0, 0, 400, 300 });
	session_expect_picture(s, seat);
	session_destroy(s);
}

/* A copy takes along that its source was not up to date. */
static void a_scroll_from_where_it_was_not_up_to_date(void **state)
{
	(void)state;
	struct session *s = open_session(400, 300);
	struct seat *seat = session_seat(s, with_copies, 2, false);
	stage_noise(s->stage, (struct rect){ 0, 0, 400, 300 }, 3);
	session_settle(s);
	request(seat, false, (struct rect){ 0, 0, 400, 300 });
	session_expect_picture(s, seat);
	for (uint32_t round = 0; round < 6; round++) {
		int copies = seat->n_copies;
		request(seat, true, (struct rect){ 0, 0, 400, 262 });
		session_settle(s);
		stage_noise(s->stage, (struct rect){ 50, 263, 200, 10 }, round);
		session_settle(s);
		stage_scroll(s->stage, (struct rect){ 10, 20, 380, 260 }, -21, round);
		session_until_count(s, &seat->n_copies, copies + 1);
		request(seat, true, (struct rect){ 0, 0, 400, 300 });
		session_expect_picture(s, seat);
	}
	session_destroy(s);
}

static void scrolls_in_continuous_updates(void **state)
{
	(void)state;
	const int32_t encodings[] = { RFB_TIGHT, RFB_COPY_RECT, RFB_FENCE, RFB_CONTINUOUS_UPDATES };
	struct session *s = open_session(400, 300);
	struct seat *seat = session_seat(s, encodings, 4, false);
	session_until_count(s, &seat->n_journal, 2);
	assert_int_equal(seat_count(seat, SEAT_END_OF_CONTINUOUS), 1);
	rfb_put_enable_continuous_updates(client_output(seat->client), true, 0, 0, 400, 300);
	request(seat, false, (struct rect){ 0, 0, 400, 300 });
	session_expect_picture(s, seat);
	for (uint32_t round = 0; round < 20; round++) {
		stage_scroll(s->stage, (struct rect){ 10, 20, 380, 260 }, -17, round);
		session_expect_picture(s, seat);
	}
	assert_true(seat->n_copies >= 10);

	/* Switched off: one answer, and silence. */
	rfb_put_enable_continuous_updates(client_output(seat->client), false, 0, 0, 0, 0);
	session_settle(s);
	assert_int_equal(seat_count(seat, SEAT_END_OF_CONTINUOUS), 2);
	int updates = seat->n_updates;
	stage_noise(s->stage, (struct rect){ 0, 0, 400, 300 }, 99);
	session_settle(s);
	assert_int_equal(seat->n_updates, updates);
	request(seat, true, (struct rect){ 0, 0, 400, 300 });
	session_expect_picture(s, seat);
	session_destroy(s);
}

/* Its socket has room for all of them, but it would see each one late. */
static void updates_do_not_pile_up(void **state)
{
	enum { ROUNDS = 50, ROUND_US = 2000 };
	(void)state;
	const int32_t encodings[] = { RFB_TIGHT, RFB_FENCE, RFB_CONTINUOUS_UPDATES };
	struct session *s = open_session(200, 100);
	struct seat *seat = session_seat(s, encodings, 3, false);
	session_until_count(s, &seat->n_journal, 2);
	rfb_put_enable_continuous_updates(client_output(seat->client), true, 0, 0, 200, 100);
	session_expect_picture(s, seat);

	int updates = seat->n_updates;
	seat->deaf = true;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		stage_fill(s->stage, (struct rect){ 5, 5, 20, 20 }, round + 1);
		session_turn(s);
		usleep(ROUND_US);
	}
	seat->deaf = false;
	session_expect_picture(s, seat);
	assert_in_range(seat->n_updates - updates, 2, 6);
	session_destroy(s);
}

static uint32_t pixel(const struct seat *seat, int x, int y)
{
	return *pix_canvas_at(client_canvas(seat->client), x, y);
}

static void only_what_is_asked_for_is_sent(void **state)
{
	(void)state;
	const int32_t encodings[] = { RFB_RAW, RFB_CONTINUOUS_UPDATES };
	struct session *s = open_session(200, 100);
	struct seat *seat = session_seat(s, encodings, 2, false);
	stage_fill(s->stage, (struct rect){ 0, 0, 200, 100 }, 0x111111);
	session_settle(s);
	assert_int_equal(seat->n_updates, 0);

	request(seat, false, (struct rect){ 10, 10, 20, 20 });
	session_until_count(s, &seat->n_updates, 1);
	assert_int_equal(pixel(seat, 29, 29), 0x111111);
	assert_int_equal(pixel(seat, 30, 29), 0);
	assert_int_equal(pixel(seat, 9, 10), 0);
	session_settle(s);
	assert_int_equal(seat->n_updates, 1);

	rfb_put_enable_continuous_updates(client_output(seat->client), true, 100, 50, 60000, 3);
	session_until_count(s, &seat->n_updates, 2);
	stage_fill(s->stage, (struct rect){ 0, 0, 200, 100 }, 0x222222);
	session_until_count(s, &seat->n_updates, 3);
	assert_int_equal(pixel(seat, 199, 52), 0x222222);
	assert_int_equal(pixel(seat, 199, 53), 0);
	assert_int_equal(pixel(seat, 99, 51), 0);
	assert_int_equal(pixel(seat, 29, 29), 0x111111);
	session_destroy(s);
}

/* Damage that may not be sent must not keep the desktop busy. */
static void expect_rest(struct session *s)
{
	session_settle(s);
	int armed = s->stage->n_armed, frames = s->stage->n_frames;
	session_settle(s);
	session_settle(s);
	assert_int_equal(s->stage->n_frames, frames);
	assert_int_equal(s->stage->n_armed, armed);
}

static void rest_while_nothing_is_due(void **state)
{
	(void)state;
	struct session *s = open_session(200, 100);
	struct seat *seat = session_seat(s, with_copies, 2, false);
	expect_rest(s);

	/* It waits for a corner; all the rest of its picture is old. */
	request(seat, false, (struct rect){ 0, 0, 10, 10 });
	session_until_count(s, &seat->n_updates, 1);
	request(seat, true, (struct rect){ 0, 0, 10, 10 });
	expect_rest(s);
	assert_int_equal(seat->n_updates, 1);
	stage_fill(s->stage, (struct rect){ 5, 5, 1, 1 }, 0x123456);
	session_until_count(s, &seat->n_updates, 2);

	/* Empty and outside requests are none. */
	request(seat, true, (struct rect){ 5, 5, 0, 0 });
	request(seat, false, (struct rect){ 65530, 65530, 10, 10 });
	expect_rest(s);
	assert_int_equal(seat->n_updates, 2);

	/* What it has not asked for is not even captured. */
	int frames = s->stage->n_frames;
	stage_fill(s->stage, (struct rect){ 0, 0, 200, 100 }, 0x654321);
	expect_rest(s);
	assert_int_equal(s->stage->n_frames, frames);
	session_destroy(s);
}

static void a_viewer_that_cannot_resize_sees_what_fits(void **state)
{
	(void)state;
	struct session *s = open_session(200, 100);
	struct seat *seat = session_seat(s, with_copies, 2, true);
	session_expect_picture(s, seat);
	stage_resize(s->stage, 300, 150, 2);
	session_settle(s);
	expect_rest(s);
	for (int y = 0; y < 100; y++)
		for (int x = 0; x < 200; x++)
			assert_int_equal(
				pixel(seat, x, y), *pix_canvas_at(&s->stage->picture, x, y));
	stage_resize(s->stage, 50, 40, 3);
	session_settle(s);
	expect_rest(s);
	for (int y = 0; y < 40; y++)
		for (int x = 0; x < 50; x++)
			assert_int_equal(
				pixel(seat, x, y), *pix_canvas_at(&s->stage->picture, x, y));
	stage_resize(s->stage, 200, 100, 4);
	session_expect_picture(s, seat);
	session_destroy(s);
}

static void viewers_that_can_resize_follow(void **state)
{
	(void)state;
	const int32_t one[] = { RFB_RAW, RFB_COPY_RECT, RFB_DESKTOP_SIZE };
	const int32_t two[] = { RFB_RAW, RFB_EXTENDED_DESKTOP_SIZE };
	const int32_t three[] = { RFB_RAW, RFB_EXTENDED_DESKTOP_SIZE, RFB_CONTINUOUS_UPDATES };
	struct session *s = open_session(20, 10);
	session_seat(s, one, 3, true);
	session_seat(s, two, 2, true);
	struct seat *seat = session_seat(s, three, 3, true);
	session_expect_picture(s, seat);
	rfb_put_enable_continuous_updates(client_output(seat->client), true, 0, 0, 65535, 65535);
	for (int i = 1; i < 12; i++) {
		stage_resize(
			s->stage, i % 2 ? 700 - i : 30 + i, i % 3 ? 490 + i : 20 + i, (uint32_t)i);
		if (i % 4 == 0)
			stage_resize(s->stage, 600, 400, 77);
		for (int k = 0; k < s->n_seats; k++)
			session_expect_picture(s, &s->seats[k]);
	}
	session_destroy(s);
}

/* The ceiling of a viewer's output follows the size, or a large raw picture
 * would end it. */
static void a_much_larger_screen_fits_the_queue(void **state)
{
	(void)state;
	const int32_t encodings[] = { RFB_RAW, RFB_EXTENDED_DESKTOP_SIZE, RFB_CONTINUOUS_UPDATES };
	struct session *s = open_session(4, 4);
	struct seat *seat = session_seat(s, encodings, 3, false);
	session_until_count(s, &seat->n_journal, 1);
	rfb_put_enable_continuous_updates(client_output(seat->client), true, 0, 0, 65535, 65535);
	session_expect_picture(s, seat);
	stage_resize(s->stage, STAGE_W_MAX, STAGE_H_MAX, 9);
	session_expect_picture(s, seat);
	session_destroy(s);
}

static void a_deaf_viewer_holds_nobody_up(void **state)
{
	(void)state;
	const int32_t encodings[] = { RFB_RAW };
	struct session *s = open_session(600, 400);
	struct seat *deaf = session_seat(s, encodings, 1, true);
	struct seat *other = session_seat(s, encodings, 1, true);
	session_expect_picture(s, other);
	deaf->deaf = true;
	for (uint32_t i = 0; i < 30; i++) {
		for (int k = 0; k < 50; k++)
			request(deaf, false, (struct rect){ 0, 0, 600, 400 });
		stage_noise(s->stage, (struct rect){ 0, 0, 600, 400 }, i);
		session_expect_picture(s, other);
	}
	assert_true(deaf->fd >= 0);
	deaf->deaf = false;
	session_expect_picture(s, deaf);
	session_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_encoding_and_format_is_exact),
		cmocka_unit_test(levels_of_compression_are_exact),
		cmocka_unit_test(viewers_of_all_kinds_at_once),
		cmocka_unit_test(a_scroll_is_a_copy),
		cmocka_unit_test(a_scroll_for_a_viewer_that_is_behind),
		cmocka_unit_test(a_scroll_under_partial_requests),
		cmocka_unit_test(a_scroll_from_where_it_was_not_up_to_date),
		cmocka_unit_test(scrolls_in_continuous_updates),
		cmocka_unit_test(updates_do_not_pile_up),
		cmocka_unit_test(only_what_is_asked_for_is_sent),
		cmocka_unit_test(rest_while_nothing_is_due),
		cmocka_unit_test(a_viewer_that_cannot_resize_sees_what_fits),
		cmocka_unit_test(viewers_that_can_resize_follow),
		cmocka_unit_test(a_much_larger_screen_fits_the_queue),
		cmocka_unit_test(a_deaf_viewer_holds_nobody_up),
	};
	return cmocka_run_group_tests_name("desktop/session", tests, NULL, NULL);
}
