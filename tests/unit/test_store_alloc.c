#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "gateway/store/core.h"

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

static long long now(void *ctx)
{
	(void)ctx;
	return 1700000000;
}

static struct json *message(const char *op, const char *args)
{
	char problem[JSON_PROBLEM_MAX];
	struct json *m = json_make_object(), *who = json_make_object();
	json_put_int(who, "kind", STORE_LOCAL);
	json_put_int(m, "id", 1);
	json_put_text(m, "op", op);
	json_put(m, "who", who);
	json_put(m, "args", json_parse(args, strlen(args), problem));
	assert_non_null(json_of(m).value);
	return m;
}

/* One ask in a transaction, the nth allocation failing; its status, 0 when it was
 * not even taken. *whole: no allocation was left to fail. */
static int ask(
	struct core *core, struct db *db, const char *op, const char *args, long n, bool *whole)
{
	struct json *m = message(op, args);
	int status = 0;
	left = n;
	struct core_ask *a = core_ask_create(core, m);
	enum core_result result = CORE_BROKEN;
	int err = db_begin(db);
	if (a && !err)
		result = core_ask_run(a);
	if (a && !err && result == CORE_DONE)
		err = db_commit(db);
	else
		db_rollback(db);
	*whole = left >= 0;
	left = -1;
	assert_int_not_equal(result, CORE_PASSWORD);
	if (a)
		status = err ? 503 : core_ask_status(a);
	core_ask_destroy(a);
	return status;
}

static long long count(struct db *db, enum db_table table)
{
	long long n;
	assert_int_equal(db_count(db, table, NULL, &n), OK);
	return n;
}

/* Each operation happens as a whole or not at all. */
static void without_memory_nothing_happens_by_half(void **state)
{
	static const struct {
		const char *op, *args;
		enum db_table table;
	} rows[] = {
		{ "client.create", "{\"displayName\":\"d\",\"agentId\":\"a\"}", DB_CLIENTS },
		{ "run.create", "{\"id\":\"r\",\"tags\":[\"t\"],\"metadata\":{\"a\":1}}", DB_RUNS },
		{ "run.command", "{\"id\":\"r\",\"command\":\"x\"}", DB_COMMANDS },
		{ "ticket.create", "{\"id\":\"r\",\"rights\":\"view\"}", DB_TICKETS },
		{ "link.create", "{\"id\":\"r\",\"rights\":\"view\",\"ttl\":60}", DB_LINKS },
		{ "run.list", "{\"search\":\"x\",\"tag\":\"t\"}", DB_TABLES },
		{ "run.get", "{\"id\":\"r\"}", DB_TABLES },
		{ "client.list", "{}", DB_TABLES },
		{ "audit.list", "{}", DB_TABLES },
		{ "dashboard", "{}", DB_TABLES },
		{ "machine.list", "{}", DB_TABLES },
	};
	(void)state;
	json_set_alloc_funcs(malloc, free); /* its calls are not linked to the wraps */
	struct db *db = db_ram_open();
	const struct core_config config = { .db = db, .now = now };
	struct core *core = core_create(&config);
	assert_non_null(core);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool whole = false;
		for (long n = 0; !whole; n++) {
			int status = ask(core, db, rows[i].op, rows[i].args, n, &whole);
			if (status != 200 && status != 503 && status != 0)
				fail_msg("%s, allocation %ld: %d", rows[i].op, n, status);
			if (whole)
				assert_int_equal(status, 200);
			if (rows[i].table == DB_TABLES)
				continue;
			assert_int_equal(count(db, rows[i].table), status == 200);
			if (status == 200)
				break;
		}
	}
	core_destroy(core);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_nothing_happens_by_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
