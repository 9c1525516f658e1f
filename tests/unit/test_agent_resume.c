#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outpost.h"

/* Viewers by the gateway: rights, and sessions that outlive their links. */

static struct outpost *joined(void **state)
{
	struct outpost *o = *state;
	assert_non_null(outpost_join(o));
	outpost_until_joined(o);
	return o;
}

static int keys(const struct outpost *o)
{
	return o->session->stage->n_keys;
}

static void new_picture(struct outpost *o, uint32_t seed)
{
	struct stage *s = o->session->stage;
	struct rect all = { 0, 0, s->picture.w, s->picture.h };
	stage_noise(s, all, seed);
}

static void view_is_without_input(void **state)
{
	struct outpost *o = joined(state);
	for (int resume = 0; resume < 2; resume++) {
		struct looker *viewer = outpost_look(o, false, resume);
		struct looker *controller = outpost_look(o, true, resume);
		OUTPOST_UNTIL(o, looker_shows(viewer) && looker_shows(controller));
		int before = keys(o);
		looker_key(viewer, 'v');
		outpost_settle(o);
		assert_int_equal(keys(o), before);
		looker_key(controller, 'c');
		OUTPOST_UNTIL(o, keys(o) >= before + 2);
		assert_int_equal(o->session->stage->keys[before].keysym, 'c');
	}
}

static void a_lost_link_is_followed_by_another(void **state)
{
	struct outpost *o = joined(state);
	struct looker *l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	looker_cut(l);
	new_picture(o, 2);
	outpost_settle(o);
	assert_int_equal(desktop_viewers(o->session->desktop), 1);
	looker_come(l);
	OUTPOST_UNTIL(o, looker_shows(l));
	assert_int_equal(l->refusal, 0);
	assert_int_equal(desktop_viewers(o->session->desktop), 1);
	/* And with the old link still alive as far as the agent knows: the later wins. */
	struct stream *old = l->ws;
	stream_want_read(old, false);
	tunnel_resume_lost(l->resume);
	l->ws = NULL;
	looker_come(l);
	new_picture(o, 3);
	OUTPOST_UNTIL(o, looker_shows(l));
	assert_int_equal(desktop_viewers(o->session->desktop), 1);
	stream_close(old, false);
	looker_key(l, 'k');
	OUTPOST_UNTIL(o, keys(o) == 2);
}

/* The picture is larger than a tail, and the link is cut at any byte. */
static void no_byte_is_lost_or_doubled(void **state)
{
	struct outpost *o = joined(state);
	struct looker *l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	stage_resize(o->session->stage, 1200, 700, 1);
	l->returns = true;
	unsigned dice = 4711;
	for (int i = 0; i < 25; i++) {
		dice = dice * 1103515245u + 12345u;
		l->cut_after = i % 3 == 0 ? 1 + (dice >> 8) % 300 : 1 + (dice >> 8) % 3000000;
		int links = l->n_links;
		new_picture(o, (uint32_t)i);
		looker_key(l, 'k');
		OUTPOST_UNTIL(o, l->n_links > links || looker_shows(l));
		assert_int_equal(l->refusal, 0);
		assert_int_equal(l->end, 0);
	}
	l->cut_after = 0;
	OUTPOST_UNTIL(o, looker_shows(l) && keys(o) >= 50);
	assert_int_equal(keys(o), 50);
	assert_int_equal(l->end, 0);
}

static void a_viewer_that_reads_nothing_is_nobody_elses_matter(void **state)
{
	struct outpost *o = joined(state);
	struct looker *slow = outpost_look(o, true, true), *quick = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(slow) && looker_shows(quick));
	stage_resize(o->session->stage, 1200, 700, 1);
	OUTPOST_UNTIL(o, looker_shows(slow) && looker_shows(quick));
	stream_want_read(slow->ws, false);
	for (uint32_t i = 0; i < 10; i++) {
		new_picture(o, i);
		OUTPOST_UNTIL(o, looker_shows(quick));
	}
	stream_want_read(slow->ws, true);
	OUTPOST_UNTIL(o, looker_shows(slow));
}

static void a_session_is_kept_for_a_minute(void **state)
{
	struct outpost *o = joined(state);
	struct looker *l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	outpost_speed = 60;
	looker_cut(l);
	OUTPOST_UNTIL(o, strstr(o->lines, "it may come back"));
	OUTPOST_UNTIL(o, desktop_viewers(o->session->desktop) == 0);
	outpost_speed = 1;
	looker_come(l);
	OUTPOST_UNTIL(o, l->refusal);
	assert_int_equal(l->refusal, TUNNEL_REFUSED_GONE);
	OUTPOST_UNTIL(o, l->code);
	assert_int_equal(l->code, 1000);
}

