#include "base/shape.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An object is kept and answered with more around it, which readers must still take. */
enum { ID_MAX = 50, ITEM_MAX = 100, LEVELS_MAX = JSON_DEPTH_MAX / 2 };

/* Characters of UTF-8: what is not a continuation byte. */
static long long count_characters(const char *text)
{
	long long n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

PRINTF_LIKE(2, 3) static struct json *refuse(char *error, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(error, SHAPE_ERROR_MAX, fmt, args);
	va_end(args);
	return NULL;
}

static struct json *refuse_choice(const struct shape_field *f, char *error)
{
	refuse(error, "%s must be one of", f->name);
	for (const char *const *c = f->choices; *c; c++) {
		size_t len = strlen(error);
		snprintf(error + len, SHAPE_ERROR_MAX - len, "%s %s", c == f->choices ? "" : ",",
			*c);
	}
	return NULL;
}

static bool is_choice(const char *const *choices, const char *text)
{
	while (*choices && strcmp(*choices, text) != 0)
		choices++;
	return *choices;
}

static struct json *take_text(const struct shape_field *f, struct json_ref v, char *error)
{
	const char *text = json_text(v);
	if (f->choices && (!text || !is_choice(f->choices, text)))
		return refuse_choice(f, error);
	long long n = text ? count_characters(text) : 0;
	if (!text || (!f->choices && (n < f->min || n > f->max)))
		return refuse(error, "%s must be a text of %lld to %lld characters", f->name,
			f->min, f->max);
	return json_clone(v);
}

bool shape_is_id(const char *text)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t n = strspn(text, allowed);
	return n >= 1 && n <= ID_MAX && text[n] == '\0';
}

static struct json *take_id(const struct shape_field *f, struct json_ref v, char *error)
{
	const char *text = json_text(v);
	if (!text || !shape_is_id(text))
		return refuse(error, "%s must be 1 to %d of A-Z a-z 0-9 _ -", f->name, ID_MAX);
	return json_clone(v);
}

/* At most 18 digits, so that it fits. */
static bool parse_digits(const char *text, long long *out)
{
	bool negative = *text == '-';
	text += negative;
	size_t n = strspn(text, "0123456789");
	if (n < 1 || n > 18 || text[n])
		return false;
	*out = strtoll(text, NULL, 10) * (negative ? -1 : 1);
	return true;
}

static struct json *take_int(const struct shape_field *f, struct json_ref v, char *error)
{
	long long value = json_int(v, 0);
	bool fits = json_kind_of(v) == JSON_TYPE_INT ||
		    (f->loose && json_text(v) && parse_digits(json_text(v), &value));
	if (!fits || value < f->min || value > f->max)
		return refuse(error, "%s must be a whole number from %lld to %lld", f->name, f->min,
			f->max);
	return json_make_int(value);
}

static struct json *take_bool(const struct shape_field *f, struct json_ref v, char *error)
{
	const char *text = f->loose ? json_text(v) : NULL;
	bool yes = text && !strcmp(text, "true"), no = text && !strcmp(text, "false");
	if (!yes && !no && json_kind_of(v) != JSON_TYPE_BOOL)
		return refuse(error, "%s must be true or false", f->name);
	return json_make_bool(json_bool(v, yes));
}

static struct json *take_texts(const struct shape_field *f, struct json_ref v, char *error)
{
	bool fits = json_kind_of(v) == JSON_TYPE_LIST && (unsigned long long)f->max >= json_len(v);
	for (size_t i = 0; fits && i < json_len(v); i++) {
		const char *text = json_text(json_at(v, i));
		fits = text && count_characters(text) <= ITEM_MAX;
	}
	if (!fits)
		return refuse(error,
			"%s must be a list of at most %lld texts of at most %d "
			"characters",
			f->name, f->max, ITEM_MAX);
	return json_clone(v);
}

static struct json *take_object(const struct shape_field *f, struct json_ref v, char *error)
{
	if (json_kind_of(v) != JSON_TYPE_OBJECT)
		return refuse(error, "%s must be an object", f->name);
	if (json_levels(v) > LEVELS_MAX)
		return refuse(
			error, "%s must be an object of at most %d levels", f->name, LEVELS_MAX);
	struct json *copy = json_clone(v);
	char *text = json_print(copy, false);
	bool fits = text && strlen(text) <= (unsigned long long)f->max;
	if (text && !fits)
		refuse(error, "%s must be an object of at most %lld bytes", f->name, f->max);
	free(text);
	if (fits)
		return copy;
	json_drop(copy);
	return NULL;
}

static struct json *take_value(const struct shape_field *f, struct json_ref v, char *error)
{
	switch (f->type) {
	case SHAPE_TEXT: return take_text(f, v, error);
	case SHAPE_ID: return take_id(f, v, error);
	case SHAPE_INT: return take_int(f, v, error);
	case SHAPE_BOOL: return take_bool(f, v, error);
	case SHAPE_TEXTS: return take_texts(f, v, error);
	case SHAPE_OBJECT: return take_object(f, v, error);
	default: return json_clone(v);
	}
}

static bool is_there(struct json_ref v)
{
	return json_kind_of(v) > JSON_TYPE_NULL;
}

struct json *shape_take(const struct shape *s, struct json_ref from, char error[SHAPE_ERROR_MAX])
{
	error[0] = '\0';
	if (from.value && json_kind_of(from) != JSON_TYPE_OBJECT)
		return refuse(error, "The request must be a JSON object");
	struct json *out = json_make_object();
	for (size_t i = 0; i < s->n; i++) {
		const struct shape_field *f = &s->fields[i];
		struct json_ref v = json_get(from, f->name);
		if (!is_there(v) && f->other_name)
			v = json_get(from, f->other_name);
		if (is_there(v))
			json_put(out, f->name, take_value(f, v, error));
		else if (f->required)
			refuse(error, "%s is required", f->name);
		if (error[0])
			break;
	}
	if (!error[0] && json_of(out).value)
		return out;
	json_drop(out);
	return NULL;
}
