#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/* What a JSON object from outside must look like, as a table. The same rows
 * check a request's body and what the store process is asked. */
enum shape_type {
	SHAPE_TEXT, /* min to max characters of UTF-8 */
	SHAPE_ID,   /* 1 to 50 of A-Z a-z 0-9 _ - */
	SHAPE_INT,  /* min to max; a text of digits goes too where `loose` is set */
	SHAPE_BOOL,
	SHAPE_TEXTS,  /* a list of at most max texts of at most 100 characters each */
	SHAPE_OBJECT, /* any object of 16 levels that prints to at most max bytes */
	SHAPE_ANY,
};

struct shape_field {
	const char *name;
	const char *other_name; /* another spelling that is accepted, or NULL */
	enum shape_type type;
	long long min, max;
	bool required; /* a JSON null counts as absent */
	bool loose;
	const char *const *choices; /* of a text; ended by NULL */
};

struct shape {
	const struct shape_field *fields;
	size_t n;
};

enum { SHAPE_ERROR_MAX = 200 };

/* A text as SHAPE_ID has it, which may stand in a path as it is. */
bool shape_is_id(const char *text);

/* A new object with the fields of the table only, under their first names; what
 * it does not know is left out. NULL: `error` says which field must be what, or
 * is "" when memory ran out. Anything but an object is refused; a reference to
 * nothing counts as an empty one. */
struct json *shape_take(const struct shape *s, struct json_ref from, char error[SHAPE_ERROR_MAX]);