static void sixteen_are_kept(void **state)
{
	struct outpost *o = joined(state);
	enum { N = TUNNEL_KEPT_MAX + 2 };
	for (int i = 0; i < N; i++) {
		struct looker *l = outpost_look(o, false, true);
		OUTPOST_UNTIL(o, looker_shows(l));
	}
	for (int i = 0; i < N; i++) {
		looker_cut(&o->lookers[i]);
		outpost_settle(o);
	}
	OUTPOST_UNTIL(o, desktop_viewers(o->session->desktop) == TUNNEL_KEPT_MAX);
	new_picture(o, 9);
	for (int i = 0; i < N; i++)
		looker_come(&o->lookers[i]);
	for (int i = 2; i < N; i++)
		OUTPOST_UNTIL(o, looker_shows(&o->lookers[i]));
	for (int i = 0; i < 2; i++)
		OUTPOST_UNTIL(o, o->lookers[i].refusal == TUNNEL_REFUSED_GONE);
}

/* Other rights or another user cannot take a session over. */
static void a_session_is_bound_to_its_rights(void **state)
{
	struct outpost *o = joined(state);
	struct looker *l = outpost_look(o, false, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	looker_cut(l);
	l->control = true;
	looker_come(l);
	OUTPOST_UNTIL(o, l->refusal);
	assert_int_equal(l->refusal, TUNNEL_REFUSED_GONE);
	assert_int_equal(keys(o), 0);
}

static void an_orderly_end_is_no_loss(void **state)
{
	struct outpost *o = joined(state);
	struct looker *l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	looker_leave(l);
	OUTPOST_UNTIL(o, desktop_viewers(o->session->desktop) == 0);
	assert_null(strstr(o->lines, "it may come back"));
	/* The same from the agent's side: what it sent comes before CLOSE. */
	l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	agent_finish(o->agent, 0);
	OUTPOST_UNTIL(o, l->closed && l->code);
	assert_int_equal(l->code, 1000);
}

static void what_opens_nothing_is_1002(void **state)
{
	struct outpost *o = joined(state);
	static const uint8_t records[][6] = { { 6, 0, 0, 0, 8 }, { 5, 0, 0, 0, 1, 'x' },
		{ 9, 0, 0, 0, 0 }, { 7 } };
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct looker *l = outpost_look(o, true, true);
		struct tunnel_resume *mute = l->resume;
		uint8_t bytes[16] = { 0 };
		l->resume = NULL;
		l->end = 1; /* nothing is meant for its client */
		tunnel_resume_destroy(mute);
		(void)records;
		OUTPOST_UNTIL(o, l->ws || l->dial == NULL);
		memcpy(bytes, records[i], 6);
		OUTPOST_UNTIL(o, l->ws || l->code);
		if (l->ws)
			assert_int_equal(stream_send(l->ws, bytes, sizeof(bytes)), OK);
		OUTPOST_UNTIL(o, l->code);
	}
}

static void a_revoked_session_ends_at_once(void **state)
{
	struct outpost *o = joined(state);
	struct looker *here = outpost_look(o, true, true), *away = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(here) && looker_shows(away));
	looker_cut(away);
	OUTPOST_UNTIL(o, strstr(o->lines, "it may come back"));
	char args[100];
	snprintf(args, sizeof(args), "{'id': '%s'}", o->run);
	assert_int_equal(outpost_ask(o, "run.delete", args, NULL), 200);
	OUTPOST_UNTIL(o, here->code);
	assert_int_equal(here->code, 1008);
	OUTPOST_UNTIL(o, desktop_viewers(o->session->desktop) == 0);
}

static void a_gateway_that_comes_back_brings_the_session_back(void **state)
{
	struct outpost *o = joined(state);
	struct looker *l = outpost_look(o, true, true);
	OUTPOST_UNTIL(o, looker_shows(l));
	outpost_close_gateway(o);
	OUTPOST_UNTIL(o, l->code);
	new_picture(o, 5);
	outpost_settle(o);
	outpost_speed = 20;
	o->lines[0] = '\0';
	outpost_open_gateway(o);
	OUTPOST_UNTIL(o, strstr(o->lines, "agent: connected to"));
	looker_come(l);
	OUTPOST_UNTIL(o, looker_shows(l));
	assert_int_equal(desktop_viewers(o->session->desktop), 1);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		OUTPOST_TEST(view_is_without_input),
		OUTPOST_TEST(a_lost_link_is_followed_by_another),
		OUTPOST_TEST(no_byte_is_lost_or_doubled),
		OUTPOST_TEST(a_viewer_that_reads_nothing_is_nobody_elses_matter),
		OUTPOST_TEST(a_session_is_kept_for_a_minute),
		OUTPOST_TEST(sixteen_are_kept),
		OUTPOST_TEST(a_session_is_bound_to_its_rights),
		OUTPOST_TEST(an_orderly_end_is_no_loss),
		OUTPOST_TEST(what_opens_nothing_is_1002),
		OUTPOST_TEST(a_revoked_session_ends_at_once),
		OUTPOST_TEST(a_gateway_that_comes_back_brings_the_session_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
