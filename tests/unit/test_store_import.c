#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "clerk.h"
#include "crypto/argon2.h"

static struct clerk k;
static const int ram = CLERK_RAM, sqlite = CLERK_SQLITE;
static char path[64];

static int open_clerk(void **state)
{
	clerk_open(&k, *(const int *)*state);
	strcpy(path, "/tmp/porthole-import-XXXXXX");
	int fd = mkstemp(path);
	close(fd);
	return fd < 0;
}

static int close_clerk(void **state)
{
	(void)state;
	clerk_close(&k);
	return unlink(path);
}

static const char *const tables[] = {
	"CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT, password_hash TEXT, totp_secret "
	"TEXT,"
	" role TEXT)",
	"CREATE TABLE clients (id TEXT PRIMARY KEY, display_name TEXT, agent_id TEXT UNIQUE,"
	" token_hash TEXT, last_seen_at, version TEXT, capabilities TEXT, status TEXT,"
	" operator_enabled INTEGER, metadata TEXT, created_at)",
	"CREATE TABLE runs (id TEXT PRIMARY KEY, client_id TEXT, status TEXT, label TEXT, command "
	"TEXT,"
	" repo_path TEXT, repo_name TEXT, waiting_approval INTEGER, created_at, started_at,"
	" finished_at, exit_code INTEGER, error_message TEXT, capability_token TEXT, metadata TEXT,"
	" tags TEXT, worker_type TEXT, claimed_by TEXT, claimed_at)",
	"CREATE TABLE commands (id TEXT PRIMARY KEY, run_id TEXT, command TEXT, arguments TEXT,"
	" status TEXT, created_at, acked_at, result TEXT, error TEXT)",
	"CREATE TABLE events (id INTEGER PRIMARY KEY, run_id TEXT, type TEXT, data TEXT, step_id "
	"TEXT,"
	" timestamp, sequence INTEGER)",
	"CREATE TABLE audit_log (id INTEGER PRIMARY KEY, user_id TEXT, action TEXT, target_type "
	"TEXT,"
	" target_id TEXT, details TEXT, ip_address TEXT, created_at)",
};

static sqlite3 *open_old(void)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void sql(sqlite3 *db, const char *text, const char *a)
{
	sqlite3_stmt *stmt;
	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	if (a)
		sqlite3_bind_text(stmt, 1, a, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
}

static const char old_token[] = "abababababababababababababababababababababababababababababababab";

/* A database as an existing gateway has it. */
static void make_old(void)
{
	char hash[ARGON2_TEXT];
	sqlite3 *db = open_old();
	assert_int_equal(argon2_hash("an old password", hash), OK);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		sql(db, tables[i], NULL);
	sql(db, "INSERT INTO users VALUES ('u1', 'anna', ?, NULL, 'admin')", hash);
	sql(db, "INSERT INTO users VALUES ('u2', 'bert', 'pbkdf2', NULL, 'emperor')", NULL);
	sql(db, "INSERT INTO users VALUES ('local', 'eve', NULL, NULL, 'admin')", NULL);
	sql(db, "INSERT INTO users VALUES ('u3', X'ff', NULL, NULL, 'admin')", NULL);
	sql(db,
		"INSERT INTO clients VALUES ('c1', 'Box', 'agent-1', ?,"
		" '2023-11-14T22:13:20.000Z', '1.0', '[\"vnc\"]', 'online', 1, '{}', 1700000000)",
		"dc9c5edb8b2d479e697b4b0b8ab874f32b325138598ce9e7b759eb8292110622");
	sql(db,
		"INSERT INTO runs VALUES ('r1', 'c1', 'running', 'My run', 'vnc', '/p', 'n', 0,"
		" '2023-11-14 22:13:20', 1700000000, NULL, NULL, NULL, ?, '{\"a\":1}', '[\"t\"]',"
		" 'vnc', 'agent-1', 1700000000123)",
		old_token);
	sql(db, "INSERT INTO runs (id, status) VALUES ('../etc', 'done')", NULL);
	sql(db, "INSERT INTO runs (id, status, metadata) VALUES ('r2', 'odd', '{bad')", NULL);
	sql(db,
		"INSERT INTO commands VALUES ('k1', 'r1', '__STOP__', NULL, 'pending',"
		" '2023-11-14 22:13:20', NULL, NULL, NULL)",
		NULL);
	sql(db,
		"INSERT INTO commands VALUES ('k2', 'gone', 'x', NULL, 'pending', 1, 2, NULL, "
		"NULL)",
		NULL);
	sql(db, "INSERT INTO events VALUES (7, 'r1', 'info', 'hello', NULL, 1700000000, 0)", NULL);
	sql(db, "INSERT INTO events VALUES (8, 'r1', 'info', X'00ff', NULL, 'never', NULL)", NULL);
	sql(db, "INSERT INTO events VALUES (9, 'gone', 'info', 'x', NULL, 1, 1)", NULL);
	sql(db,
		"INSERT INTO audit_log VALUES (1, 'u1', 'login', NULL, NULL, NULL, '192.0.2.1',"
		" '2023-11-14 22:13:20')",
		NULL);
	sqlite3_close(db);
}

static void assert_counts(int users, int clients, int runs, int commands, int events, int audit)
{
	assert_int_equal(clerk_local(&k, "import", "{'path':'%s'}", path), 200);
	assert_int_equal(clerk_int(&k, "users"), users);
	assert_int_equal(clerk_int(&k, "clients"), clients);
	assert_int_equal(clerk_int(&k, "runs"), runs);
	assert_int_equal(clerk_int(&k, "commands"), commands);
	assert_int_equal(clerk_int(&k, "events"), events);
	assert_int_equal(clerk_int(&k, "audit"), audit);
}

static void an_existing_gateway_comes_in_once(void **state)
{
	(void)state;
	make_old();
	assert_counts(2, 1, 2, 1, 2, 1);
	assert_counts(0, 0, 0, 0, 0, 0);
	assert_int_equal(clerk_nobody(&k, "setup.status", NULL), 200);
	assert_false(json_bool(clerk_get(&k, "setupRequired"), true));
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'anna','password':'an old password'}"),
		200);
	assert_string_equal(json_get_text(clerk_get(&k, "user"), "role"), "admin");
	assert_int_equal(
		clerk_nobody(&k, "auth.login", "{'username':'bert','password':'none'}"), 401);
	assert_int_equal(clerk_local(&k, "run.get", "{'id':'r1'}"), 200);
	assert_int_equal(clerk_int(&k, "created_at"), 1700000000);
	assert_int_equal(clerk_int(&k, "claimed_at"), 1700000000);
	assert_string_equal(clerk_text(&k, "status"), "running");
	assert_int_equal(json_int(json_get(clerk_get(&k, "metadata"), "a"), 0), 1);
	assert_int_equal(clerk_local(&k, "event.list", "{'id':'r1'}"), 200);
	assert_string_equal(json_get_text(json_at(clerk_get(&k, "events"), 0), "data"), "hello");
	assert_int_equal(clerk_local(&k, "run.get", "{'id':'r2'}"), 200);
	assert_string_equal(clerk_text(&k, "status"), "failed");
	/* Its runner goes on with the token it has. */
	struct clerk_signer s = { .key = k.secret, .run = "r1", .token = old_token };
	assert_int_equal(clerk_signed(&k, &s, "run.commands", NULL), 200);
	assert_int_equal(json_len(clerk_get(&k, "commands")), 1);
}

