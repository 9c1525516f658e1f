/* Linked with --wrap: the nth allocation of a desktop's own code fails, for every n
 * in a session with two viewers. At worst a viewer is gone, or the screen is. */
#include <stdlib.h>

#include "rfb/client_msg.h"
#include "rfb/ext_clipboard.h"
#include "session.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static const struct session *current; /* its allocations count; NULL: none do */
static long fail_at, count;

static bool fails(void)
{
	return current && current->inside && ++count == fail_at;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

static const int32_t rich[] = { RFB_TIGHT, RFB_COPY_RECT, RFB_CURSOR, RFB_DESKTOP_NAME,
	RFB_EXTENDED_DESKTOP_SIZE, RFB_FENCE, RFB_CONTINUOUS_UPDATES, RFB_EXTENDED_CLIPBOARD,
	RFB_QEMU_LED, RFB_QEMU_KEY, RFB_QUALITY_0 + 8 };
static const int32_t plain[] = { RFB_ZRLE };
static const struct pix_format few = { 16, 16, true, true, 31, 63, 31, 11, 5, 0 };

static void turns(struct session *s)
{
	for (int i = 0; i < 8; i++)
		session_turn(s);
}

static struct buf *out(struct seat *seat)
{
	return client_output(seat->client);
}

static void give_cursor(struct session *s)
{
	uint32_t argb[16 * 16];
	for (uint32_t i = 0; i < 256; i++)
		argb[i] = i << 24;
	if (!s->stage->alive)
		return;
	s->inside = true;
	s->stage->events->on_cursor(s->stage->ctx, &(struct screen_cursor){ 16, 16, 1, 1, argb });
	s->inside = false;
}

static void pixels(struct session *s)
{
	stage_noise(s->stage, (struct rect){ 0, 0, 160, 120 }, 3);
	turns(s);
	stage_scroll(s->stage, (struct rect){ 0, 0, 160, 120 }, -9, 4);
	turns(s);
	stage_noise(s->stage, (struct rect){ 7, 30, 33, 44 }, 5);
	turns(s);
}

static void talk(struct session *s, struct seat *seat)
{
	const struct rfb_screen screen = { .w = 200, .h = 150 };
	rfb_put_pointer_event(out(seat), false, 1, 60, 50);
	rfb_put_key_event(out(seat), true, 'a');
	rfb_put_fence(out(seat), &(struct rfb_fence){ .flags = RFB_FENCE_REQUEST, .len = 9 });
	rfb_put_client_cut_text(out(seat), "plain", 5);
	assert_int_equal(ext_clipboard_put_text(out(seat), false, "text", 4), OK);
	ext_clipboard_put_action(out(seat), false, EXT_CLIPBOARD_REQUEST, EXT_CLIPBOARD_TEXT);
	turns(s);
	rfb_put_enable_continuous_updates(out(seat), true, 0, 0, 500, 500);
	rfb_put_set_desktop_size(out(seat), 200, 150, &screen, 1);
	turns(s);
}

static void conversation(struct session *s)
{
	struct seat *seat = session_join(
		s, &(struct seat_wish){
			   .encodings = rich, .n = ARRAY_LEN(rich), .shared = true, .asks = true });
	struct seat *other = session_join(s, &(struct seat_wish){ .encodings = plain,
						     .n = 1,
						     .format = &few,
						     .shared = true,
						     .asks = true,
						     .password = "x" });
	turns(s);
	give_cursor(s);
	pixels(s);
	if (seat && seat->fd >= 0 && client_ready(seat->client))
		talk(s, seat);
	pixels(s);
	if (other)
		seat_leave(s, other);
	turns(s);
}

/* What is left works: a viewer comes and sees the screen, if there is one. */
static void epilogue(struct session *s)
{
	struct seat *seat = session_seat(s, rich, 3, true);
	if (s->n_gone == 0) {
		session_expect_picture(s, seat);
		return;
	}
	session_until_end(s, seat);
	assert_int_equal(seat->end, ERR_AUTH);
}

static void any_allocation_may_fail(void **state)
{
	int survived = 0, lost = 0;
	(void)state;
	for (fail_at = 1;; fail_at++) {
		struct session *s = session_create();
		session_start(s, 160, 120);
		count = 0;
		current = s;
		conversation(s);
		current = NULL;
		bool over = count < fail_at;
		survived += s->seats[0].fd >= 0;
		lost += s->n_gone;
		epilogue(s);
		session_destroy(s);
		if (over)
			break;
	}
	assert_true(fail_at > 30);
	assert_true(survived > fail_at / 4);
	assert_true(lost < fail_at / 10);
}

static void a_desktop_may_not_start(void **state)
{
	(void)state;
	struct session s = { .loop = loop_create(), .inside = true };
	const struct desktop_config config = { .name = "x", .framerate = 60 };
	const struct desktop_events none = { 0 };
	struct desktop *d = NULL;
	for (fail_at = 1; !d; fail_at++) {
		count = 0;
		current = &s;
		d = desktop_create(s.loop, &config, &none, NULL);
		current = NULL;
		assert_true(d || count >= fail_at);
	}
	assert_true(fail_at > 2);
	desktop_destroy(d);
	loop_destroy(s.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(a_desktop_may_not_start),
	};
	return cmocka_run_group_tests_name("desktop/torture", tests, NULL, NULL);
}
