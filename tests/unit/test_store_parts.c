#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/store/db.h"
#include "gateway/store/penalty.h"
#include "gateway/store/redact.h"

static void secrets_are_found(void **state)
{
	static const char *const texts[][2] = {
		{ "", "" },
		{ "nothing here, token of my love", "nothing here, token of my love" },
		{ "password: ", "password: " },
		{ "tokens=5", "tokens=5" },
		{ "password=x", "password=[REDACTED]" },
		{ "DB_PASSWORD=hunter2 next", "DB_PASSWORD=[REDACTED] next" },
		{ "{\"apiKey\": \"a b\", \"n\": 1}", "{\"apiKey\": \"[REDACTED]\", \"n\": 1}" },
		{ "{\\\"token\\\": \\\"abc\\\"}", "{\\\"token\\\": \\\"[REDACTED]\\\"}" },
		{ "Authorization: Bearer abcdef.ghi-jkl_m", "Authorization: Bearer [REDACTED]" },
		{ "a bearer of news", "a bearer of news" },
		{ "key AKIAABCDEFGHIJKLMNOP.", "key [REDACTED]." },
		{ "AKIASHORT", "AKIASHORT" },
		{ "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest",
			"[REDACTED]\nrest" },
		{ "x -----BEGIN PRIVATE KEY-----\nabc", "x [REDACTED]" },
		{ "secret='a' token='b'", "secret='[REDACTED]' token='[REDACTED]'" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct arena a = { 0 };
		assert_string_equal(redact_text(&a, texts[i][0]), texts[i][1]);
		arena_fini(&a);
	}
}

/* What makes a careless search go over the same bytes again and again. A quadratic
 * one takes hours for this. */
static void redacting_is_linear(void **state)
{
	enum { N = 2 * 1024 * 1024 };
	static const char *const parts[] = { "-----BEGIN ", "-----END ", "token=\\\\\\\\\\\\\\\\",
		"password password ", "sk-", "bearer ", "token='", "AKIA", "-", "\\", "p=" };
	char *text = malloc(N + 1);
	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct arena a = { 0 };
		size_t n = strlen(parts[i]);
		for (size_t at = 0; at < N; at++)
			text[at] = parts[i][at % n];
		text[N] = '\0';
		assert_non_null(redact_text(&a, text));
		arena_fini(&a);
	}
	free(text);
}

static void guessers_wait_longer_each_time(void **state)
{
	static const long long waits[] = { 0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900 };
	struct penalties *p = penalties_create();
	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		penalties_fail(p, "a", 1000);
		assert_int_equal(penalties_wait(p, "a", 1000), waits[i]);
	}
	assert_int_equal(penalties_wait(p, "b", 1000), 0);
	assert_int_equal(penalties_wait(p, "a", 1899), 1);
	assert_int_equal(penalties_wait(p, "a", 1900), 0);
	assert_int_equal(penalties_wait(p, "a", 0), 0); /* the clock was set back */
	penalties_fail(p, "a", 1000 + 3601);
	assert_int_equal(penalties_wait(p, "a", 1000 + 3601), 0);
	assert_true(penalties_has_failed(p, "a", 1000 + 3601 + 3600));
	assert_false(penalties_has_failed(p, "a", 1000 + 3601 + 3601));
	assert_false(penalties_has_failed(p, "b", 1000));
	penalties_forget(p, "a");
	assert_false(penalties_has_failed(p, "a", 1000 + 3601));
	penalties_forget(p, "unknown");
	for (int i = 0; i < 4; i++)
		penalties_fail(p, "a", 9000);
	assert_int_equal(penalties_wait(p, "a", 9000), 0);
	penalties_destroy(p);
	penalties_destroy(NULL);
}

static void the_table_of_guessers_is_bounded(void **state)
{
	char name[32];
	struct penalties *p = penalties_create();
	(void)state;
	assert_non_null(p);
	for (int i = 0; i < 5; i++) {
		penalties_fail(p, "first", 1000);
		penalties_fail(p, "second", 1000);
	}
	for (int i = 0; i < 200000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		penalties_fail(p, name, 1000);
		if (i % 1000 == 0)
			penalties_fail(p, "first", 1000); /* stays, as it goes on */
	}
	assert_int_equal(penalties_wait(p, "first", 1000), 900);
	assert_int_equal(penalties_wait(p, "second", 1000), 0);
	penalties_destroy(p);
}

