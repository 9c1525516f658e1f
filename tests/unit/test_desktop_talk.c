/* What a desktop and its viewers tell each other besides pixels. */
#include <string.h>

#include "rfb/client_msg.h"
#include "rfb/ext_clipboard.h"
#include "session.h"

static struct session *open_session(int w, int h)
{
	struct session *s = session_create();
	session_start(s, w, h);
	return s;
}

static struct buf *out(struct seat *seat)
{
	return client_output(seat->client);
}

/* A 4x3 cursor: one row opaque red, one half white, one clear. */
static void give_cursor(struct session *s)
{
	static const uint32_t argb[12] = { 0xffff0000, 0xffff0000, 0xffff0000, 0xffff0000,
		0x80808080, 0x80808080, 0x80808080, 0x80808080, 0, 0, 0, 0 };
	s->stage->events->on_cursor(s->stage->ctx, &(struct screen_cursor){ 4, 3, 1, 2, argb });
}

static void a_cursor_goes_in_the_form_a_viewer_has(void **state)
{
	(void)state;
	const int32_t forms[] = { RFB_CURSOR, RFB_XCURSOR, RFB_CURSOR_WITH_ALPHA,
		RFB_VMWARE_CURSOR };
	struct session *s = open_session(40, 30);
	give_cursor(s);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct seat *seat = session_seat(s, &forms[i], 1, true);
		session_expect_picture(s, seat);
		assert_non_null(seat_pseudo(seat, forms[i], 0));
		assert_int_equal(seat_pseudo(seat, forms[i], 0)->w, 4);
		assert_int_equal(seat_count(seat, SEAT_PSEUDO), 1);
	}
	give_cursor(s);
	session_settle(s);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		assert_int_equal(seat_count(&s->seats[i], SEAT_PSEUDO), 2);

	/* Hidden is a cursor of no size. */
	s->stage->events->on_cursor(s->stage->ctx, &(struct screen_cursor){ 0 });
	session_settle(s);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		assert_int_equal(seat_pseudo(&s->seats[i], forms[i], 2)->w, 0);
	session_destroy(s);
}

static uint32_t pixel(const struct seat *seat, int x, int y)
{
	return *pix_canvas_at(client_canvas(seat->client), x, y);
}

/* Where the viewer sees the cursor: its red row is at y - 2, from x - 1. */
static bool sees_cursor(const struct session *s, const struct seat *seat, int x, int y)
{
	uint32_t below = *pix_canvas_at(&s->stage->picture, x, y - 1);
	bool red = pixel(seat, x - 1, y - 2) == 0xff0000 && pixel(seat, x + 2, y - 2) == 0xff0000;
	return red && pixel(seat, x, y - 1) != below &&
	       pixel(seat, x, y) == *pix_canvas_at(&s->stage->picture, x, y);
}

static void a_viewer_without_cursors_sees_it_in_the_picture(void **state)
{
	(void)state;
	const int32_t plain[] = { RFB_HEXTILE, RFB_COPY_RECT };
	const int32_t own[] = { RFB_RAW, RFB_CURSOR };
	struct session *s = open_session(300, 200);
	give_cursor(s);
	struct seat *soft = session_seat(s, plain, 2, true);
	struct seat *hard = session_seat(s, own, 2, true);
	session_expect_picture(s, soft);
	for (int i = 2; i < 7; i++) {
		rfb_put_pointer_event(out(hard), false, 0, (uint16_t)(i * 20), (uint16_t)(i * 15));
		session_settle(s);
		assert_true(sees_cursor(s, soft, i * 20, i * 15));
		assert_false(sees_cursor(s, soft, i * 20 - 20, i * 15 - 15 + 2));
		session_expect_picture(s, hard);
	}
	/* What scrolls under it leaves no trace. */
	for (uint32_t i = 0; i < 5; i++) {
		stage_scroll(s->stage, (struct rect){ 0, 0, 300, 200 }, -11, i);
		session_settle(s);
		assert_true(sees_cursor(s, soft, 120, 90));
	}
	/* It learns to draw one itself: ours goes. */
	const int32_t both[] = { RFB_HEXTILE, RFB_XCURSOR };
	rfb_put_set_encodings(out(soft), both, 2);
	session_expect_picture(s, soft);
	assert_non_null(seat_pseudo(soft, RFB_XCURSOR, 0));
	/* And forgets it again. */
	rfb_put_set_encodings(out(soft), plain, 2);
	session_settle(s);
	assert_true(sees_cursor(s, soft, 120, 90));
	session_destroy(s);
}

