#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gatehouse.h"
#include "relay_double.h"
#include "store_double.h"

static int answer(const char *op, const char **text)
{
	*text = "{\"ok\":true}";
	return strcmp(op, "user.delete") == 0 ? 404 : 200;
}

static int set_up(void **state)
{
	store_double_reset();
	relay_double = (struct relay_double){ 0 };
	gatehouse_set_up(state, NULL);
	store_double.answer = answer;
	gatehouse_knock_admin(*state);
	return 0;
}

static int tear_down(void **state)
{
	gatehouse_tear_down(state);
	store_double_reset();
	return 0;
}

static const char *hear_line(struct gatehouse *h)
{
	static char line[4096];
	const char *end;
	while (!(end = h->got.len ? memchr(h->got.data, '\n', h->got.len) : NULL)) {
		assert_false(h->eof);
		gatehouse_turn(h);
	}
	size_t n = (size_t)(end - (const char *)h->got.data);
	assert_true(n < sizeof(line));
	memcpy(line, h->got.data, n);
	line[n] = '\0';
	buf_consume(&h->got, n + 1);
	return line;
}

static void say(struct gatehouse *h, const char *text)
{
	gatehouse_say(h, text, strlen(text));
}

static void lines_are_answered_in_order(void **state)
{
	struct gatehouse *h = *state;
	say(h, "{\"op\":\"user.list\"}\n{\"op\":\"relay.stats\"}\n"
	       "{\"op\":\"user.delete\",\"args\":{\"id\":\"u1\"}}\n{\"op\":\"relay.status\","
	       "\"args\":{\"id\":\"run1\"}}\n");
	assert_string_equal(hear_line(h), "{\"status\": 200, \"answer\": {\"ok\": true}}");
	assert_string_equal(hear_line(h), "{\"status\": 200, \"answer\": {\"activeTunnels\": 3}}");
	assert_string_equal(hear_line(h), "{\"status\": 404, \"answer\": {\"ok\": true}}");
	assert_non_null(strstr(hear_line(h), "\"runId\": \"run1\""));
	assert_int_equal(store_double.n_asked, 2);
	assert_string_equal(store_double.asked[0].op, "user.delete");
	assert_string_equal(store_double.asked[0].args, "{\"id\": \"u1\"}");
	assert_int_equal(store_double.asked[0].kind, STORE_LOCAL);
}

static void bytes_may_come_one_by_one(void **state)
{
	struct gatehouse *h = *state;
	static const char text[] = "{\"op\":\"user.list\"}\n";
	for (size_t i = 0; i < strlen(text); i++)
		gatehouse_say(h, text + i, 1);
	assert_string_equal(hear_line(h), "{\"status\": 200, \"answer\": {\"ok\": true}}");
}

static void what_is_wrong_is_said(void **state)
{
	struct gatehouse *h = *state;
	say(h, "nonsense\n{}\n[]\n\n");
	for (int i = 0; i < 4; i++)
		assert_non_null(strstr(hear_line(h), "{\"status\": 400, \"answer\": {\"error\": "));
	store_double.refuse = true;
	say(h, "{\"op\":\"user.list\"}\n");
	assert_non_null(strstr(hear_line(h), "{\"status\": 503, "));
	store_double.refuse = false;
	say(h, "{\"op\":\"user.list\"}\n"); /* and it goes on */
	assert_non_null(strstr(hear_line(h), "{\"status\": 200, "));
}

static void long_lines_end_it(void **state)
{
	struct gatehouse *h = *state;
	char *text = malloc(2 * 1024 * 1024);
	memset(text, 'a', 2 * 1024 * 1024);
	gatehouse_say(h, text, 2 * 1024 * 1024);
	assert_non_null(strstr(hear_line(h), "{\"status\": 413, "));
	while (!h->eof)
		gatehouse_turn(h);
	free(text);
}

static void who_leaves_is_forgotten(void **state)
{
	struct gatehouse *h = *state;
	store_double.silent = true;
	say(h, "{\"op\":\"user.list\"}\n");
	while (store_double.n_waiting == 0)
		gatehouse_turn(h);
	gatehouse_knock_admin(h);
	say(h, "{\"op\":\"user.list\"}\n");
	while (store_double.n_asked < 2)
		gatehouse_turn(h);
	gatehouse_close(h); /* while it waits */
	assert_int_equal(store_double.n_waiting, 0);
	gatehouse_open(h);
}

static void nobody_else_may_open_it(void **state)
{
	struct gatehouse *h = *state;
	struct stat st;
	assert_int_equal(stat(h->admin, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	gatehouse_close(h);
	assert_int_not_equal(stat(h->admin, &st), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_answered_in_order),
		TEST(bytes_may_come_one_by_one),
		TEST(what_is_wrong_is_said),
		TEST(long_lines_end_it),
		TEST(who_leaves_is_forgotten),
		TEST(nobody_else_may_open_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