static void addresses_of_one_network_are_one(void **state)
{
	char a[PENALTY_KEY], b[PENALTY_KEY];
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{ "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true },
		{ "2001:db8:0:1::1", "2001:db8:0:2::1", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "fe80::1%eth0", "fe80::2", true },
		{ "", "192.0.2.1", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		penalty_source(pairs[i].a, a);
		penalty_source(pairs[i].b, b);
		assert_true((strcmp(a, b) == 0) == pairs[i].same);
	}
}

static char dir[64];

static struct db *open_db(bool ram)
{
	char path[100], error[DB_ERROR_MAX] = "";
	if (ram)
		return db_ram_open();
	strcpy(dir, "/tmp/porthole-db-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/db", dir);
	struct db *db = db_sqlite_open(path, error);
	assert_string_equal(error, "");
	return db;
}

static void close_db(struct db *db, bool ram)
{
	static const char *const files[] = { "db", "db-wal", "db-shm" };
	char path[100];
	db_close(db);
	for (size_t i = 0; !ram && i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	if (!ram)
		rmdir(dir);
}

static int put(struct db *db, const char *nonce, long long at)
{
	return db_insert(db, DB_NONCES,
		(struct db_set[]){
			{ NONCE_TEXT, db_text(nonce) }, { NONCE_AT, db_int(at) }, { 0 } },
		NULL);
}

static long long count(struct db *db, const struct db_where *where)
{
	long long n;
	assert_int_equal(db_count(db, DB_NONCES, where, &n), OK);
	return n;
}

static void try_changes(struct db *db)
{
	long long n;
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(put(db, "a", 1), OK);
	assert_int_equal(put(db, "a", 2), DB_TAKEN);
	assert_int_equal(put(db, NULL, 2), ERR_IO); /* never NULL */
	assert_int_equal(db_mark(db), OK);
	assert_int_equal(put(db, "b", 2), OK);
	assert_int_equal(
		db_update(db, DB_NONCES,
			(struct db_where[]){ { NONCE_TEXT, DB_EQ, db_text("a"), false }, { 0 } },
			(struct db_set[]){ { NONCE_AT, db_int(9) }, { 0 } }, &n),
		OK);
	assert_int_equal(n, 1);
	assert_int_equal(
		db_remove(db, DB_NONCES,
			(struct db_where[]){ { NONCE_TEXT, DB_EQ, db_text("b"), false }, { 0 } }, 0,
			&n),
		OK);
	assert_int_equal(n, 1);
	assert_int_equal(db_revert(db), OK);
	assert_int_equal(
		count(db, (struct db_where[]){ { NONCE_AT, DB_EQ, db_int(1), false }, { 0 } }), 1);
	assert_int_equal(db_mark(db), OK);
	assert_int_equal(put(db, "b", 2), OK);
	assert_int_equal(db_keep(db), OK);
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(put(db, "c", 3), OK);
	assert_int_equal(db_remove(db, DB_NONCES, NULL, 2, &n), OK);
	assert_int_equal(n, 2);
	db_rollback(db);
	assert_int_equal(count(db, NULL), 2);
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(
		db_update(db, DB_NONCES,
			(struct db_where[]){ { NONCE_TEXT, DB_EQ, db_text("a"), false }, { 0 } },
			(struct db_set[]){ { NONCE_TEXT, db_text("b") }, { 0 } }, &n),
		DB_TAKEN);
	assert_int_equal(db_commit(db), OK);
}

static void try_conditions(struct db *db)
{
	static const struct {
		struct db_where where[4];
		long long n;
	} rows[] = {
		{ { { NONCE_AT, DB_LT, { DB_INT, 5, NULL }, false } }, 2 },
		{ { { NONCE_AT, DB_GE, { DB_INT, 5, NULL }, false } }, 1 },
		{ { { NONCE_AT, DB_NE, { DB_INT, 1, NULL }, false } }, 2 },
		{ { { NONCE_AT, DB_LE, { DB_INT, 2, NULL }, false },
			  { NONCE_AT, DB_GT, { DB_INT, 1, NULL }, false } },
			1 },
		{ { { NONCE_AT, DB_EQ, { DB_INT, 1, NULL }, true },
			  { NONCE_AT, DB_EQ, { DB_INT, 7, NULL }, false },
			  { NONCE_TEXT, DB_NE, { DB_TEXT, 0, "Zebra" }, false } },
			1 },
		{ { { NONCE_TEXT, DB_HOLDS, { DB_TEXT, 0, "ebr" }, false } }, 1 },
		{ { { NONCE_TEXT, DB_HOLDS, { DB_TEXT, 0, "zeb" }, false } }, 0 },
		{ { { NONCE_TEXT, DB_HOLDS_LOWER, { DB_TEXT, 0, "zeb" }, false } }, 1 },
		{ { { NONCE_TEXT, DB_IS_NULL, { DB_NULL, 0, NULL }, false } }, 0 },
		{ { { NONCE_TEXT, DB_NOT_NULL, { DB_NULL, 0, NULL }, false } }, 3 },
		{ { { NONCE_TEXT, DB_EQ, { DB_NULL, 0, NULL }, false } }, 0 },
	};
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(put(db, "Zebra", 7), OK);
	assert_int_equal(db_commit(db), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(count(db, rows[i].where), rows[i].n);
}

static void try_lists(struct db *db)
{
	struct arena a = { 0 };
	struct db_rows rows;
	const struct db_query newest = {
		.table = DB_NONCES, .order = NONCE_AT, .descending = true, .limit = 2
	};
	assert_int_equal(db_select(db, &newest, &a, &rows), OK);
	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.row[0][NONCE_TEXT].text, "Zebra");
	assert_int_equal(rows.row[1][NONCE_AT].i, 2);
	assert_int_equal(
		db_select(db, &(struct db_query){ .table = DB_NONCES, .offset = 2 }, &a, &rows),
		OK);
	assert_int_equal(rows.n, 1);
	assert_int_equal(
		db_select(db, &(struct db_query){ .table = DB_NONCES, .offset = 9 }, &a, &rows),
		OK);
	assert_int_equal(rows.n, 0);
	assert_int_equal(
		db_select(db, &(struct db_query){ .table = DB_NONCES, .max_bytes = 2 }, &a, &rows),
		OK);
	assert_int_equal(rows.n, 2);
	arena_fini(&a);
}

static void both_back_ends_do_the_same(void **state)
{
	(void)state;
	for (int ram = 0; ram < 2; ram++) {
		struct db *db = open_db(ram);
		assert_non_null(db);
		try_changes(db);
		try_conditions(db);
		try_lists(db);
		close_db(db, ram);
	}
	db_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_found),
		cmocka_unit_test(redacting_is_linear),
		cmocka_unit_test(guessers_wait_longer_each_time),
		cmocka_unit_test(the_table_of_guessers_is_bounded),
		cmocka_unit_test(addresses_of_one_network_are_one),
		cmocka_unit_test(both_back_ends_do_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
