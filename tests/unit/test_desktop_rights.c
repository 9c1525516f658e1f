/* Who is let in, what he may do, and what is left of him when he goes. */
#include <string.h>
#include <sys/socket.h>

#include "rfb/client_msg.h"
#include "rfb/ext_clipboard.h"
#include "session.h"

static const int32_t raw[] = { RFB_RAW };
static const int32_t clipboard[] = { RFB_RAW, RFB_EXTENDED_CLIPBOARD };

static struct session *open_session(void)
{
	struct session *s = session_create();
	session_start(s, 40, 30);
	return s;
}

static struct buf *out(struct seat *seat)
{
	return client_output(seat->client);
}

static void screen_clipboard(struct session *s, const char *text)
{
	strcpy(s->stage->text, text);
	s->stage->events->on_clipboard_changed(s->stage->ctx);
}

static void text_of_the_screen(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *plain = session_seat(s, raw, 1, true);
	struct seat *rich = session_seat(s, clipboard, 2, true);
	session_until_count(s, &rich->n_journal, 1);
	assert_true(seat_find(rich, SEAT_EXT_CLIPBOARD, 0)->a & EXT_CLIPBOARD_CAPS);

	screen_clipboard(s, "Wörld €");
	session_until_count(s, &plain->n_journal, 1);
	assert_string_equal(seat_find(plain, SEAT_CUT_TEXT, 0)->text, "W\xf6rld ?");
	session_until_count(s, &rich->n_journal, 2);
	assert_true(seat_find(rich, SEAT_EXT_CLIPBOARD, 1)->a & EXT_CLIPBOARD_NOTIFY);
	ext_clipboard_put_action(out(rich), false, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	session_until_count(s, &rich->n_journal, 3);
	assert_string_equal(seat_find(rich, SEAT_EXT_CLIPBOARD, 2)->text, "Wörld €");
	assert_int_equal(s->stage->n_fetches, 1);
	session_destroy(s);
}

/* It is not fetched where nobody asks for it. */
static void text_that_nobody_wants_stays_there(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *rich = session_seat(s, clipboard, 2, true);
	session_until_count(s, &rich->n_journal, 1);
	screen_clipboard(s, "x");
	session_until_count(s, &rich->n_journal, 2);
	session_settle(s);
	assert_int_equal(s->stage->n_fetches, 0);
	/* Asked before anything was announced: an empty answer, see CVE-2023-6683. */
	ext_clipboard_put_action(out(rich), false, EXT_CLIPBOARD_PEEK, 0);
	session_until_count(s, &rich->n_journal, 3);
	assert_true(seat_find(rich, SEAT_EXT_CLIPBOARD, 2)->a & EXT_CLIPBOARD_NOTIFY);
	session_destroy(s);

	s = open_session();
	rich = session_seat(s, clipboard, 2, true);
	session_until_count(s, &rich->n_journal, 1);
	ext_clipboard_put_action(out(rich), false, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	session_until_count(s, &rich->n_journal, 2);
	assert_true(seat_find(rich, SEAT_EXT_CLIPBOARD, 1)->a & EXT_CLIPBOARD_PROVIDE);
	assert_string_equal(seat_find(rich, SEAT_EXT_CLIPBOARD, 1)->text, "");
	session_destroy(s);
}

/* One answer, however often it was asked for in one go: deflating is dear. */
static void a_flood_of_questions_has_one_answer(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *rich = session_seat(s, clipboard, 2, true);
	session_until_count(s, &rich->n_journal, 1);
	for (int i = 0; i < 1000; i++)
		ext_clipboard_put_action(
			out(rich), false, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	session_settle(s);
	int n = seat_count(rich, SEAT_EXT_CLIPBOARD) - 1;
	assert_true(n >= 1 && n <= 10); /* one for each read of 16000 bytes in all */
	session_destroy(s);
}

/* The screen answers the first question with what it had then. */
static void text_that_changes_while_it_is_fetched(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *plain = session_seat(s, raw, 1, true);
	session_expect_picture(s, plain);
	s->stage->quiet = true;
	screen_clipboard(s, "old");
	session_until_count(s, &s->stage->n_fetches, 1);
	screen_clipboard(s, "old");
	stage_say(s->stage, STAGE_CLIPBOARD);
	session_until_count(s, &s->stage->n_fetches, 2);
	assert_int_equal(plain->n_journal, 0);
	strcpy(s->stage->text, "new");
	stage_say(s->stage, STAGE_CLIPBOARD);
	session_until_count(s, &plain->n_journal, 1);
	assert_string_equal(seat_find(plain, SEAT_CUT_TEXT, 0)->text, "new");

	/* A viewer's text comes meanwhile: the screen's is older. */
	screen_clipboard(s, "old");
	session_until_count(s, &s->stage->n_fetches, 3);
	struct seat *other = session_seat(s, raw, 1, true);
	session_expect_picture(s, other);
	rfb_put_client_cut_text(out(other), "newest", 6);
	session_until_count(s, &plain->n_journal, 2);
	stage_say(s->stage, STAGE_CLIPBOARD);
	session_settle(s);
	assert_int_equal(plain->n_journal, 2);
	assert_int_equal(other->n_journal, 0);
	assert_string_equal(seat_find(plain, SEAT_CUT_TEXT, 1)->text, "newest");
	session_destroy(s);
}

static void text_of_a_viewer(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *plain = session_seat(s, raw, 1, true);
	struct seat *rich = session_seat(s, clipboard, 2, true);
	struct seat *third = session_seat(s, clipboard, 2, true);
	session_until_count(s, &rich->n_journal, 1);
	session_until_count(s, &third->n_journal, 1);
	session_expect_picture(s, plain);

	rfb_put_client_cut_text(out(plain), "gr\xfc\xdf", 4);
	session_until_count(s, &s->stage->n_puts, 1);
	assert_string_equal(s->stage->put, "grüß");
	session_until_count(s, &rich->n_journal, 2);
	assert_true(seat_find(rich, SEAT_EXT_CLIPBOARD, 1)->a & EXT_CLIPBOARD_NOTIFY);

	assert_int_equal(ext_clipboard_put_text(out(rich), false, "zwei € 🙂", 14), OK);
	session_until_count(s, &s->stage->n_puts, 2);
	assert_string_equal(s->stage->put, "zwei € 🙂");
	session_until_count(s, &plain->n_journal, 1);
	assert_string_equal(seat_find(plain, SEAT_CUT_TEXT, 0)->text, "zwei ? ?");
	session_until_count(s, &third->n_journal, 3);
	ext_clipboard_put_action(out(third), false, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	session_until_count(s, &third->n_journal, 4);
	assert_string_equal(seat_find(third, SEAT_EXT_CLIPBOARD, 3)->text, "zwei € 🙂");

	/* One that announces is asked. */
	int before = rich->n_journal;
	ext_clipboard_put_action(out(rich), false, EXT_CLIPBOARD_NOTIFY, EXT_CLIPBOARD_TEXT);
	session_until_count(s, &rich->n_journal, before + 1);
	assert_true(seat_find(rich, SEAT_EXT_CLIPBOARD, before)->a & EXT_CLIPBOARD_REQUEST);
	session_destroy(s);
}

static void keys_are_released_when_a_viewer_goes(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *seat = session_seat(s, raw, 1, true);
	session_expect_picture(s, seat);
	rfb_put_key_event(out(seat), true, 0xffe1);
	rfb_put_key_event(out(seat), true, 'A');
	rfb_put_key_event(out(seat), true, 'b');
	rfb_put_key_event(out(seat), false, 'b');
	rfb_put_pointer_event(out(seat), false, 5, 12, 13);
	session_until_count(s, &s->stage->n_keys, 4);
	session_settle(s);
	assert_int_equal(s->stage->buttons, 5);
	shutdown(seat->fd, SHUT_RDWR);
	session_until_count(s, &s->stage->n_keys, 6);
	session_settle(s);
	assert_int_equal(s->stage->n_keys, 6);
	for (int i = 4; i < 6; i++)
		assert_false(s->stage->keys[i].down);
	assert_int_equal(s->stage->keys[4].keysym + s->stage->keys[5].keysym, 0xffe1 + 'A');
	assert_int_equal(s->stage->buttons, 0);
	assert_int_equal(s->stage->x, 12);
	assert_int_equal(desktop_viewers(s->desktop), 0);
	session_destroy(s);
}

static void one_that_does_not_share_sends_the_others_away(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *a = session_seat(s, raw, 1, true);
	struct seat *b = session_seat(s, raw, 1, true);
	session_expect_picture(s, a);
	session_expect_picture(s, b);
	/* Who may only look sends nobody away. */
	struct seat *looks = session_join(s,
		&(struct seat_wish){ .encodings = raw, .n = 1, .asks = true, .view_only = true });
	session_expect_picture(s, looks);
	assert_int_equal(desktop_viewers(s->desktop), 3);
	struct seat *alone =
		session_join(s, &(struct seat_wish){ .encodings = raw, .n = 1, .asks = true });
	session_expect_picture(s, alone);
	session_until_end(s, a);
	session_until_end(s, b);
	session_until_end(s, looks);
	assert_int_equal(desktop_viewers(s->desktop), 1);
	session_destroy(s);
}

static void an_exclusive_desktop_keeps_the_newest(void **state)
{
	(void)state;
	struct session *s = session_create();
	s->config.exclusive = true;
	s->config.max_viewers = 1;
	session_start(s, 40, 30);
	struct seat *a = session_seat(s, raw, 1, true);
	session_expect_picture(s, a);
	struct seat *b = session_seat(s, raw, 1, true);
	session_expect_picture(s, b);
	session_until_end(s, a);
	assert_int_equal(desktop_viewers(s->desktop), 1);
	session_destroy(s);
}

static void no_more_viewers_than_allowed(void **state)
{
	(void)state;
	struct session *s = session_create();
	s->config.max_viewers = 2;
	session_start(s, 40, 30);
	/* All five are on their way in at the same time. */
	for (int i = 0; i < 5; i++)
		session_seat(s, raw, 1, true);
	session_settle(s);
	session_settle(s);
	assert_int_equal(desktop_viewers(s->desktop), 2);
	int refused = 0;
	for (int i = 0; i < 5; i++)
		refused += s->seats[i].end == ERR_AUTH &&
			   strstr(client_error(s->seats[i].client), "allowed");
	assert_int_equal(refused, 3);
	/* One goes, one may come. */
	for (int i = 0; i < 5; i++) {
		if (s->seats[i].fd < 0)
			continue;
		seat_leave(s, &s->seats[i]);
		break;
	}
	session_settle(s);
	session_expect_picture(s, session_seat(s, raw, 1, true));
	assert_int_equal(desktop_viewers(s->desktop), 2);
	session_destroy(s);
}

static void refusals_say_why(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *a =
		session_join(s, &(struct seat_wish){ .shared = true, .refusal = "Not today." });
	session_until_end(s, a);
	assert_int_equal(a->end, ERR_AUTH);
	assert_non_null(strstr(client_error(a->client), "Not today."));
	s->rights = DESKTOP_REFUSED;
	struct seat *b = session_join(s, &(struct seat_wish){ .shared = true, .password = "no" });
	session_until_end(s, b);
	assert_int_equal(b->end, ERR_AUTH);
	assert_non_null(strstr(client_error(b->client), "Wrong password."));
	assert_int_equal(desktop_viewers(s->desktop), 0);
	session_destroy(s);
}

static void a_password_may_let_look_only(void **state)
{
	(void)state;
	struct session *s = open_session();
	s->rights = DESKTOP_VIEW;
	struct seat *seat = session_join(s, &(struct seat_wish){ .encodings = clipboard,
						    .n = 2,
						    .shared = true,
						    .asks = true,
						    .password = "look" });
	session_expect_picture(s, seat);
	rfb_put_key_event(out(seat), true, 'a');
	assert_int_equal(ext_clipboard_put_text(out(seat), false, "in", 2), OK);
	ext_clipboard_put_action(out(seat), false, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	screen_clipboard(s, "secret");
	session_settle(s);
	session_settle(s);
	assert_int_equal(s->stage->n_keys, 0);
	assert_int_equal(s->stage->n_puts, 0);
	assert_int_equal(s->stage->n_fetches, 0);
	assert_null(seat_find(seat, SEAT_CUT_TEXT, 0));
	assert_null(seat_find(seat, SEAT_EXT_CLIPBOARD, 0));
	s->rights = DESKTOP_CONTROL;
	struct seat *other = session_join(s, &(struct seat_wish){ .encodings = clipboard,
						     .n = 2,
						     .shared = true,
						     .asks = true,
						     .password = "touch" });
	session_expect_picture(s, other);
	rfb_put_key_event(out(other), true, 'a');
	session_until_count(s, &s->stage->n_keys, 1);
	session_destroy(s);
}

static void control_is_taken_and_given_back(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *a = session_seat(s, raw, 1, true);
	session_expect_picture(s, a);
	rfb_put_key_event(out(a), true, 'a');
	session_until_count(s, &s->stage->n_keys, 1);
	desktop_set_view_only(s->desktop, a->id, true);
	session_until_count(s, &s->stage->n_keys, 2); /* it is released at once */
	rfb_put_key_event(out(a), true, 'b');
	session_settle(s);
	assert_int_equal(s->stage->n_keys, 2);
	desktop_set_view_only(s->desktop, a->id, false);
	rfb_put_key_event(out(a), true, 'c');
	session_until_count(s, &s->stage->n_keys, 3);
	session_destroy(s);
}

static void no_call_gives_more_than_a_password_did(void **state)
{
	(void)state;
	struct session *s = open_session();
	s->rights = DESKTOP_VIEW;
	struct seat *a = session_join(s, &(struct seat_wish){ .encodings = raw,
						 .n = 1,
						 .shared = true,
						 .asks = true,
						 .password = "look" });
	session_expect_picture(s, a);
	desktop_set_view_only(s->desktop, a->id, false);
	rfb_put_key_event(out(a), true, 'a');
	session_settle(s);
	assert_int_equal(s->stage->n_keys, 0);
	session_destroy(s);
}

static void the_owner_closes_a_viewer_and_is_told_once(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *a = session_seat(s, raw, 1, true);
	struct seat *b = session_seat(s, raw, 1, true);
	session_expect_picture(s, a);
	desktop_close_viewer(s->desktop, a->id, "the test says so");
	session_until_end(s, a);
	session_until_count(s, &a->n_left, 1);
	desktop_close_viewer(s->desktop, a->id, "again");
	desktop_set_view_only(s->desktop, a->id, false);
	session_expect_picture(s, b);
	session_settle(s);
	assert_int_equal(a->n_left, 1);
	assert_int_equal(b->n_left, 0);
	session_destroy(s);
}

static void a_desktop_goes_on_without_its_screen(void **state)
{
	(void)state;
	struct session *s = open_session();
	struct seat *a = session_seat(s, raw, 1, true);
	session_expect_picture(s, a);
	rfb_put_key_event(out(a), true, 'a');
	session_until_count(s, &s->stage->n_keys, 1);
	stage_say(s->stage, STAGE_GONE);
	session_until_count(s, &s->n_gone, 1);
	assert_false(s->stage->alive);
	rfb_put_key_event(out(a), false, 'a');
	client_request(a->client, false);
	session_settle(s);
	struct seat *b = session_seat(s, raw, 1, true);
	session_until_end(s, b);
	assert_int_equal(b->end, ERR_AUTH);
	assert_true(a->fd >= 0);
	session_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_the_screen),
		cmocka_unit_test(text_that_nobody_wants_stays_there),
		cmocka_unit_test(a_flood_of_questions_has_one_answer),
		cmocka_unit_test(text_that_changes_while_it_is_fetched),
		cmocka_unit_test(text_of_a_viewer),
		cmocka_unit_test(keys_are_released_when_a_viewer_goes),
		cmocka_unit_test(one_that_does_not_share_sends_the_others_away),
		cmocka_unit_test(an_exclusive_desktop_keeps_the_newest),
		cmocka_unit_test(no_more_viewers_than_allowed),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(a_password_may_let_look_only),
		cmocka_unit_test(control_is_taken_and_given_back),
		cmocka_unit_test(no_call_gives_more_than_a_password_did),
		cmocka_unit_test(the_owner_closes_a_viewer_and_is_told_once),
		cmocka_unit_test(a_desktop_goes_on_without_its_screen),
	};
	return cmocka_run_group_tests_name("desktop/rights", tests, NULL, NULL);
}
