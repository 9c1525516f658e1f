#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/store/db_sqlite_private.h"

enum { BUSY_MS = 5000, CHECKED_PAGES = 16384 };

/* One step of the schema, forward only: what it does, and the version it leads to. */
struct step {
	int version;
	int (*take)(struct db_sqlite *db);
	const char *set_version;
};

static int create_table(struct db_sqlite *db, const struct db_table_def *t)
{
	struct sql s = { 0 };
	sql_put(&s, "CREATE TABLE ");
	sql_put(&s, t->name);
	sql_put(&s, " (n INTEGER PRIMARY KEY");
	for (int i = 1; i < t->n_columns; i++) {
		const struct db_column *c = &t->columns[i];
		sql_put(&s, ", ");
		sql_put(&s, c->name);
		sql_put(&s, c->is_int ? " INTEGER" : " TEXT");
		sql_put(&s, c->required ? " NOT NULL" : "");
		if (c->refers_to) {
			sql_put(&s, " REFERENCES ");
			sql_put(&s, db_schema[c->refers_to - 1].name);
			sql_put(&s, "(id)");
		}
	}
	sql_put(&s, ") STRICT");
	return s.bad ? ERR_LIMIT : db_sqlite_run(db, s.text);
}

static int create_index(struct db_sqlite *db, const struct db_table_def *t, int which)
{
	const struct db_index *index = &t->indexes[which];
	struct sql s = { 0 };
	sql_put(&s, index->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
	sql_put(&s, t->name);
	for (int i = 0; i < DB_INDEX_COLUMNS && index->columns[i]; i++) {
		sql_put(&s, "_");
		sql_put(&s, t->columns[index->columns[i]].name);
	}
	sql_put(&s, " ON ");
	sql_put(&s, t->name);
	for (int i = 0; i < DB_INDEX_COLUMNS && index->columns[i]; i++) {
		sql_put(&s, i == 0 ? " (" : ", ");
		sql_put(&s, t->columns[index->columns[i]].name);
	}
	sql_put(&s, ")");
	return s.bad ? ERR_LIMIT : db_sqlite_run(db, s.text);
}

static int create_all(struct db_sqlite *db)
{
	int err = OK;
	for (int t = 0; t < DB_TABLES && !err; t++) {
		err = create_table(db, &db_schema[t]);
		for (int i = 0; i < db_schema[t].n_indexes && !err; i++)
			err = create_index(db, &db_schema[t], i);
	}
	return err;
}

static const struct step steps[] = {
	{ 1, create_all, "PRAGMA user_version = 1" },
};

/* The first column of the first row as a number; -1 when it cannot be had. */
static long long ask_number(struct db_sqlite *db, const char *text)
{
	sqlite3_stmt *stmt;
	long long value = -1;
	if (sqlite3_prepare_v3(db->handle, text, -1, 0, &stmt, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* Runs a PRAGMA that answers with a row; true when the answer is `wanted`. */
static bool set_pragma(struct db_sqlite *db, const char *text, const char *wanted)
{
	sqlite3_stmt *stmt;
	bool right = false;
	if (sqlite3_prepare_v3(db->handle, text, -1, 0, &stmt, NULL) != SQLITE_OK)
		return false;
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *answer = (const char *)sqlite3_column_text(stmt, 0);
		right = answer && strcmp(answer, wanted) == 0;
	}
	sqlite3_finalize(stmt);
	return right;
}

static void set_limits(sqlite3 *handle)
{
	static const int limits[][2] = {
		{ SQLITE_LIMIT_LENGTH, 4 * 1024 * 1024 },
		{ SQLITE_LIMIT_SQL_LENGTH, SQL_MAX },
		{ SQLITE_LIMIT_COLUMN, 64 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 32 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 2 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 8 },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 64 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		sqlite3_limit(handle, limits[i][0], limits[i][1]);
}

static int configure(struct db_sqlite *db)
{
	static const char *const pragmas[] = { "PRAGMA synchronous = FULL",
		"PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF",
		"PRAGMA cell_size_check = ON", "PRAGMA temp_store = MEMORY",
		"PRAGMA cache_size = -16384" };
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	set_limits(db->handle);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	if (!set_pragma(db, "PRAGMA journal_mode = WAL", "wal"))
		return ERR_IO;
	set_pragma(db, "PRAGMA journal_size_limit = 67108864", "67108864");
	int err = OK;
	for (size_t i = 0; i < ARRAY_LEN(pragmas) && !err; i++)
		err = db_sqlite_run(db, pragmas[i]);
	return err;
}

static int migrate(struct db_sqlite *db, long long version)
{
	int err = db_begin(&db->base);
	for (size_t i = 0; i < ARRAY_LEN(steps) && !err; i++) {
		if (steps[i].version <= version)
			continue;
		err = steps[i].take(db);
		if (!err)
			err = db_sqlite_run(db, steps[i].set_version);
	}
	if (!err)
		err = db_commit(&db->base);
	if (err)
		db_rollback(&db->base);
	return err;
}

/* What SQLite says, and what to do about it. */
static void explain(struct db_sqlite *db, const char *path, char *error)
{
	int code = sqlite3_errcode(db->handle), result = db_sqlite_result(db, code);
	const char *what = sqlite3_errmsg(db->handle), *then = "";
	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		then = ": the file is damaged; restore a backup, or move it away to begin anew";
	else if (result == ERR_LIMIT)
		then = ": the disk is full; make room and start again";
	else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
		then = ": it must be writable; check its owner, its rights and the file system";
	else if (code == SQLITE_BUSY)
		then = ": another program holds it; end that and start again";
	snprintf(error, DB_ERROR_MAX, "%.200s: %.80s%s", path, what, then);
}

/* Small ones are checked as a whole, large ones when they are read. */
static bool is_damaged(struct db_sqlite *db)
{
	long long pages = ask_number(db, "PRAGMA page_count");
	return pages >= 0 && pages <= CHECKED_PAGES &&
	       !set_pragma(db, "PRAGMA quick_check(1)", "ok");
}

static int open_file(struct db_sqlite *db, const char *path, char *error)
{
	const int newest = steps[ARRAY_LEN(steps) - 1].version;
	int code = sqlite3_open_v2(path, &db->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE,
		NULL);
	if (code == SQLITE_OK)
		sqlite3_extended_result_codes(db->handle, 0);
	long long version = code == SQLITE_OK ? ask_number(db, "PRAGMA user_version") : -1;
	if (version > newest) {
		snprintf(error, DB_ERROR_MAX,
			"%.200s was made by a newer Porthole (schema %lld, this one knows %d): "
			"use that version, or restore a backup",
			path, version, newest);
		return ERR_PROTO;
	}
	if (version == 0 && ask_number(db, "SELECT count(*) FROM sqlite_schema") > 0) {
		snprintf(error, DB_ERROR_MAX,
			"%.200s is another program's database: move it away, or use "
			"\"porthole gateway import\" to read it",
			path);
		return ERR_PROTO;
	}
	/* SQLite falls back to reading without a word. */
	if (version >= 0 && sqlite3_db_readonly(db->handle, "main") == 1) {
		snprintf(error, DB_ERROR_MAX,
			"%.200s must be writable: check its owner, its rights and the file system",
			path);
		return ERR_IO;
	}
	if (version < 0 || configure(db)) {
		explain(db, path, error);
		return ERR_IO;
	}
	if (version > 0 && is_damaged(db)) {
		snprintf(error, DB_ERROR_MAX,
			"%.200s is damaged: restore a backup, or move it away to begin anew", path);
		return ERR_IO;
	}
	if (migrate(db, version)) {
		explain(db, path, error);
		return ERR_IO;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	return OK;
}

struct db *db_sqlite_open(const char *path, char error[DB_ERROR_MAX])
{
	error[0] = '\0';
	struct db_sqlite *db = calloc(1, sizeof(*db));
	if (!db) {
		snprintf(error, DB_ERROR_MAX, "out of memory");
		return NULL;
	}
	db->base.ops = &db_sqlite_ops;
	if (open_file(db, path, error)) {
		db_close(&db->base);
		return NULL;
	}
	return &db->base;
}
