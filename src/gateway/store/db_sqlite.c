#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/store/db_sqlite_private.h"

void sql_put(struct sql *s, const char *text)
{
	size_t n = strlen(text);
	if (n >= sizeof(s->text) - s->len) {
		s->bad = true;
		return;
	}
	memcpy(s->text + s->len, text, n + 1);
	s->len += n;
}

void sql_put_value(struct sql *s)
{
	char number[16];
	snprintf(number, sizeof(number), "?%d", ++s->n_values);
	sql_put(s, number);
}

/* SQLite tells of ENOSPC only; a quota or a limit is as full. What a commit could
 * not write is known to the file of the log alone. */
static bool is_full(struct db_sqlite *db)
{
	sqlite3_file *log = NULL;
	int error = 0, main_error = 0;
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_LAST_ERRNO, &main_error);
	if (!error)
		error = main_error;
	return error == ENOSPC || error == EFBIG || error == EDQUOT;
}

int db_sqlite_result(struct db_sqlite *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return OK;
	case SQLITE_NOMEM: return ERR_NOMEM;
	case SQLITE_FULL: return ERR_LIMIT;
	case SQLITE_IOERR: return is_full(db) ? ERR_LIMIT : ERR_IO;
	case SQLITE_CONSTRAINT: return code == SQLITE_CONSTRAINT_UNIQUE ? DB_TAKEN : ERR_IO;
	default: return ERR_IO;
	}
}

static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static void forget_statements(struct db_sqlite *db)
{
	for (int i = 0; i < SQLITE_STATEMENTS; i++) {
		sqlite3_finalize(db->statements[i].stmt);
		free(db->statements[i].text);
		db->statements[i] = (struct sqlite_statement){ 0 };
	}
	db->n_statements = 0;
}

/* Texts hold names of the schema only, so there are few of them. */
static int prepare(struct db_sqlite *db, const char *text, sqlite3_stmt **out)
{
	if (db->n_statements >= SQLITE_STATEMENTS * 3 / 4)
		forget_statements(db);
	uint32_t at = hash(text) % SQLITE_STATEMENTS;
	while (db->statements[at].text && strcmp(db->statements[at].text, text) != 0)
		at = (at + 1) % SQLITE_STATEMENTS;
	struct sqlite_statement *s = &db->statements[at];
	if (!s->text) {
		char *copy = strdup(text);
		if (!copy)
			return ERR_NOMEM;
		int code = sqlite3_prepare_v3(
			db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
		if (code != SQLITE_OK) {
			free(copy);
			return db_sqlite_result(db, code);
		}
		s->text = copy;
		db->n_statements++;
	}
	*out = s->stmt;
	return OK;
}

static int bind(sqlite3_stmt *stmt, int at, struct db_value v)
{
	switch (v.kind) {
	case DB_INT: return sqlite3_bind_int64(stmt, at, v.i);
	case DB_TEXT: return sqlite3_bind_text(stmt, at, v.text, -1, SQLITE_STATIC);
	default: return sqlite3_bind_null(stmt, at);
	}
}

/* The statement is reset when it was stepped for the last time, which also tells
 * of an error once more. */
static int finish(struct db_sqlite *db, sqlite3_stmt *stmt, int code)
{
	int result = db_sqlite_result(db, code);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return result;
}

int db_sqlite_run(struct db_sqlite *db, const char *text)
{
	sqlite3_stmt *stmt;
	int err = prepare(db, text, &stmt);
	return err ? err : finish(db, stmt, sqlite3_step(stmt));
}

static const char *column_name(enum db_table table, int column)
{
	return db_schema[table].columns[column].name;
}

static void put_test(struct sql *s, const char *column, enum db_test test)
{
	static const char *const signs[] = { [DB_EQ] = " = ",
		[DB_NE] = " <> ",
		[DB_LT] = " < ",
		[DB_LE] = " <= ",
		[DB_GT] = " > ",
		[DB_GE] = " >= " };
	bool holds = test == DB_HOLDS || test == DB_HOLDS_LOWER;
	sql_put(s, test == DB_HOLDS ? "instr(" : test == DB_HOLDS_LOWER ? "instr(lower(" : "");
	sql_put(s, column);
	sql_put(s, test == DB_HOLDS ? ", " : test == DB_HOLDS_LOWER ? "), " : "");
	if (test == DB_IS_NULL || test == DB_NOT_NULL) {
		sql_put(s, test == DB_IS_NULL ? " IS NULL" : " IS NOT NULL");
		return;
	}
	sql_put(s, holds ? "" : signs[test]);
	sql_put_value(s);
	sql_put(s, holds ? ") > 0" : "");
}

static void put_where(struct sql *s, enum db_table table, const struct db_where *where)
{
	bool or_before = false;
	for (const struct db_where *w = where; w && w->test != DB_END; w++) {
		sql_put(s, w == where ? " WHERE " : or_before ? " OR " : " AND ");
		sql_put(s, w->or_next && !or_before ? "(" : "");
		put_test(s, column_name(table, w->column), w->test);
		sql_put(s, or_before && !w->or_next ? ")" : "");
		or_before = w->or_next;
	}
}

static int bind_where(sqlite3_stmt *stmt, int at, const struct db_where *where, int *next)
{
	int code = SQLITE_OK;
	for (; where && where->test != DB_END && !code; where++)
		if (where->test != DB_IS_NULL && where->test != DB_NOT_NULL)
			code = bind(stmt, at++, where->value);
	*next = at;
	return code;
}

static int bind_set(sqlite3_stmt *stmt, const struct db_set *set, int *next)
{
	int code = SQLITE_OK, at = 1;
	for (; set->column && !code; set++)
		code = bind(stmt, at++, set->value);
	*next = at;
	return code;
}

static int sqlite_insert(
	struct db *base, enum db_table table, const struct db_set *set, long long *n)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	struct sql s = { 0 };
	sqlite3_stmt *stmt;
	int next;
	sql_put(&s, "INSERT INTO ");
	sql_put(&s, db_schema[table].name);
	for (const struct db_set *c = set; c->column; c++) {
		sql_put(&s, c == set ? " (" : ", ");
		sql_put(&s, column_name(table, c->column));
	}
	sql_put(&s, ") VALUES (");
	for (const struct db_set *c = set; c->column; c++) {
		sql_put(&s, c == set ? "" : ", ");
		sql_put_value(&s);
	}
	sql_put(&s, ")");
	int err = s.bad ? ERR_LIMIT : prepare(db, s.text, &stmt);
	if (err)
		return err;
	int code = bind_set(stmt, set, &next);
	if (!code)
		code = sqlite3_step(stmt);
	*n = sqlite3_last_insert_rowid(db->handle);
	return finish(db, stmt, code);
}

