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