static void set_size(struct seat *seat, uint16_t w, uint16_t h, uint32_t id)
{
	const struct rfb_screen screen = { .id = id, .w = w, .h = h };
	rfb_put_set_desktop_size(out(seat), w, h, &screen, 1);
}

static void expect_resize(const struct seat *seat, int n, int reason, int result, int w, int h)
{
	const struct seat_entry *e = seat_find(seat, SEAT_RESIZE, n);
	assert_non_null(e);
	assert_int_equal(e->a, reason);
	assert_int_equal(e->b, result);
	assert_int_equal(e->w, w);
	assert_int_equal(e->h, h);
}

static const int32_t resizable[] = { RFB_RAW, RFB_EXTENDED_DESKTOP_SIZE };

static void a_resize_is_answered_with_its_reason(void **state)
{
	(void)state;
	struct session *s = open_session(100, 80);
	struct seat *asks = session_seat(s, resizable, 2, true);
	struct seat *other = session_seat(s, resizable, 2, true);
	session_expect_picture(s, asks);
	session_expect_picture(s, other);
	asks->n_journal = other->n_journal = 0;

	set_size(asks, 120, 90, 0);
	session_expect_picture(s, asks);
	session_expect_picture(s, other);
	expect_resize(asks, 0, 1, SCREEN_RESIZED_OK, 120, 90);
	expect_resize(other, 0, 2, SCREEN_RESIZED_OK, 120, 90);

	/* Refused by the screen: only who asked hears of it, and nothing changes. */
	asks->n_journal = other->n_journal = 0;
	s->stage->answer = SCREEN_RESIZED_NO_RESOURCES;
	set_size(asks, 150, 90, 0);
	session_until_count(s, &asks->n_journal, 1);
	session_settle(s);
	expect_resize(asks, 0, 1, SCREEN_RESIZED_NO_RESOURCES, 120, 90);
	assert_null(seat_find(asks, SEAT_RESIZE, 1));
	assert_null(seat_find(other, SEAT_RESIZE, 0));

	/* The screen's own change. */
	asks->n_journal = other->n_journal = 0;
	stage_resize(s->stage, 60, 70, 5);
	session_expect_picture(s, asks);
	session_expect_picture(s, other);
	expect_resize(asks, 0, 0, 0, 60, 70);
	expect_resize(other, 0, 0, 0, 60, 70);
	session_destroy(s);
}

static void bad_sizes_are_refused_before_the_screen(void **state)
{
	(void)state;
	struct session *s = open_session(100, 80);
	struct seat *seat = session_seat(s, resizable, 2, true);
	session_expect_picture(s, seat);
	seat->n_journal = 0;
	struct rfb_screen two[2] = { { .w = 50, .h = 80 }, { .x = 50, .w = 50, .h = 80 } };
	struct rfb_screen many[255] = { { .w = 1, .h = 1 } };

	set_size(seat, 0, 10, 0);
	set_size(seat, 65535, 65535, 0);
	set_size(seat, 16384, 16384, 0);
	rfb_put_set_desktop_size(out(seat), 100, 90, NULL, 0);
	rfb_put_set_desktop_size(out(seat), 100, 90, two, 2); /* one id twice */
	two[1].id = 1;
	two[1].x = 51; /* sticks out */
	rfb_put_set_desktop_size(out(seat), 100, 90, two, 2);
	rfb_put_set_desktop_size(out(seat), 100, 90, many, 255);
	const int results[] = { 3, 2, 2, 3, 3, 3, 3 };
	session_until_count(s, &seat->n_journal, 2 * ARRAY_LEN(results));
	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		expect_resize(seat, (int)i, 1, results[i], 100, 80);
	assert_int_equal(s->stage->n_resizes, 0);
	assert_true(seat->fd >= 0);

	/* To the size that it has: done, without the screen. */
	seat->n_journal = 0;
	set_size(seat, 100, 80, 0);
	session_until_count(s, &seat->n_journal, 1);
	expect_resize(seat, 0, 1, 0, 100, 80);
	assert_int_equal(s->stage->n_resizes, 0);
	session_destroy(s);
}