static int sqlite_update(struct db *base, enum db_table table, const struct db_where *where,
	const struct db_set *set, long long *changed)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	struct sql s = { 0 };
	sqlite3_stmt *stmt;
	int next;
	sql_put(&s, "UPDATE ");
	sql_put(&s, db_schema[table].name);
	for (const struct db_set *c = set; c->column; c++) {
		sql_put(&s, c == set ? " SET " : ", ");
		sql_put(&s, column_name(table, c->column));
		sql_put(&s, " = ");
		sql_put_value(&s);
	}
	put_where(&s, table, where);
	int err = s.bad ? ERR_LIMIT : prepare(db, s.text, &stmt);
	if (err)
		return err;
	int code = bind_set(stmt, set, &next);
	if (!code)
		code = bind_where(stmt, next, where, &next);
	if (!code)
		code = sqlite3_step(stmt);
	*changed = sqlite3_changes64(db->handle);
	return finish(db, stmt, code);
}

static int sqlite_remove(struct db *base, enum db_table table, const struct db_where *where,
	long long limit, long long *removed)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	struct sql s = { 0 };
	sqlite3_stmt *stmt;
	int next;
	sql_put(&s, "DELETE FROM ");
	sql_put(&s, db_schema[table].name);
	if (limit > 0) {
		sql_put(&s, " WHERE n IN (SELECT n FROM ");
		sql_put(&s, db_schema[table].name);
	}
	put_where(&s, table, where);
	if (limit > 0) {
		sql_put(&s, " ORDER BY n LIMIT ");
		sql_put_value(&s);
		sql_put(&s, ")");
	}
	int err = s.bad ? ERR_LIMIT : prepare(db, s.text, &stmt);
	if (err)
		return err;
	int code = bind_where(stmt, 1, where, &next);
	if (!code && limit > 0)
		code = bind(stmt, next, db_int(limit));
	if (!code)
		code = sqlite3_step(stmt);
	*removed = sqlite3_changes64(db->handle);
	return finish(db, stmt, code);
}

static void put_select(struct sql *s, const struct db_query *q)
{
	const struct db_table_def *t = &db_schema[q->table];
	for (int i = 0; i < t->n_columns; i++) {
		sql_put(s, i == 0 ? "SELECT " : ", ");
		sql_put(s, t->columns[i].name);
	}
	sql_put(s, " FROM ");
	sql_put(s, t->name);
	put_where(s, q->table, q->where);
	sql_put(s, " ORDER BY ");
	if (q->order) {
		sql_put(s, column_name(q->table, q->order));
		sql_put(s, q->descending ? " DESC, " : ", ");
	}
	sql_put(s, q->descending ? "n DESC LIMIT " : "n LIMIT ");
	sql_put_value(s);
	sql_put(s, " OFFSET ");
	sql_put_value(s);
}

