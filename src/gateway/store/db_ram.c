#include <stdlib.h>
#include <string.h>

#include "gateway/store/db.h"

/* A row and its texts in one block. */
struct ram_row {
	size_t size; /* of the block */
	struct db_value values[];
};

struct ram_table {
	struct ram_row **rows; /* by n, ascending */
	size_t n, cap;
	long long last;
};

/* How to take a change back: put `row` in place of the row number n (NULL: only
 * remove it). */
struct ram_undo {
	enum db_table table;
	long long n;
	struct ram_row *row;
};

struct db_ram {
	struct db base;
	struct ram_table tables[DB_TABLES];
	struct ram_undo *undo;
	size_t n_undo, cap_undo;
	size_t mark;
};

static struct ram_row *make_row(const struct db_value *values, int n_columns)
{
	size_t size = sizeof(struct ram_row) + (size_t)n_columns * sizeof(*values), at = size;
	for (int i = 0; i < n_columns; i++)
		size += values[i].kind == DB_TEXT ? strlen(values[i].text) + 1 : 0;
	struct ram_row *row = malloc(size);
	if (!row)
		return NULL;
	row->size = size;
	memcpy(row->values, values, (size_t)n_columns * sizeof(*values));
	for (int i = 0; i < n_columns; i++) {
		if (values[i].kind != DB_TEXT)
			continue;
		size_t n = strlen(values[i].text) + 1;
		row->values[i].text = memcpy((char *)row + at, values[i].text, n);
		at += n;
	}
	return row;
}

/* The first row whose number is n or more. */
static size_t find_row(const struct ram_table *t, long long n)
{
	size_t low = 0, high = t->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->rows[middle]->values[0].i < n)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void lower(const char *text, char *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
}

static bool holds_lower(const char *text, const char *part)
{
	size_t n = strlen(text) + 1;
	char *copy = malloc(n);
	if (!copy)
		return false;
	lower(text, copy, n);
	bool found = strstr(copy, part) != NULL;
	free(copy);
	return found;
}

static int compare(struct db_value a, struct db_value b)
{
	if (a.kind != b.kind)
		return a.kind < b.kind ? -1 : 1;
	if (a.kind == DB_TEXT)
		return strcmp(a.text, b.text);
	return a.i < b.i ? -1 : a.i > b.i;
}

static bool fits(struct db_value v, const struct db_where *w)
{
	if (w->test == DB_IS_NULL || w->test == DB_NOT_NULL)
		return (v.kind == DB_NULL) == (w->test == DB_IS_NULL);
	if (v.kind == DB_NULL || w->value.kind == DB_NULL)
		return false;
	int order = compare(v, w->value);
	switch (w->test) {
	case DB_EQ: return order == 0;
	case DB_NE: return order != 0;
	case DB_LT: return order < 0;
	case DB_LE: return order <= 0;
	case DB_GT: return order > 0;
	case DB_GE: return order >= 0;
	case DB_HOLDS: return v.kind == DB_TEXT && strstr(v.text, w->value.text);
	default: return v.kind == DB_TEXT && holds_lower(v.text, w->value.text);
	}
}

static bool row_fits(const struct ram_row *row, const struct db_where *w)
{
	for (; w && w->test != DB_END; w++) {
		bool any = fits(row->values[w->column], w);
		for (; w->or_next; w++)
			any |= fits(row->values[w[1].column], w + 1);
		if (!any)
			return false;
	}
	return true;
}

/* Takes `row`, which is what was there before. */
static int remember(struct db_ram *db, enum db_table table, long long n, struct ram_row *row)
{
	if (db->n_undo == db->cap_undo) {
		size_t cap = db->cap_undo ? 2 * db->cap_undo : 64;
		struct ram_undo *undo = realloc(db->undo, cap * sizeof(*undo));
		if (!undo)
			return ERR_NOMEM;
		db->undo = undo;
		db->cap_undo = cap;
	}
	db->undo[db->n_undo++] = (struct ram_undo){ table, n, row };
	return OK;
}

static void unlink_row(struct ram_table *t, size_t at)
{
	t->n--;
	memmove(t->rows + at, t->rows + at + 1, (t->n - at) * sizeof(*t->rows));
}

