#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "gateway/store/arena.h"
#include "gateway/store/db_schema.h"

/* Records in tables, behind which SQLite or plain memory stands. One thread.
 *
 * What is changed is changed inside db_begin() ... db_commit(), and one level of
 * db_mark() ... db_keep() or db_revert() inside that. Results: OK, DB_NONE,
 * DB_TAKEN, or ERR_NOMEM, ERR_LIMIT (the disk is full), ERR_IO. After one of
 * these the transaction may be lost: call db_rollback(). */
enum { DB_NONE = 1, DB_TAKEN = 2 };

enum db_kind { DB_NULL, DB_INT, DB_TEXT };

struct db_value {
	enum db_kind kind;
	long long i;
	const char *text; /* borrowed */
};

static inline struct db_value db_int(long long i)
{
	return (struct db_value){ .kind = DB_INT, .i = i };
}

static inline struct db_value db_text(const char *text) /* NULL: DB_NULL */
{
	return (struct db_value){ .kind = text ? DB_TEXT : DB_NULL, .text = text };
}

static inline struct db_value db_null(void)
{
	return (struct db_value){ .kind = DB_NULL };
}

/* Conditions are an array ended by DB_END; all must hold, but for those joined to
 * the next by or_next. NULL never fits a comparison. */
enum db_test {
	DB_END,
	DB_EQ,
	DB_NE,
	DB_LT,
	DB_LE,
	DB_GT,
	DB_GE,
	DB_IS_NULL,
	DB_NOT_NULL,
	DB_HOLDS,       /* the text holds this one */
	DB_HOLDS_LOWER, /* the same in ASCII lower case; the value is lower case already */
};

struct db_where {
	int column;
	enum db_test test;
	struct db_value value;
	bool or_next;
};

struct db_set { /* an array ended by column 0 */
	int column;
	struct db_value value;
};

struct db_query {
	enum db_table table;
	const struct db_where *where; /* NULL: all */
	int order;                    /* column, then as inserted; 0: as inserted */
	bool descending;              /* both */
	long long limit, offset;      /* limit 0: all */
	size_t max_bytes;             /* 0: no limit; else ends after the row that reaches it */
};

struct db_rows {
	size_t n;
	const struct db_value **row; /* of the table's columns; in the arena */
};

struct db {
	const struct db_ops *ops;
};

struct db_ops {
	int (*begin)(struct db *db);
	int (*commit)(struct db *db);
	void (*rollback)(struct db *db);
	int (*mark)(struct db *db);
	int (*keep)(struct db *db);
	int (*revert)(struct db *db);
	int (*insert)(struct db *db, enum db_table table, const struct db_set *set, long long *n);
	int (*update)(struct db *db, enum db_table table, const struct db_where *where,
		const struct db_set *set, long long *changed);
	int (*remove)(struct db *db, enum db_table table, const struct db_where *where,
		long long limit, long long *removed);
	int (*select)(
		struct db *db, const struct db_query *q, struct arena *a, struct db_rows *rows);
	int (*count)(
		struct db *db, enum db_table table, const struct db_where *where, long long *n);
	void (*close)(struct db *db);
};

enum { DB_ERROR_MAX = 400 };

/* `path` is the file's, in a folder that is judged already. NULL: `error` says
 * what is wrong and what to do. */
struct db *db_sqlite_open(const char *path, char error[DB_ERROR_MAX]);
struct db *db_ram_open(void); /* NULL: no memory */
void db_close(struct db *db); /* NULL is fine; what was not committed is lost */

MUST_USE int db_begin(struct db *db);
MUST_USE int db_commit(struct db *db); /* OK: it is on the disk */
void db_rollback(struct db *db);
MUST_USE int db_mark(struct db *db);
MUST_USE int db_keep(struct db *db);
MUST_USE int db_revert(struct db *db); /* back to the mark, which is gone then */

/* *n (may be NULL) is the new row's number. DB_TAKEN: a unique column's value is. */
MUST_USE int db_insert(struct db *db, enum db_table table, const struct db_set *set, long long *n);
MUST_USE int db_update(struct db *db, enum db_table table, const struct db_where *where,
	const struct db_set *set, long long *changed);
/* The oldest `limit` of them; 0: all. */
MUST_USE int db_remove(struct db *db, enum db_table table, const struct db_where *where,
	long long limit, long long *removed);
MUST_USE int db_select(
	struct db *db, const struct db_query *q, struct arena *a, struct db_rows *rows);
MUST_USE int db_count(
	struct db *db, enum db_table table, const struct db_where *where, long long *n);
