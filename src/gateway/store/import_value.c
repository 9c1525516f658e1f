#include "gateway/store/import_value.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/shape.h"

struct db_value import_time(struct db_value v, struct db_value otherwise)
{
	const long long milliseconds = 100000000000; /* in seconds that is the year 5138 */
	struct tm tm = { 0 };
	if (v.kind == DB_INT && v.i > 0)
		return db_int(v.i >= milliseconds ? v.i / 1000 : v.i);
	if (v.kind != DB_TEXT || strlen(v.text) < 19 || !strchr(" T", v.text[10]))
		return otherwise;
	if (sscanf(v.text, "%4d-%2d-%2d%*1c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		    &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return otherwise;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
		tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
		tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return otherwise;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return db_int((long long)timegm(&tm));
}

static bool is_utf8(const char *text)
{
	struct json *j = json_make_text(text);
	json_drop(j);
	return j != NULL;
}

struct db_value import_text(struct arena *a, struct db_value v, size_t max)
{
	if (v.kind == DB_INT)
		return db_text(arena_print(a, "%lld", v.i));
	if (v.kind != DB_TEXT || !is_utf8(v.text))
		return db_null();
	size_t n = strlen(v.text), at = 0;
	if (n <= max)
		return v;
	for (size_t characters = 0; v.text[at]; at++)
		if (((unsigned char)v.text[at] & 0xc0) != 0x80 && characters++ == max)
			break;
	return at == n ? v : db_text(arena_text(a, v.text, at));
}

struct db_value import_json(struct db_value v, enum json_kind kind)
{
	char problem[JSON_PROBLEM_MAX];
	if (v.kind != DB_TEXT)
		return db_null();
	struct json *j = json_parse(v.text, strlen(v.text), problem);
	bool fits = json_kind_of(json_of(j)) == kind;
	json_drop(j);
	return fits ? v : db_null();
}

bool import_is_id(struct db_value v)
{
	return v.kind == DB_TEXT && shape_is_id(v.text);
}
