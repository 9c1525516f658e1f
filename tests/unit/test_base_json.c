#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/json.h"

/* Linked with -Wl,--wrap: the nth allocation fails. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static long left = -1; /* allocations until one fails; negative: none does */

static int fails(void)
{
	return left >= 0 && left-- == 0;
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

static char *print_sample(void)
{
	struct json *list = json_make_list();
	struct json *inner = json_make_object();
	json_put_text(inner, "name", "W\xc3\xb6rld \"\n");
	json_add(list, inner);
	struct json *top = json_make_object();
	json_put_bool(top, "ok", true);
	json_put_int(top, "port", 5900);
	json_put_real(top, "ratio", 0.25);
	json_put(top, "list", list);
	char *text = json_print(top, false);
	json_drop(top);
	return text;
}

static const char sample[] = "{\"ok\": true, \"port\": 5900, \"ratio\": 0.25, \"list\": "
			     "[{\"name\": \"W\xc3\xb6rld \\\"\\n\"}]}";

static void prints_what_was_put(void **state)
{
	(void)state;
	char *text = print_sample();
	assert_string_equal(text, sample);
	free(text);
}

static void bad_text_is_not_printed(void **state)
{
	(void)state;
	struct json *list = json_make_list();
	struct json *inner = json_make_object();
	json_put_text(inner, "name", "\xff");
	json_add(list, inner);
	assert_null(json_print(list, true));
	json_drop(list);
	assert_null(json_print(NULL, true));
	json_drop(NULL);
}

static void failed_allocations_leave_nothing_half(void **state)
{
	(void)state;
	json_set_alloc_funcs(malloc, free); /* its calls are not linked to the wraps */
	for (long n = 0;; n++) {
		left = n;
		char *text = print_sample();
		bool all_done = left >= 0;
		left = -1;
		if (text)
			assert_string_equal(text, sample);
		else
			assert_false(all_done);
		free(text);
		if (all_done)
			break;
	}
}

static struct json *parse(const char *text)
{
	char problem[JSON_PROBLEM_MAX] = "";
	struct json *j = json_parse(text, strlen(text), problem);
	assert_true(!j == (problem[0] != 0));
	return j;
}

static void reads_what_is_there(void **state)
{
	(void)state;
	struct json *j = parse("{\"a\":[1,2.5,\"x\",true,null,{\"b\":{}}]}");
	struct json_ref a = json_get(json_of(j), "a");
	assert_int_equal(json_kind_of(a), JSON_TYPE_LIST);
	assert_int_equal(json_len(a), 6);
	assert_int_equal(json_int(json_at(a, 0), -1), 1);
	assert_true(json_number(json_at(a, 0), -1) == 1.0);
	assert_int_equal(json_int(json_at(a, 1), -1), -1);
	assert_true(json_number(json_at(a, 1), -1) == 2.5);
	assert_string_equal(json_text(json_at(a, 2)), "x");
	assert_true(json_bool(json_at(a, 3), false));
	assert_int_equal(json_kind_of(json_at(a, 4)), JSON_TYPE_NULL);
	assert_int_equal(json_len(json_at(a, 5)), 1);
	json_drop(j);
}

static void what_is_missing_has_empty_answers(void **state)
{
	(void)state;
	struct json *j = parse("[\"text\"]");
	const struct json_ref missing[] = { json_of(NULL), json_at(json_of(j), 1),
		json_get(json_of(j), "a"), json_get(json_get(json_of(j), "a"), "b"),
		json_at(json_at(json_of(j), 0), 0) };
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		assert_int_equal(json_kind_of(missing[i]), JSON_TYPE_NONE);
		assert_int_equal(json_len(missing[i]), 0);
		assert_null(json_text(missing[i]));
		assert_int_equal(json_int(missing[i], 7), 7);
		assert_true(json_bool(missing[i], true));
		assert_null(json_clone(missing[i]));
	}
	json_drop(j);
}

static void refuses_what_is_not_json(void **state)
{
	(void)state;
	static const char *const texts[] = { "", " ", "{", "{\"a\":1,}", "[1,]", "{'a':1}", "01",
		"+1", "nan", "\"\\ud800\"", "\"\\u0000\"", "{\"a\\u0000\":1}", "\"\xff\"",
		"{\"a\":1,\"a\":2}", "[] []", "\xef\xbb\xbf{}", "99999999999999999999", "1e999",
		"\"\t\"", "\"\\", "{\"a\" 1}", "nul", "\"\xed\xa0\x80\"", "\"\xc0\x80\"" };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (parse(texts[i]))
			fail_msg("taken: %s", texts[i]);
	char problem[JSON_PROBLEM_MAX];
	assert_null(json_parse("1\0", 2, problem));
	assert_null(json_parse(NULL, 0, problem));
}