/* There is room: a row was there before. */
static void link_row(struct ram_table *t, size_t at, struct ram_row *row)
{
	memmove(t->rows + at + 1, t->rows + at, (t->n - at) * sizeof(*t->rows));
	t->rows[at] = row;
	t->n++;
}

static void undo_to(struct db_ram *db, size_t mark)
{
	while (db->n_undo > mark) {
		struct ram_undo *u = &db->undo[--db->n_undo];
		struct ram_table *t = &db->tables[u->table];
		size_t at = find_row(t, u->n);
		bool there = at < t->n && t->rows[at]->values[0].i == u->n;
		if (there) {
			free(t->rows[at]);
			if (u->row)
				t->rows[at] = u->row;
			else
				unlink_row(t, at);
		} else if (u->row) {
			link_row(t, at, u->row);
		}
	}
}

static void forget_undo(struct db_ram *db)
{
	for (size_t i = 0; i < db->n_undo; i++)
		free(db->undo[i].row);
	db->n_undo = db->mark = 0;
}

static bool is_taken(
	const struct ram_table *t, const struct db_table_def *def, const struct db_value *values)
{
	for (int i = 0; i < def->n_indexes; i++) {
		const int column = def->indexes[i].columns[0];
		if (!def->indexes[i].unique)
			continue;
		for (size_t r = 0; r < t->n; r++)
			if (t->rows[r]->values[0].i != values[0].i &&
				values[column].kind != DB_NULL &&
				compare(t->rows[r]->values[column], values[column]) == 0)
				return true;
	}
	return false;
}

/* SQLite's NOT NULL. */
static bool is_whole(const struct db_table_def *def, const struct db_value *values)
{
	for (int i = 0; i < def->n_columns; i++)
		if (def->columns[i].required && values[i].kind == DB_NULL)
			return false;
	return true;
}

static int ram_insert(struct db *base, enum db_table table, const struct db_set *set, long long *n)
{
	struct db_ram *db = (struct db_ram *)base;
	struct ram_table *t = &db->tables[table];
	struct db_value values[DB_COLUMNS_MAX] = { 0 };
	values[0] = db_int(t->last + 1);
	for (; set->column; set++)
		values[set->column] = set->value;
	if (!is_whole(&db_schema[table], values))
		return ERR_IO;
	if (is_taken(t, &db_schema[table], values))
		return DB_TAKEN;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct ram_row **rows = realloc(t->rows, cap * sizeof(struct ram_row *));
		if (!rows)
			return ERR_NOMEM;
		t->rows = rows;
		t->cap = cap;
	}
	struct ram_row *row = make_row(values, db_schema[table].n_columns);
	if (!row || remember(db, table, values[0].i, NULL)) {
		free(row);
		return ERR_NOMEM;
	}
	t->rows[t->n++] = row;
	*n = ++t->last;
	return OK;
}

static int ram_update(struct db *base, enum db_table table, const struct db_where *where,
	const struct db_set *set, long long *changed)
{
	struct db_ram *db = (struct db_ram *)base;
	struct ram_table *t = &db->tables[table];
	int n_columns = db_schema[table].n_columns;
	*changed = 0;
	for (size_t r = 0; r < t->n; r++) {
		struct db_value values[DB_COLUMNS_MAX];
		if (!row_fits(t->rows[r], where))
			continue;
		memcpy(values, t->rows[r]->values, (size_t)n_columns * sizeof(*values));
		for (const struct db_set *s = set; s->column; s++)
			values[s->column] = s->value;
		if (is_taken(t, &db_schema[table], values))
			return DB_TAKEN;
		struct ram_row *row = make_row(values, n_columns);
		if (!row || remember(db, table, values[0].i, t->rows[r])) {
			free(row);
			return ERR_NOMEM;
		}
		t->rows[r] = row;
		++*changed;
	}
	return OK;
}

static int ram_remove(struct db *base, enum db_table table, const struct db_where *where,
	long long limit, long long *removed)
{
	struct db_ram *db = (struct db_ram *)base;
	struct ram_table *t = &db->tables[table];
	*removed = 0;
	for (size_t r = 0; r < t->n && (limit == 0 || *removed < limit);) {
		if (!row_fits(t->rows[r], where)) {
			r++;
			continue;
		}
		if (remember(db, table, t->rows[r]->values[0].i, t->rows[r]))
			return ERR_NOMEM;
		unlink_row(t, r);
		++*removed;
	}
	return OK;
}

