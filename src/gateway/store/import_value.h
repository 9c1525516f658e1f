#pragma once
#include "gateway/store/op.h"

/* Values of another gateway's database as we keep them. */

/* Seconds: a number of seconds or milliseconds, or a date as SQLite or JavaScript
 * writes it, UTC; `otherwise` for anything else. */
struct db_value import_time(struct db_value v, struct db_value otherwise);
/* Text that is UTF-8, cut after max characters; a null value otherwise. */
struct db_value import_text(struct arena *a, struct db_value v, size_t max);
/* Text that is JSON of that kind. */
struct db_value import_json(struct db_value v, enum json_kind kind);
bool import_is_id(struct db_value v);
