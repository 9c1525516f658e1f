#pragma once
#include <stdbool.h>
#include <stddef.h>

/* JSON values to print. A failed allocation makes a NULL value; putting NULL
 * anywhere, or into NULL, makes the whole tree unprintable instead of wrong:
 * look at the result of json_print() only. */
struct json;

struct json *json_make_object(void);
struct json *json_make_list(void);
struct json *json_make_text(const char *utf8); /* copied */
void json_drop(struct json *j);                /* NULL is fine */

void json_put_text(struct json *object, const char *key, const char *utf8); /* copied */
void json_put_int(struct json *object, const char *key, long long value);
void json_put_real(struct json *object, const char *key, double value); /* finite; 6 digits */
void json_put_bool(struct json *object, const char *key, bool value);
/* Both take `value`, also when they fail. */
void json_put(struct json *object, const char *key, struct json *value);
void json_add(struct json *list, struct json *value);

/* The text, indented or on one line, without a final newline; the caller frees
 * it. NULL when memory ran out or a text was not UTF-8. */
char *json_print(const struct json *j, bool indented);

/* Reading. A reference points into a tree that somebody else keeps; a missing
 * value is a reference too, whose every question has an empty answer, so a
 * path is walked without looking at each step. */
struct json_ref {
	const void *value; /* NULL: not there */
};

enum json_kind {
	JSON_TYPE_NONE, /* not there */
	JSON_TYPE_NULL,
	JSON_TYPE_BOOL,
	JSON_TYPE_INT,
	JSON_TYPE_REAL,
	JSON_TYPE_TEXT,
	JSON_TYPE_LIST,
	JSON_TYPE_OBJECT,
};

enum { JSON_DEPTH_MAX = 32, JSON_PROBLEM_MAX = 160 };

/* A text of n bytes, RFC 8259, UTF-8; any value may stand at the top. Duplicate
 * keys, NUL in texts, more than JSON_DEPTH_MAX levels and more lists and objects than
 * make sense in that length (memory: tens of bytes a byte) are refused. NULL: not
 * JSON or no memory; `problem` then says in one sentence what and where. */
struct json *json_parse(const void *text, size_t n, char problem[JSON_PROBLEM_MAX]);
/* The same with another limit of levels: for what a process of ours has put around
 * something that was parsed with the usual one. */
struct json *json_parse_levels(
	const void *text, size_t n, int levels_max, char problem[JSON_PROBLEM_MAX]);
/* Nothing for NULL, and for a tree that json_print() would refuse for memory. */
struct json_ref json_of(const struct json *j);
enum json_kind json_kind_of(struct json_ref r);
struct json_ref json_get(struct json_ref object, const char *key);
struct json_ref json_at(struct json_ref list, size_t i);
size_t json_len(struct json_ref r);       /* items of a list, members of an object, else 0 */
const char *json_text(struct json_ref r); /* NULL: no text */
long long json_int(struct json_ref r, long long otherwise);
int json_levels(struct json_ref r); /* of lists and objects in one another; a text has none */
double json_number(struct json_ref r, double otherwise); /* also of an integer */
bool json_bool(struct json_ref r, bool otherwise);
const char *json_get_text(struct json_ref object, const char *key); /* NULL: no text */
/* Calls for each member; stops when it returns false. */
void json_each(struct json_ref object,
	bool (*member)(void *ctx, const char *key, struct json_ref v), void *ctx);
/* A value of its own with the same content; NULL for nothing. */
struct json *json_clone(struct json_ref r);
struct json *json_make_int(long long value);
struct json *json_make_bool(bool value);
struct json *json_make_null(void);
