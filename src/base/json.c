#include "base/json.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json {
	json_t *value; /* owned */
	bool bad;      /* something could not be put in */
};

static struct json *wrap(json_t *value)
{
	struct json *j = calloc(1, sizeof(*j));
	if (!j || !value) {
		json_decref(value);
		free(j);
		return NULL;
	}
	j->value = value;
	return j;
}

struct json *json_make_object(void)
{
	return wrap(json_object());
}

struct json *json_make_list(void)
{
	return wrap(json_array());
}

struct json *json_make_text(const char *utf8)
{
	return wrap(json_string(utf8));
}

struct json *json_make_int(long long value)
{
	return wrap(json_integer(value));
}

struct json *json_make_bool(bool value)
{
	return wrap(json_boolean(value));
}

struct json *json_make_null(void)
{
	return wrap(json_null());
}

void json_drop(struct json *j)
{
	if (!j)
		return;
	json_decref(j->value);
	free(j);
}

/* Takes `value`; json_object_set_new() refuses NULL and does not leak. */
static void put(struct json *object, const char *key, json_t *value)
{
	if (!object)
		json_decref(value);
	else if (json_object_set_new(object->value, key, value))
		object->bad = true;
}

void json_put_text(struct json *object, const char *key, const char *utf8)
{
	put(object, key, json_string(utf8));
}

void json_put_int(struct json *object, const char *key, long long value)
{
	put(object, key, json_integer(value));
}

void json_put_real(struct json *object, const char *key, double value)
{
	put(object, key, json_real(value));
}