static void answers_to_resizes_keep_their_order(void **state)
{
	(void)state;
	struct session *s = open_session(100, 80);
	struct seat *seat = session_seat(s, resizable, 2, true);
	session_expect_picture(s, seat);
	seat->n_journal = 0;
	s->stage->quiet = true; /* a slow screen */
	set_size(seat, 120, 90, 0);
	set_size(seat, 0, 0, 0);
	set_size(seat, 130, 95, 0);
	session_until_count(s, &s->stage->n_resizes, 2);
	stage_resize(s->stage, 120, 90, 1);
	stage_say(s->stage, STAGE_RESIZED);
	stage_resize(s->stage, 130, 95, 2);
	stage_say(s->stage, STAGE_RESIZED);
	session_expect_picture(s, seat);
	const int expected[] = { 0, 3, 0 };
	for (int i = 0, n = 0; i < seat->n_journal; i++)
		if (seat->journal[i].event == SEAT_RESIZE && seat->journal[i].a == 1)
			assert_int_equal(seat->journal[i].b, expected[n++]);
	session_destroy(s);
}

/* It never asks for an update, so it never hears an answer: it goes. */
static void unanswered_resizes_have_a_ceiling(void **state)
{
	(void)state;
	struct session *s = open_session(100, 80);
	struct seat *other = session_seat(s, resizable, 2, true);
	struct seat *seat = session_seat(s, resizable, 2, false);
	session_expect_picture(s, other);
	session_settle(s);
	for (int i = 0; i < 100; i++)
		set_size(seat, 0, 0, 0);
	session_until_end(s, seat);
	/* The same with a screen that does not answer. */
	s->stage->quiet = true;
	for (uint16_t i = 0; i < 100; i++)
		set_size(other, 100 + i, 100, 0);
	session_settle(s);
	assert_true(s->stage->n_resizes < 20);
	session_destroy(s);
}

static void who_may_not_control_may_not_resize(void **state)
{
	(void)state;
	struct session *s = open_session(100, 80);
	struct seat *seat = session_join(s, &(struct seat_wish){ .encodings = resizable,
						    .n = 2,
						    .shared = true,
						    .asks = true,
						    .view_only = true });
	session_expect_picture(s, seat);
	seat->n_journal = 0;
	set_size(seat, 120, 90, 0);
	rfb_put_key_event(out(seat), true, 'a');
	rfb_put_pointer_event(out(seat), false, 1, 5, 5);
	rfb_put_client_cut_text(out(seat), "secret", 6);
	session_until_count(s, &seat->n_journal, 1);
	session_settle(s);
	expect_resize(seat, 0, 1, SCREEN_RESIZED_PROHIBITED, 100, 80);
	assert_int_equal(s->stage->n_resizes, 0);
	assert_int_equal(s->stage->n_keys, 0);
	assert_int_equal(s->stage->buttons, 0);
	assert_int_equal(s->stage->n_puts, 0);
	session_destroy(s);
}

static void fences_come_back(void **state)
{
	(void)state;
	const int32_t encodings[] = { RFB_RAW, RFB_FENCE };
	struct session *s = open_session(STAGE_W_MAX, STAGE_H_MAX);
	struct seat *seat = session_seat(s, encodings, 2, true);
	session_expect_picture(s, seat);
	assert_int_equal(seat_count(seat, SEAT_FENCE), 1); /* "I can" */
	for (uint8_t i = 1; i <= 64; i += 21) {
		struct rfb_fence f = { .flags = RFB_FENCE_REQUEST | 0x7fffff07, .len = i };
		memset(f.payload, i, i);
		rfb_put_fence(out(seat), &f);
	}
	session_until_count(s, &seat->n_journal, 5);
	for (int i = 1; i <= 4; i++) {
		const struct seat_entry *e = seat_find(seat, SEAT_FENCE, i);
		assert_int_equal(e->a, 7);
		assert_int_equal(e->b, 1 + (i - 1) * 21);
		assert_int_equal(e->w, e->b);
	}
	/* Not a request: no answer. */
	rfb_put_fence(out(seat), &(struct rfb_fence){ .flags = 1 });
	session_settle(s);
	assert_int_equal(seat_count(seat, SEAT_FENCE), 5);
	session_destroy(s);
}

