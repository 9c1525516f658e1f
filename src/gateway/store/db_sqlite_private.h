#pragma once
#include <sqlite3.h>
#include <stdint.h>

#include "gateway/store/db.h"

/* The back end's inside: opening and statements are two files. */
enum { SQL_MAX = 2048, SQLITE_STATEMENTS = 192 };

struct sqlite_statement {
	char *text; /* owned; NULL: free */
	sqlite3_stmt *stmt;
};

struct db_sqlite {
	struct db base;
	sqlite3 *handle;
	struct sqlite_statement statements[SQLITE_STATEMENTS]; /* by hash of the text */
	int n_statements;
};

/* A statement's text as it grows; `bad` when it does not fit. */
struct sql {
	char text[SQL_MAX];
	size_t len;
	bool bad;
	int n_values; /* numbered so far */
};

void sql_put(struct sql *s, const char *text);
void sql_put_value(struct sql *s); /* "?12" */

/* What SQLite's code means here. */
int db_sqlite_result(struct db_sqlite *db, int code);
/* Runs a text without values that gives no rows. */
int db_sqlite_run(struct db_sqlite *db, const char *text);
extern const struct db_ops db_sqlite_ops;
