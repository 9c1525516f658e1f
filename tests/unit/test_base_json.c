#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_what_was_put),
		cmocka_unit_test(bad_text_is_not_printed),
		cmocka_unit_test(failed_allocations_leave_nothing_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