static void what_is_here_stays(void **state)
{
	(void)state;
	make_old();
	assert_int_equal(clerk_local(&k, "user.create",
				 "{'username':'ANNA','password':'correct horse','role':'viewer'}"),
		200);
	assert_int_equal(clerk_local(&k, "run.create", "{'id':'r1','label':'mine'}"), 200);
	assert_counts(1, 1, 1, 0, 0, 1);
	assert_int_equal(clerk_local(&k, "run.get", "{'id':'r1'}"), 200);
	assert_string_equal(clerk_text(&k, "label"), "mine");
}

static void assert_refused(void)
{
	long long n;
	assert_int_equal(clerk_local(&k, "import", "{'path':'%s'}", path), 400);
	for (int t = 0; t < DB_TABLES; t++) {
		assert_int_equal(db_count(k.db, (enum db_table)t, NULL, &n), OK);
		assert_int_equal(n, 0);
	}
}

static void hostile_files_change_nothing(void **state)
{
	(void)state;
	assert_refused(); /* empty */
	sqlite3 *db = open_old();
	sql(db, "CREATE TABLE users (id, username)", NULL);
	sql(db,
		"CREATE VIEW runs AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 "
		"FROM r)"
		" SELECT id FROM r",
		NULL);
	sqlite3_close(db);
	assert_refused();
	static const char nonsense[4096] = "no database";
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, nonsense, sizeof(nonsense)), sizeof(nonsense));
	close(fd);
	assert_refused();
	assert_int_equal(clerk_local(&k, "import", "{'path':'/nowhere/at/all'}"), 400);
}

/* A damaged page somewhere: all or nothing, whatever the check finds. */
static void damaged_files_change_nothing_or_come_in(void **state)
{
	char page[4096];
	(void)state;
	make_old();
	int fd = open(path, O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);
	memset(page, 0x5a, sizeof(page));
	int refused = 0;
	for (off_t at = 4096; at < size; at += 4096) {
		char was[4096];
		assert_int_equal(pread(fd, was, sizeof(was), at), sizeof(was));
		assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
		int status = clerk_local(&k, "import", "{'path':'%s'}", path);
		assert_true(status == 400 || status == 200);
		refused += status == 400;
		assert_int_equal(pwrite(fd, was, sizeof(was), at), sizeof(was));
	}
	close(fd);
	assert_true(refused > 0);
}

static void only_the_command_line_imports(void **state)
{
	char admin[200];
	(void)state;
	clerk_user(&k, "admin", "admin", admin);
	assert_int_equal(clerk_session(&k, admin, "import", "{'path':'%s'}", path), 403);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_prestate_setup_teardown(                                                  \
		test, open_clerk, close_clerk, (void *)(uintptr_t)&ram),                           \
		cmocka_unit_test_prestate_setup_teardown(                                          \
			test, open_clerk, close_clerk, (void *)(uintptr_t)&sqlite)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(an_existing_gateway_comes_in_once),
		BOTH(what_is_here_stays),
		BOTH(hostile_files_change_nothing),
		BOTH(damaged_files_change_nothing_or_come_in),
		BOTH(only_the_command_line_imports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