/* Sorted by insertion: few rows, tests only. */
static void sort_rows(const struct db_value **row, size_t n, const struct db_query *q)
{
	for (size_t i = 1; i < n; i++) {
		const struct db_value *moved = row[i];
		size_t at = i;
		for (; at > 0; at--) {
			int order = compare(row[at - 1][q->order], moved[q->order]);
			if (order == 0)
				order = compare(row[at - 1][0], moved[0]);
			if (q->descending ? order >= 0 : order <= 0)
				break;
			row[at] = row[at - 1];
		}
		row[at] = moved;
	}
}

static const struct db_value *copy_row(
	const struct ram_row *row, int n_columns, struct arena *a, size_t *bytes)
{
	struct db_value *copy = arena_take(a, (size_t)n_columns * sizeof(*copy));
	for (int i = 0; copy && i < n_columns; i++) {
		copy[i] = row->values[i];
		if (copy[i].kind != DB_TEXT)
			continue;
		size_t n = strlen(copy[i].text);
		copy[i].text = arena_text(a, copy[i].text, n);
		*bytes += n;
		if (!copy[i].text)
			return NULL;
	}
	return copy;
}

static int ram_select(
	struct db *base, const struct db_query *q, struct arena *a, struct db_rows *rows)
{
	const struct ram_table *t = &((struct db_ram *)base)->tables[q->table];
	const struct db_value **found = arena_take(a, (t->n + 1) * sizeof(*found));
	size_t n = 0, bytes = 0;
	if (!found)
		return ERR_NOMEM;
	for (size_t r = 0; r < t->n; r++)
		if (row_fits(t->rows[r], q->where))
			found[n++] = t->rows[r]->values;
	sort_rows(found, n, q);
	size_t from = (unsigned long long)q->offset < n ? (size_t)q->offset : n;
	size_t end = q->limit > 0 && (unsigned long long)q->limit < n - from
			     ? from + (size_t)q->limit
			     : n;
	rows->row = found;
	for (size_t r = from; r < end; r++) {
		const char *values = (const char *)found[r];
		const void *whole = values - offsetof(struct ram_row, values);
		found[rows->n] = copy_row(whole, db_schema[q->table].n_columns, a, &bytes);
		if (!found[rows->n++])
			return ERR_NOMEM;
		if (q->max_bytes && bytes >= q->max_bytes)
			break;
	}
	return OK;
}

static int ram_count(
	struct db *base, enum db_table table, const struct db_where *where, long long *n)
{
	const struct ram_table *t = &((struct db_ram *)base)->tables[table];
	for (size_t r = 0; r < t->n; r++)
		*n += row_fits(t->rows[r], where);
	return OK;
}

static int ram_begin(struct db *base)
{
	forget_undo((struct db_ram *)base);
	return OK;
}

static int ram_commit(struct db *base)
{
	forget_undo((struct db_ram *)base);
	return OK;
}

static void ram_rollback(struct db *base)
{
	undo_to((struct db_ram *)base, 0);
}

static int ram_mark(struct db *base)
{
	struct db_ram *db = (struct db_ram *)base;
	db->mark = db->n_undo;
	return OK;
}

static int ram_keep(struct db *base)
{
	(void)base;
	return OK;
}

static int ram_revert(struct db *base)
{
	struct db_ram *db = (struct db_ram *)base;
	undo_to(db, db->mark);
	return OK;
}

static void ram_close(struct db *base)
{
	struct db_ram *db = (struct db_ram *)base;
	forget_undo(db);
	for (int i = 0; i < DB_TABLES; i++) {
		for (size_t r = 0; r < db->tables[i].n; r++)
			free(db->tables[i].rows[r]);
		free(db->tables[i].rows);
	}
	free(db->undo);
	free(db);
}

static const struct db_ops ops = {
	.begin = ram_begin,
	.commit = ram_commit,
	.rollback = ram_rollback,
	.mark = ram_mark,
	.keep = ram_keep,
	.revert = ram_revert,
	.insert = ram_insert,
	.update = ram_update,
	.remove = ram_remove,
	.select = ram_select,
	.count = ram_count,
	.close = ram_close,
};

struct db *db_ram_open(void)
{
	struct db_ram *db = calloc(1, sizeof(*db));
	if (db)
		db->base.ops = &ops;
	return db ? &db->base : NULL;
}