static void depth_has_a_limit(void **state)
{
	(void)state;
	char text[2 * (JSON_DEPTH_MAX + 1) + 1];
	for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = '\0';
		struct json *j = parse(text);
		assert_true(!j == (depth > JSON_DEPTH_MAX));
		json_drop(j);
	}
	/* Brackets in a text are no levels. */
	memset(text, '[', sizeof(text) - 1);
	text[0] = '"';
	memcpy(text + sizeof(text) - 4, "\\\"\"", 3);
	struct json *j = parse(text);
	assert_non_null(j);
	json_drop(j);
}

static void levels_are_counted(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int levels;
	} rows[] = { { "1", 0 }, { "\"[[\"", 0 }, { "[]", 1 }, { "{\"a\": 1}", 1 },
		{ "[1, {\"a\": [[], 2]}, []]", 4 }, { "{\"a\": [], \"b\": {\"c\": {}}}", 3 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char problem[JSON_PROBLEM_MAX];
		struct json *j = parse(rows[i].text);
		assert_int_equal(json_levels(json_of(j)), rows[i].levels);
		json_drop(j);
		j = json_parse_levels(rows[i].text, strlen(rows[i].text), rows[i].levels, problem);
		assert_non_null(j);
		json_drop(j);
		if (rows[i].levels > 0)
			assert_null(json_parse_levels(
				rows[i].text, strlen(rows[i].text), rows[i].levels - 1, problem));
	}
	assert_int_equal(json_levels((struct json_ref){ NULL }), 0);
}

static void crowds_have_a_limit(void **state)
{
	(void)state;
	enum { BYTES = 100 * 1000 };
	char problem[JSON_PROBLEM_MAX];
	char *text = malloc(BYTES);
	assert_non_null(text);
	for (int step = 3; step <= 30; step += 27) {
		memset(text, ' ', BYTES);
		for (int i = 1; i + step < BYTES; i += step)
			memcpy(text + i, i == 1 ? " {}" : ",{}", 3);
		text[0] = '[';
		text[BYTES - 1] = ']';
		struct json *j = json_parse(text, BYTES, problem);
		assert_true(!j == (step == 3));
		json_drop(j);
	}
	/* In a text they are none. */
	memset(text, '[', BYTES);
	text[0] = text[BYTES - 1] = '"';
	struct json *j = json_parse(text, BYTES, problem);
	assert_non_null(j);
	json_drop(j);
	free(text);
}

static void every_prefix_is_refused(void **state)
{
	(void)state;
	char problem[JSON_PROBLEM_MAX];
	for (size_t n = 0; n < sizeof(sample) - 1; n++)
		assert_null(json_parse(sample, n, problem));
}

static bool count(void *ctx, const char *key, struct json_ref v)
{
	int *left_to_see = ctx;
	assert_non_null(json_text(v));
	assert_int_equal(strlen(key), 1);
	return --*left_to_see > 0;
}

static void members_are_visited_until_enough(void **state)
{
	(void)state;
	struct json *j = parse("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
	int n = 2;
	json_each(json_of(j), count, &n);
	assert_int_equal(n, 0);
	n = 9;
	json_each(json_of(j), count, &n);
	assert_int_equal(n, 6);
	json_each(json_of(NULL), count, &n);
	struct json *copy = json_clone(json_of(j));
	json_drop(j);
	assert_string_equal(json_get_text(json_of(copy), "c"), "3");
	json_put_text(copy, "d", "\xff");
	assert_null(json_of(copy).value);
	json_drop(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_what_was_put),
		cmocka_unit_test(bad_text_is_not_printed),
		cmocka_unit_test(reads_what_is_there),
		cmocka_unit_test(what_is_missing_has_empty_answers),
		cmocka_unit_test(refuses_what_is_not_json),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(levels_are_counted),
		cmocka_unit_test(crowds_have_a_limit),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(members_are_visited_until_enough),
		cmocka_unit_test(failed_allocations_leave_nothing_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
