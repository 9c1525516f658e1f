#include "gateway/store/db.h"

void db_close(struct db *db)
{
	if (db)
		db->ops->close(db);
}

int db_begin(struct db *db)
{
	return db->ops->begin(db);
}

int db_commit(struct db *db)
{
	return db->ops->commit(db);
}

void db_rollback(struct db *db)
{
	db->ops->rollback(db);
}

int db_mark(struct db *db)
{
	return db->ops->mark(db);
}

int db_keep(struct db *db)
{
	return db->ops->keep(db);
}

int db_revert(struct db *db)
{
	return db->ops->revert(db);
}

int db_insert(struct db *db, enum db_table table, const struct db_set *set, long long *n)
{
	long long unwanted;
	return db->ops->insert(db, table, set, n ? n : &unwanted);
}

int db_update(struct db *db, enum db_table table, const struct db_where *where,
	const struct db_set *set, long long *changed)
{
	long long unwanted;
	return db->ops->update(db, table, where, set, changed ? changed : &unwanted);
}

int db_remove(struct db *db, enum db_table table, const struct db_where *where, long long limit,
	long long *removed)
{
	long long unwanted;
	return db->ops->remove(db, table, where, limit, removed ? removed : &unwanted);
}

int db_select(struct db *db, const struct db_query *q, struct arena *a, struct db_rows *rows)
{
	*rows = (struct db_rows){ 0 };
	return db->ops->select(db, q, a, rows);
}

int db_count(struct db *db, enum db_table table, const struct db_where *where, long long *n)
{
	*n = 0;
	return db->ops->count(db, table, where, n);
}