/* A row's copy in the arena. NULL: no memory. */
static const struct db_value *take_row(
	sqlite3_stmt *stmt, int n_columns, struct arena *a, size_t *bytes)
{
	struct db_value *row = arena_take(a, (size_t)n_columns * sizeof(*row));
	for (int i = 0; row && i < n_columns; i++) {
		row[i] = db_null();
		if (sqlite3_column_type(stmt, i) == SQLITE_INTEGER) {
			row[i] = db_int(sqlite3_column_int64(stmt, i));
		} else if (sqlite3_column_type(stmt, i) == SQLITE_TEXT) {
			const char *text = (const char *)sqlite3_column_text(stmt, i);
			size_t n = (size_t)sqlite3_column_bytes(stmt, i);
			row[i] = db_text(text ? arena_text(a, text, n) : NULL);
			*bytes += n;
			if (!row[i].text)
				return NULL;
		}
	}
	return row;
}

static int grow(struct arena *a, struct db_rows *rows, size_t *cap)
{
	if (rows->n < *cap)
		return OK;
	size_t more = *cap ? *cap * 4 : 8;
	const struct db_value **row = arena_take(a, more * sizeof(*row));
	if (!row)
		return ERR_NOMEM;
	if (rows->n > 0)
		memcpy(row, rows->row, rows->n * sizeof(*row));
	rows->row = row;
	*cap = more;
	return OK;
}

static int sqlite_select(
	struct db *base, const struct db_query *q, struct arena *a, struct db_rows *rows)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	struct sql s = { 0 };
	sqlite3_stmt *stmt;
	size_t bytes = 0, cap = 0;
	int next, err;
	put_select(&s, q);
	err = s.bad ? ERR_LIMIT : prepare(db, s.text, &stmt);
	if (err)
		return err;
	int code = bind_where(stmt, 1, q->where, &next);
	if (!code)
		code = bind(stmt, next, db_int(q->limit > 0 ? q->limit : -1));
	if (!code)
		code = bind(stmt, next + 1, db_int(q->offset));
	while (!code && !err && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		err = grow(a, rows, &cap);
		const struct db_value *row =
			err ? NULL : take_row(stmt, db_schema[q->table].n_columns, a, &bytes);
		if (!row)
			err = ERR_NOMEM;
		else
			rows->row[rows->n++] = row;
		code = SQLITE_OK;
		if (q->max_bytes && bytes >= q->max_bytes)
			break;
	}
	int result = finish(db, stmt, code);
	return err ? err : result;
}

static int sqlite_count(
	struct db *base, enum db_table table, const struct db_where *where, long long *n)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	struct sql s = { 0 };
	sqlite3_stmt *stmt;
	int next;
	sql_put(&s, "SELECT count(*) FROM ");
	sql_put(&s, db_schema[table].name);
	put_where(&s, table, where);
	int err = s.bad ? ERR_LIMIT : prepare(db, s.text, &stmt);
	if (err)
		return err;
	int code = bind_where(stmt, 1, where, &next);
	if (!code && (code = sqlite3_step(stmt)) == SQLITE_ROW)
		*n = sqlite3_column_int64(stmt, 0);
	return finish(db, stmt, code);
}

static int sqlite_begin(struct db *base)
{
	return db_sqlite_run((struct db_sqlite *)base, "BEGIN IMMEDIATE");
}

/* SQLite may have rolled back by itself after a full disk. */
static void sqlite_rollback(struct db *base)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	if (!sqlite3_get_autocommit(db->handle) && db_sqlite_run(db, "ROLLBACK") != OK)
		forget_statements(db);
}

static int sqlite_commit(struct db *base)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	if (sqlite3_get_autocommit(db->handle))
		return ERR_IO; /* lost before */
	return db_sqlite_run(db, "COMMIT");
}

static int sqlite_mark(struct db *base)
{
	return db_sqlite_run((struct db_sqlite *)base, "SAVEPOINT mark");
}

static int sqlite_keep(struct db *base)
{
	return db_sqlite_run((struct db_sqlite *)base, "RELEASE mark");
}

static int sqlite_revert(struct db *base)
{
	int err = db_sqlite_run((struct db_sqlite *)base, "ROLLBACK TO mark");
	return err ? err : sqlite_keep(base);
}

static void sqlite_close(struct db *base)
{
	struct db_sqlite *db = (struct db_sqlite *)base;
	forget_statements(db);
	sqlite3_close(db->handle);
	free(db);
}

const struct db_ops db_sqlite_ops = {
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.mark = sqlite_mark,
	.keep = sqlite_keep,
	.revert = sqlite_revert,
	.insert = sqlite_insert,
	.update = sqlite_update,
	.remove = sqlite_remove,
	.select = sqlite_select,
	.count = sqlite_count,
	.close = sqlite_close,
};
