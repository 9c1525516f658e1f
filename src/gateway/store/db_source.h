#pragma once
#include "gateway/store/db.h"

/* Another program's SQLite file, to be read only. It may hold anything: views,
 * triggers and virtual tables of it are never run. */
struct db_source;

/* NULL: `error` says why. The whole file is checked first, which takes time with a
 * large one. */
struct db_source *db_source_open(const char *path, char error[DB_ERROR_MAX]);
void db_source_close(struct db_source *s); /* NULL is fine */
bool db_source_has(struct db_source *s, const char *table);

/* Calls with each row's `n` columns (at most DB_COLUMNS_MAX), which are borrowed. What
 * the table does not have, and what is neither text nor a number, is a null value;
 * a real number is cut. Names are constants of ours. Ends with the first result of
 * `row` that is not OK and returns it; ERR_PROTO: the file is damaged. */
typedef int db_source_row(void *ctx, const struct db_value *values);
MUST_USE int db_source_read(struct db_source *s, const char *table, const char *const *columns,
	int n, db_source_row *row, void *ctx);