static void leds_and_names(void **state)
{
	(void)state;
	const int32_t qemu[] = { RFB_RAW, RFB_QEMU_LED, RFB_DESKTOP_NAME };
	const int32_t vmware[] = { RFB_RAW, RFB_VMWARE_LED };
	const int32_t none[] = { RFB_RAW };
	struct session *s = open_session(40, 30);
	s->stage->events->on_leds(s->stage->ctx, SCREEN_LED_NUM);
	struct seat *a = session_seat(s, qemu, 3, true);
	struct seat *b = session_seat(s, vmware, 2, true);
	struct seat *c = session_seat(s, none, 1, true);
	session_expect_picture(s, a);
	session_expect_picture(s, b);
	session_expect_picture(s, c);
	assert_int_equal(seat_pseudo(a, RFB_QEMU_LED, 0)->b, SCREEN_LED_NUM);
	assert_non_null(seat_pseudo(b, RFB_VMWARE_LED, 0));
	assert_non_null(seat_pseudo(a, RFB_DESKTOP_NAME, 0));
	s->stage->events->on_leds(s->stage->ctx, SCREEN_LED_CAPS);
	s->stage->events->on_name(s->stage->ctx, "another");
	s->stage->events->on_bell(s->stage->ctx);
	session_settle(s);
	assert_int_equal(seat_pseudo(a, RFB_QEMU_LED, 1)->b, SCREEN_LED_CAPS);
	assert_non_null(seat_pseudo(b, RFB_VMWARE_LED, 1));
	assert_non_null(seat_pseudo(a, RFB_DESKTOP_NAME, 1));
	assert_int_equal(seat_count(c, SEAT_PSEUDO), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(seat_count(&s->seats[i], SEAT_BELL), 1);
	session_destroy(s);
}

/* An acknowledgement is due also when the request for it came first. */
static void encodings_that_come_late_are_acknowledged(void **state)
{
	(void)state;
	const int32_t none[] = { RFB_RAW };
	const int32_t late[] = { RFB_RAW, RFB_QEMU_KEY, RFB_EXTENDED_MOUSE, RFB_CURSOR,
		RFB_DESKTOP_NAME };
	struct session *s = open_session(40, 30);
	give_cursor(s);
	struct seat *seat = session_seat(s, none, 1, true);
	session_expect_picture(s, seat);
	rfb_put_set_encodings(out(seat), late, 5);
	session_until_count(s, &seat->n_journal, 4);
	assert_non_null(seat_pseudo(seat, RFB_QEMU_KEY, 0));
	assert_non_null(seat_pseudo(seat, RFB_EXTENDED_MOUSE, 0));
	assert_non_null(seat_pseudo(seat, RFB_CURSOR, 0));
	assert_non_null(seat_pseudo(seat, RFB_DESKTOP_NAME, 0));

	rfb_put_qemu_key_event(out(seat), true, 'a', 30);
	rfb_put_qemu_key_event(out(seat), false, 'a', 30);
	rfb_put_pointer_event(out(seat), true, 1 << 8, 7, 9);
	session_until_count(s, &s->stage->n_keys, 2);
	session_settle(s);
	assert_int_equal(s->stage->keys[0].code, 30);
	assert_int_equal(s->stage->buttons, 1 << 8);
	session_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_goes_in_the_form_a_viewer_has),
		cmocka_unit_test(a_viewer_without_cursors_sees_it_in_the_picture),
		cmocka_unit_test(a_resize_is_answered_with_its_reason),
		cmocka_unit_test(bad_sizes_are_refused_before_the_screen),
		cmocka_unit_test(answers_to_resizes_keep_their_order),
		cmocka_unit_test(unanswered_resizes_have_a_ceiling),
		cmocka_unit_test(who_may_not_control_may_not_resize),
		cmocka_unit_test(fences_come_back),
		cmocka_unit_test(leds_and_names),
		cmocka_unit_test(encodings_that_come_late_are_acknowledged),
	};
	return cmocka_run_group_tests_name("desktop/talk", tests, NULL, NULL);
}
