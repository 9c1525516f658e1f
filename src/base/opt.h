#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Command line options by GNU habits, from one table. The same rows make
 * --help, the man page and shell completion (see cli/). A value goes into a
 * plain struct whose members hold the defaults beforehand.
 *
 * Known forms: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, -ab for two
 * flags, --no-name for rows that say so, -- to end the options. Operands may
 * stand anywhere. Shortened names are refused: they break when a row is added. */

enum { OPT_LIST_MAX = 16, OPT_ERROR_MAX = 256, OPT_TEXT_MAX = 96 };

struct opt_size {
	int w, h; /* pixels; 0 x 0: not given */
};

struct opt_list { /* an option that may be repeated */
	size_t n;
	const char *v[OPT_LIST_MAX]; /* borrowed from argv */
};

/* Given by the C type of the member, see OPT_AT. */
enum opt_type {
	OPT_FLAG, /* bool */
	OPT_INT,  /* int: min to max, or the index of one of `choices` */
	OPT_TEXT, /* const char *, borrowed from argv; NULL: not given */
	OPT_SIZE, /* struct opt_size, "WxH" with w and h from min to max */
	OPT_LIST, /* struct opt_list */
};

struct opt {
	const char *name; /* without dashes */
	char letter;      /* 0: none */
	const char *arg;  /* what the value is called: "FILE" (completed as one), NULL for flags */
	const char *help; /* one sentence without a full stop */
	size_t at;        /* where in the struct */
	enum opt_type type;
	int min, max;
	const char *const *choices; /* ended by NULL */
	const char *shown; /* what help shows as default; NULL: the struct's value, "": nothing */
	bool negatable;    /* a flag that has --no-name */
};

#define OPT_AT(options, member)                                                                    \
	.at = offsetof(options, member), .type = _Generic(((options *)NULL)->member,               \
		bool: OPT_FLAG,                                                                    \
		int: OPT_INT,                                                                      \
		const char *: OPT_TEXT,                                                            \
		struct opt_size: OPT_SIZE,                                                         \
		struct opt_list: OPT_LIST)

/* Rows that share a heading and a struct; commands may have groups in common. */
struct opt_group {
	const char *title;
	const struct opt *rows;
	size_t n;
};

/* A group and the struct its rows point into. */
struct opt_set {
	const struct opt_group *group;
	void *values;
};

/* Parses argv (without the program's name). Operands are moved to its front and
 * counted in *n_operands. ERR_PROTO for wrong usage, with one sentence in `error`. */
MUST_USE int opt_parse(const struct opt_set *sets, size_t n_sets, int argc, char **argv,
	int *n_operands, char error[OPT_ERROR_MAX]);

/* One option by its long name with its value as text, as a file of settings has it; a
 * flag is yes or no. `value` is borrowed for as long as the struct is used. */
MUST_USE int opt_put(const struct opt_set *sets, size_t n_sets, const char *name, const char *value,
	char error[OPT_ERROR_MAX]);

/* The row's default for help: from `shown`, else from `values`; "" when there is none. */
void opt_default(const struct opt *o, const void *values, char out[OPT_TEXT_MAX]);

/* The nearest of n names to a mistyped one, or NULL when none is near. */
const char *opt_nearest(const char *typed, const char *const *names, size_t n);