void json_put_bool(struct json *object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

/* The inner value of a wrapper that is no longer needed. */
static json_t *unwrap(struct json *j, bool *bad)
{
	json_t *value = j ? json_incref(j->value) : NULL;
	*bad |= !j || j->bad;
	json_drop(j);
	return value;
}

void json_put(struct json *object, const char *key, struct json *value)
{
	bool bad = false;
	put(object, key, unwrap(value, &bad));
	if (object)
		object->bad |= bad;
}

void json_add(struct json *list, struct json *value)
{
	bool bad = false;
	json_t *inner = unwrap(value, &bad);
	if (!list)
		json_decref(inner);
	else if (json_array_append_new(list->value, inner) || bad)
		list->bad = true;
}

char *json_print(const struct json *j, bool indented)
{
	if (!j || j->bad)
		return NULL;
	/* Not json_dumps(): that one drops pieces when memory runs out. */
	size_t flags = JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY | (indented ? JSON_INDENT(2) : 0);
	size_t len = json_dumpb(j->value, NULL, 0, flags);
	char *text = len ? malloc(len + 1) : NULL;
	if (!text)
		return NULL;
	if (json_dumpb(j->value, text, len, flags) != len) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* An empty list or object is two bytes and becomes hundreds in memory, so a text may
 * have as many of them as people's JSON has and no more. */
enum { FEW_CONTAINERS = 10000, BYTES_A_CONTAINER = 32 };

static bool is_too_crowded(const char *text, size_t n)
{
	size_t containers = 0;
	bool in_text = false;
	for (size_t i = 0; i < n; i++) {
		if (in_text && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_text = !in_text;
		else
			containers += !in_text && (text[i] == '[' || text[i] == '{');
	}
	return containers > FEW_CONTAINERS + n / BYTES_A_CONTAINER;
}

/* jansson's own limit is 2048 levels. Brackets in texts do not count; what is not
 * JSON at all is found by it later. */
static bool is_too_deep(const char *text, size_t n, int levels_max)
{
	int depth = 0;
	bool in_text = false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (in_text && c == '\\')
			i++;
		else if (c == '"')
			in_text = !in_text;
		else if (!in_text && (c == '[' || c == '{') && ++depth > levels_max)
			return true;
		else if (!in_text && (c == ']' || c == '}'))
			depth--;
	}
	return false;
}

/* jansson quotes what it stopped at, perhaps half a character of it. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

struct json *json_parse_levels(
	const void *text, size_t n, int levels_max, char problem[JSON_PROBLEM_MAX])
{
	if (is_too_deep(text, n, levels_max)) {
		snprintf(problem, JSON_PROBLEM_MAX, "JSON of more than %d levels", levels_max);
		return NULL;
	}
	if (is_too_crowded(text, n)) {
		snprintf(problem, JSON_PROBLEM_MAX, "JSON of too many lists and objects");
		return NULL;
	}
	/* jansson takes a NUL for the end. */
	if (n > 0 && memchr(text, '\0', n)) {
		snprintf(problem, JSON_PROBLEM_MAX, "Not JSON: it holds a byte 0");
		return NULL;
	}
	json_error_t error;
	json_t *value =
		json_loadb(n > 0 ? text : "", n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!value) {
		snprintf(problem, JSON_PROBLEM_MAX, "Not JSON at line %d, column %d: %.100s",
			error.line, error.column, error.text);
		make_printable(problem);
		return NULL;
	}
	struct json *j = wrap(value);
	if (!j)
		snprintf(problem, JSON_PROBLEM_MAX, "Out of memory");
	return j;
}

struct json *json_parse(const void *text, size_t n, char problem[JSON_PROBLEM_MAX])
{
	return json_parse_levels(text, n, JSON_DEPTH_MAX, problem);
}

static struct json_ref ref(const json_t *value)
{
	return (struct json_ref){ .value = value };
}

struct json_ref json_of(const struct json *j)
{
	return ref(j && !j->bad ? j->value : NULL);
}

enum json_kind json_kind_of(struct json_ref r)
{
	if (!r.value)
		return JSON_TYPE_NONE;
	switch (json_typeof((const json_t *)r.value)) {
	case JSON_OBJECT: return JSON_TYPE_OBJECT;
	case JSON_ARRAY: return JSON_TYPE_LIST;
	case JSON_STRING: return JSON_TYPE_TEXT;
	case JSON_INTEGER: return JSON_TYPE_INT;
	case JSON_REAL: return JSON_TYPE_REAL;
	case JSON_TRUE:
	case JSON_FALSE: return JSON_TYPE_BOOL;
	default: return JSON_TYPE_NULL;
	}
}

/* jansson's questions answer 0 or NULL for NULL and for another type. */
struct json_ref json_get(struct json_ref object, const char *key)
{
	return ref(json_object_get(object.value, key));
}

struct json_ref json_at(struct json_ref list, size_t i)
{
	return ref(json_array_get(list.value, i));
}

size_t json_len(struct json_ref r)
{
	return json_kind_of(r) == JSON_TYPE_LIST ? json_array_size(r.value)
						 : json_object_size(r.value);
}

const char *json_text(struct json_ref r)
{
	return json_string_value(r.value);
}

long long json_int(struct json_ref r, long long otherwise)
{
	return json_kind_of(r) == JSON_TYPE_INT ? json_integer_value(r.value) : otherwise;
}

/* What was parsed has few levels. */
int json_levels(struct json_ref r)
{
	json_t *value = (json_t *)(uintptr_t)r.value, *item;
	const char *key;
	size_t i;
	int most = 0, n;
	if (!json_is_array(value) && !json_is_object(value))
		return 0;
	json_array_foreach(value, i, item)
	{
		n = json_levels(ref(item));
		most = n > most ? n : most;
	}
	json_object_foreach(value, key, item)
	{
		n = json_levels(ref(item));
		most = n > most ? n : most;
	}
	return most + 1;
}

double json_number(struct json_ref r, double otherwise)
{
	const json_t *value = r.value;
	return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool json_bool(struct json_ref r, bool otherwise)
{
	const json_t *value = r.value;
	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

const char *json_get_text(struct json_ref object, const char *key)
{
	return json_text(json_get(object, key));
}

void json_each(struct json_ref object,
	bool (*member)(void *ctx, const char *key, struct json_ref v), void *ctx)
{
	/* The iterator's type is not const, though nothing is changed. */
	json_t *o = (json_t *)(uintptr_t)object.value;
	const char *key;
	json_t *value;
	json_object_foreach(o, key, value)
	{
		if (!member(ctx, key, ref(value)))
			return;
	}
}

struct json *json_clone(struct json_ref r)
{
	return r.value ? wrap(json_deep_copy(r.value)) : NULL;
}
