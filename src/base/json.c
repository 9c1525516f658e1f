#include "base/json.h"

#include <jansson.h>
#include <stdlib.h>

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
	size_t flags = JSON_REAL_PRECISION(6) | (indented ? JSON_INDENT(2) : 0);
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
