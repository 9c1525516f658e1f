#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api_private.h"

/* The table of routes and doc/openapi.json say the same. */

static struct json *document;

static int read_document(void **state)
{
	static char text[1024 * 1024];
	char path[1024], problem[JSON_PROBLEM_MAX];
	const char *source = getenv("PORTHOLE_SOURCE");
	(void)state;
	snprintf(path, sizeof(path), "%s/doc/openapi.json", source ? source : ".");
	FILE *f = fopen(path, "re");
	if (!f)
		fail_msg("%s cannot be read: set PORTHOLE_SOURCE to the source folder", path);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	document = json_parse(text, n, problem);
	if (!document)
		fail_msg("%s: %s", path, problem);
	return 0;
}

static int drop_document(void **state)
{
	(void)state;
	json_drop(document);
	return 0;
}

/* "/api/runs/:id" as the document has it: "/api/runs/{id}". */
static void put_path(const char *pattern, char out[256])
{
	bool in = false;
	size_t n = 0;
	for (const char *p = pattern; *p; p++) {
		if (*p == '/' && in) {
			out[n++] = '}';
			in = false;
		}
		out[n++] = *p == ':' ? '{' : *p;
		in = in || *p == ':';
	}
	if (in)
		out[n++] = '}';
	out[n] = '\0';
}

static struct json_ref find_operation(const struct api_route *r)
{
	char path[256], method[16] = "";
	put_path(r->pattern, path);
	for (size_t i = 0; r->method[i]; i++)
		method[i] = (char)(r->method[i] | 0x20);
	struct json_ref op = json_get(json_get(json_get(json_of(document), "paths"), path), method);
	if (json_kind_of(op) != JSON_TYPE_OBJECT)
		fail_msg("doc/openapi.json lacks %s %s", r->method, path);
	return op;
}

static bool count_method(void *ctx, const char *key, struct json_ref v)
{
	(void)key;
	(void)v;
	++*(size_t *)ctx;
	return true;
}

static bool count_path(void *ctx, const char *key, struct json_ref v)
{
	(void)key;
	json_each(v, count_method, ctx);
	return true;
}

static void every_row_is_documented_and_nothing_else(void **state)
{
	size_t n = 0, rows = 0;
	const char *method, *pattern;
	(void)state;
	while (api_route_at(rows, &method, &pattern)) {
		assert_string_equal(pattern, api_routes[rows].pattern);
		find_operation(&api_routes[rows++]);
	}
	json_each(json_get(json_of(document), "paths"), count_path, &n);
	assert_int_equal(rows, api_n_routes);
	assert_int_equal(n, rows);
}

static bool has_security(struct json_ref op, const char *name)
{
	struct json_ref list = json_get(op, "security");
	for (size_t i = 0; i < json_len(list); i++) {
		struct json_ref one = json_at(list, i);
		if (name ? json_kind_of(json_get(one, name)) == JSON_TYPE_LIST : json_len(one) == 0)
			return true;
	}
	return false;
}

static void credentials_are_as_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];
		struct json_ref op = find_operation(r);
		unsigned who = r->who ? r->who : WHO_SESSION | WHO_KEY;
		assert_int_equal(has_security(op, NULL), (who & WHO_NOBODY) != 0);
		assert_int_equal(has_security(op, "cookie"), (who & WHO_SESSION) != 0);
		assert_int_equal(has_security(op, "bearer"), (who & WHO_SESSION) != 0);
		assert_int_equal(has_security(op, "sshKey"), (who & WHO_KEY) != 0);
		assert_int_equal(has_security(op, "agent"), (who & WHO_SIGNED) != 0);
		assert_int_equal(has_security(op, "ticket"), r->who == 0);
	}
}

static bool has_parameter(struct json_ref op, const char *in, const char *name, size_t n)
{
	struct json_ref list = json_get(op, "parameters");
	for (size_t i = 0; i < json_len(list); i++) {
		const char *is = json_get_text(json_at(list, i), "name");
		const char *where = json_get_text(json_at(list, i), "in");
		assert_non_null(is);
		if (strlen(is) == n && memcmp(is, name, n) == 0 && strcmp(where, in) == 0)
			return true;
	}
	return false;
}

static size_t count_parameters(struct json_ref op, const char *in)
{
	struct json_ref list = json_get(op, "parameters");
	size_t n = 0;
	for (size_t i = 0; i < json_len(list); i++)
		n += strcmp(json_get_text(json_at(list, i), "in"), in) == 0;
	return n;
}

static void arguments_are_as_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];
		struct json_ref op = find_operation(r);
		size_t words = 0, captures = 0;
		for (const char *p = r->pattern; (p = strchr(p, ':')); p++, captures++)
			assert_true(has_parameter(op, "path", p + 1, strcspn(p + 1, "/")));
		for (const char *p = r->query ? r->query : ""; *p; words++) {
			size_t n = strcspn(p, " ");
			if (!has_parameter(op, "query", p, n))
				fail_msg("%s: %.*s is not documented", r->pattern, (int)n, p);
			p += n + strspn(p + n, " ");
		}
		assert_int_equal(count_parameters(op, "path"), captures);
		assert_int_equal(count_parameters(op, "query"), words);
		assert_int_equal(json_len(json_get(op, "requestBody")) > 0, r->body);
	}
}

static void answers_are_as_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];
		struct json_ref op = find_operation(r), answers = json_get(op, "responses");
		bool upgrade = r->is_upgrade || r->reply == api_cloud_vnc;
		const char *wanted = upgrade ? "101" : "200";
		assert_non_null(json_get_text(op, "operationId"));
		assert_non_null(json_get_text(op, "summary"));
		assert_int_equal(json_kind_of(json_get(answers, wanted)), JSON_TYPE_OBJECT);
		assert_int_equal(
			json_kind_of(json_get(answers, "426")) == JSON_TYPE_OBJECT, r->is_upgrade);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_documented_and_nothing_else),
		cmocka_unit_test(credentials_are_as_documented),
		cmocka_unit_test(arguments_are_as_documented),
		cmocka_unit_test(answers_are_as_documented),
	};
	return cmocka_run_group_tests(tests, read_document, drop_document);
}
