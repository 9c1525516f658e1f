#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/store/db_source.h"
#include "gateway/store/db_sqlite_private.h"

struct db_source {
	sqlite3 *handle;
};

/* One text bound, one number out; -1 when it cannot be had. */
static long long ask(struct db_source *s, const char *sql, const char *a, const char *b)
{
	sqlite3_stmt *stmt;
	long long value = -1;
	if (sqlite3_prepare_v3(s->handle, sql, -1, 0, &stmt, NULL) != SQLITE_OK)
		return -1;
	if (a)
		sqlite3_bind_text(stmt, 1, a, -1, SQLITE_STATIC);
	if (b)
		sqlite3_bind_text(stmt, 2, b, -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static bool is_sound(struct db_source *s)
{
	sqlite3_stmt *stmt;
	bool sound = false;
	if (sqlite3_prepare_v3(s->handle, "PRAGMA quick_check(1)", -1, 0, &stmt, NULL) != SQLITE_OK)
		return false;
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *answer = (const char *)sqlite3_column_text(stmt, 0);
		sound = answer && strcmp(answer, "ok") == 0;
	}
	sqlite3_finalize(stmt);
	return sound;
}

static void confine(sqlite3 *handle)
{
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024);
	sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(handle, SQLITE_LIMIT_EXPR_DEPTH, 64);
	sqlite3_limit(handle, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
	sqlite3_busy_timeout(handle, 5000);
}

struct db_source *db_source_open(const char *path, char error[DB_ERROR_MAX])
{
	struct db_source *s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(error, DB_ERROR_MAX, "Out of memory");
		return NULL;
	}
	int code = sqlite3_open_v2(path, &s->handle,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	if (code == SQLITE_OK) {
		confine(s->handle);
		if (is_sound(s))
			return s;
	}
	code = sqlite3_errcode(s->handle);
	snprintf(error, DB_ERROR_MAX, "%.200s cannot be read: %.100s", path,
		code == SQLITE_OK ? "the file is damaged" : sqlite3_errmsg(s->handle));
	db_source_close(s);
	return NULL;
}

void db_source_close(struct db_source *s)
{
	if (!s)
		return;
	sqlite3_close(s->handle);
	free(s);
}

/* A plain one: virtual tables have no root page. */
bool db_source_has(struct db_source *s, const char *table)
{
	return ask(s,
		       "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 AND "
		       "rootpage > 0",
		       table, NULL) == 1;
}

static struct db_value value_at(sqlite3_stmt *stmt, int i)
{
	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_INTEGER: return db_int(sqlite3_column_int64(stmt, i));
	case SQLITE_FLOAT: return db_int(sqlite3_column_int64(stmt, i));
	case SQLITE_TEXT: return db_text((const char *)sqlite3_column_text(stmt, i));
	default: return db_null();
	}
}

static void put_select(
	struct db_source *s, struct sql *sql, const char *table, const char *const *columns, int n)
{
	static const char has[] =
		"SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE";
	for (int i = 0; i < n; i++) {
		bool there = ask(s, has, table, columns[i]) > 0;
		sql_put(sql, i == 0 ? "SELECT " : ", ");
		sql_put(sql, there ? columns[i] : "NULL");
	}
	sql_put(sql, " FROM main.");
	sql_put(sql, table);
}

int db_source_read(struct db_source *s, const char *table, const char *const *columns, int n,
	db_source_row *row, void *ctx)
{
	struct db_value values[DB_COLUMNS_MAX];
	struct sql sql = { 0 };
	sqlite3_stmt *stmt;
	int code, err = OK;
	put_select(s, &sql, table, columns, n);
	if (sql.bad || n > DB_COLUMNS_MAX)
		return ERR_LIMIT;
	if (sqlite3_prepare_v3(s->handle, sql.text, -1, 0, &stmt, NULL) != SQLITE_OK)
		return ERR_PROTO;
	while (!err && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (int i = 0; i < n; i++)
			values[i] = value_at(stmt, i);
		err = row(ctx, values);
	}
	if (!err && code != SQLITE_DONE)
		err = code == SQLITE_NOMEM ? ERR_NOMEM : ERR_PROTO;
	sqlite3_finalize(stmt);
	return err;
}
