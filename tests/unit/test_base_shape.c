#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/shape.h"

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

static const char *const colours[] = { "red", "green", NULL };
static const struct shape_field fields[] = {
	{ .name = "name", .type = SHAPE_TEXT, .min = 2, .max = 4 },
	{ .name = "id", .other_name = "runId", .type = SHAPE_ID },
	{ .name = "n", .type = SHAPE_INT, .min = -5, .max = 10 },
	{ .name = "loose", .type = SHAPE_INT, .max = 100, .loose = true },
	{ .name = "ok", .type = SHAPE_BOOL },
	{ .name = "yes", .type = SHAPE_BOOL, .loose = true },
	{ .name = "colour", .type = SHAPE_TEXT, .choices = colours },
	{ .name = "tags", .type = SHAPE_TEXTS, .max = 2 },
	{ .name = "meta", .type = SHAPE_OBJECT, .max = 12 },
	{ .name = "any", .type = SHAPE_ANY },
};
static const struct shape shape = { fields, ARRAY_LEN(fields) };

/* What is taken of a text, printed, the caller's; NULL and the error otherwise. */
static char *take(const struct shape *s, const char *text, char error[SHAPE_ERROR_MAX])
{
	char problem[JSON_PROBLEM_MAX];
	struct json *in = json_parse(text, strlen(text), problem);
	assert_non_null(in);
	struct json *out = shape_take(s, json_of(in), error);
	json_drop(in);
	char *printed = json_print(out, false);
	json_drop(out);
	return printed;
}

static void takes_what_fits(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{ "{}", "{}" },
		{ "{\"unknown\":1}", "{}" },
		{ "{\"name\":null,\"id\":null}", "{}" },
		{ "{\"name\":\"\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\"}",
			"{\"name\": \"\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\"}" },
		{ "{\"runId\":\"-_aZ9\"}", "{\"id\": \"-_aZ9\"}" },
		{ "{\"runId\":\"b\",\"id\":\"a\"}", "{\"id\": \"a\"}" },
		{ "{\"n\":-5}", "{\"n\": -5}" },
		{ "{\"loose\":\"100\"}", "{\"loose\": 100}" },
		{ "{\"ok\":false,\"yes\":\"true\"}", "{\"ok\": false, \"yes\": true}" },
		{ "{\"colour\":\"green\"}", "{\"colour\": \"green\"}" },
		{ "{\"tags\":[\"a\",\"\"]}", "{\"tags\": [\"a\", \"\"]}" },
		{ "{\"meta\":{\"abc\":123}}", "{\"meta\": {\"abc\": 123}}" },
		{ "{\"any\":[null]}", "{\"any\": [null]}" },
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char error[SHAPE_ERROR_MAX];
		char *out = take(&shape, texts[i][0], error);
		assert_string_equal(error, "");
		assert_string_equal(out, texts[i][1]);
		free(out);
	}
}

static void says_what_does_not_fit(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{ "[]", "The request must be a JSON object" },
		{ "null", "The request must be a JSON object" },
		{ "{\"name\":\"a\"}", "name must be a text of 2 to 4 characters" },
		{ "{\"name\":\"abcde\"}", "name must be a text of 2 to 4 characters" },
		{ "{\"name\":3}", "name must be a text of 2 to 4 characters" },
		{ "{\"runId\":\"a/b\"}", "id must be 1 to 50 of A-Z a-z 0-9 _ -" },
		{ "{\"id\":\"\"}", "id must be 1 to 50 of A-Z a-z 0-9 _ -" },
		{ "{\"n\":11}", "n must be a whole number from -5 to 10" },
		{ "{\"n\":1.0}", "n must be a whole number from -5 to 10" },
		{ "{\"n\":\"1\"}", "n must be a whole number from -5 to 10" },
		{ "{\"loose\":\"1x\"}", "loose must be a whole number from 0 to 100" },
		{ "{\"loose\":\"\"}", "loose must be a whole number from 0 to 100" },
		{ "{\"loose\":\"9999999999999999999\"}",
			"loose must be a whole number from 0 to 100" },
		{ "{\"ok\":\"true\"}", "ok must be true or false" },
		{ "{\"yes\":\"1\"}", "yes must be true or false" },
		{ "{\"colour\":\"blue\"}", "colour must be one of red, green" },
		{ "{\"tags\":[\"a\",\"b\",\"c\"]}",
			"tags must be a list of at most 2 texts of at most 100 characters" },
		{ "{\"tags\":[1]}",
			"tags must be a list of at most 2 texts of at most 100 characters" },
		{ "{\"meta\":{\"abc\":1234}}", "meta must be an object of at most 12 bytes" },
		{ "{\"meta\":[]}", "meta must be an object" },
		{ "{\"meta\":{\"\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}}",
			"meta must be an object of at most 16 levels" },
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char error[SHAPE_ERROR_MAX];
		assert_null(take(&shape, texts[i][0], error));
		assert_string_equal(error, texts[i][1]);
	}
}

static void required_means_there(void **state)
{
	(void)state;
	static const struct shape_field field = {
		.name = "a", .other_name = "b", .type = SHAPE_ANY, .required = true
	};
	static const struct shape s = { &field, 1 };
	char error[SHAPE_ERROR_MAX];
	assert_null(take(&s, "{}", error));
	assert_string_equal(error, "a is required");
	assert_null(take(&s, "{\"a\":null}", error));
	assert_null(shape_take(&s, json_of(NULL), error));
	assert_string_equal(error, "a is required");
	char *out = take(&s, "{\"b\":false}", error);
	assert_string_equal(out, "{\"a\": false}");
	free(out);
	struct json *empty = shape_take(&shape, json_of(NULL), error);
	assert_non_null(empty);
	json_drop(empty);
}

static void failed_allocations_are_no_error_of_the_peer(void **state)
{
	(void)state;
	static const char text[] = "{\"name\":\"abc\",\"n\":1,\"tags\":[\"a\"],\"meta\":{\"a\":1}}";
	char problem[JSON_PROBLEM_MAX], error[SHAPE_ERROR_MAX];
	json_set_alloc_funcs(malloc, free);
	struct json *in = json_parse(text, sizeof(text) - 1, problem);
	assert_non_null(in);
	for (long n = 0;; n++) {
		left = n;
		struct json *out = shape_take(&shape, json_of(in), error);
		bool all_done = left >= 0;
		left = -1;
		assert_string_equal(error, "");
		assert_true(!out == !all_done);
		json_drop(out);
		if (all_done)
			break;
	}
	json_drop(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_fits),
		cmocka_unit_test(says_what_does_not_fit),
		cmocka_unit_test(required_means_there),
		cmocka_unit_test(failed_allocations_are_no_error_of_the_peer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
