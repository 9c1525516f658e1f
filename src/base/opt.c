#include "base/opt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 32, NAMES_MAX = 128 };

struct parser {
	const struct opt_set *sets;
	size_t n_sets;
	int argc;
	char **argv;
	int at;    /* the next argument to look at */
	int found; /* operands moved to the front */
	char *error;
};

/* An option as the user wrote it, for messages: "--listen" or "-l". */
struct spelling {
	char text[NAME_MAX_LEN + 8];
};

static PRINTF_LIKE(2, 3) int refuse(struct parser *p, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(p->error, OPT_ERROR_MAX, fmt, args);
	va_end(args);
	return ERR_PROTO;
}

/* Edits (insert, remove, replace, swap neighbours) that lead from a to b. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *opt_nearest(const char *typed, const char *const *names, size_t n)
{
	size_t len = strlen(typed);
	if (len < 2 || len > NAME_MAX_LEN)
		return NULL;
	const char *best = NULL;
	size_t best_edits = len < 4 ? 2 : 3; /* one wrong of three letters, two of more */
	for (size_t i = 0; i < n; i++) {
		size_t name_len = strlen(names[i]);
		if (name_len > NAME_MAX_LEN)
			continue;
		size_t edits = distance(typed, len, names[i], name_len);
		if (edits < best_edits) {
			best = names[i];
			best_edits = edits;
		}
	}
	for (size_t i = 0; i < n && !best; i++)
		if (!strncmp(names[i], typed, len))
			best = names[i];
	return best;
}

static int refuse_unknown(struct parser *p, const char *name, size_t len)
{
	const char *names[NAMES_MAX];
	size_t n = 0;
	for (size_t s = 0; s < p->n_sets; s++)
		for (size_t i = 0; i < p->sets[s].group->n && n < NAMES_MAX; i++)
			names[n++] = p->sets[s].group->rows[i].name;

	char typed[NAME_MAX_LEN + 1];
	snprintf(typed, sizeof(typed), "%.*s", (int)(len > 99 ? 99 : len), name);
	const char *near = opt_nearest(typed, names, n);
	if (near)
		return refuse(p, "unknown option --%s; did you mean --%s?", typed, near);
	return refuse(p, "unknown option --%s", typed);
}

/* Strict decimal: digits only, no sign, no space. */
static bool parse_number(const char *text, size_t len, int min, int max, int *out)
{
	long long v = 0;
	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (text[i] - '0');
	}
	*out = (int)v;
	return v >= min && v <= max;
}

static int put_choice(
	struct parser *p, const struct opt *o, const char *as, const char *value, int *out)
{
	char known[OPT_TEXT_MAX] = "";
	size_t n = 0;
	for (int i = 0; o->choices[i]; i++) {
		if (!strcmp(o->choices[i], value)) {
			*out = i;
			return OK;
		}
		int w = snprintf(
			known + n, sizeof(known) - n, "%s%s", i ? ", " : "", o->choices[i]);
		n = n + (size_t)w < sizeof(known) ? n + (size_t)w : sizeof(known) - 1;
	}
	return refuse(p, "%s must be one of %s, not '%.64s'", as, known, value);
}

static int put_size(struct parser *p, const struct opt *o, const char *as, const char *value,
	struct opt_size *out)
{
	struct opt_size size;
	size_t w_len = strcspn(value, "x");
	if (value[w_len] != 'x' || !parse_number(value, w_len, o->min, o->max, &size.w) ||
		!parse_number(
			value + w_len + 1, strlen(value + w_len + 1), o->min, o->max, &size.h))
		return refuse(p, "%s must be WIDTHxHEIGHT, each from %d to %d, not '%.64s'", as,
			o->min, o->max, value);
	*out = size;
	return OK;
}

static int put_value(
	struct parser *p, const struct opt *o, const char *as, const char *value, void *to)
{
	switch (o->type) {
	case OPT_FLAG: break;
	case OPT_INT:
		if (o->choices)
			return put_choice(p, o, as, value, to);
		int number;
		if (!parse_number(value, strlen(value), o->min, o->max, &number))
			return refuse(p, "%s must be a number from %d to %d, not '%.64s'", as,
				o->min, o->max, value);
		*(int *)to = number;
		break;
	case OPT_TEXT: *(const char **)to = value; break;
	case OPT_SIZE: return put_size(p, o, as, value, to);
	case OPT_LIST:;
		struct opt_list *list = to;
		if (list->n == OPT_LIST_MAX)
			return refuse(p, "%s may be given %d times at most", as, OPT_LIST_MAX);
		list->v[list->n++] = value;
		break;
	}
	return OK;
}

static void *member(const struct opt_set *set, const struct opt *o)
{
	return (char *)set->values + o->at;
}

/* `value`: what follows in the same argument, or NULL: then it is the next one. */
static int take_value(struct parser *p, const struct opt_set *set, const struct opt *o,
	const char *as, const char *value)
{
	if (!value && p->at == p->argc)
		return refuse(p, "%s needs a value: %s %s", as, as, o->arg);
	if (!value)
		value = p->argv[p->at++];
	return put_value(p, o, as, value, member(set, o));
}

static bool same(const char *name, const char *typed, size_t len)
{
	return strlen(name) == len && !memcmp(name, typed, len);
}

/* Finds a row by long name; *negated tells whether it was found as --no-name. */
static const struct opt *find_long(const struct parser *p, const char *typed, size_t len,
	const struct opt_set **set, bool *negated)
{
	for (size_t s = 0; s < p->n_sets; s++) {
		const struct opt_group *g = p->sets[s].group;
		for (size_t i = 0; i < g->n; i++) {
			const struct opt *o = &g->rows[i];
			*set = &p->sets[s];
			*negated = o->negatable && len > 3 && !memcmp(typed, "no-", 3) &&
				   same(o->name, typed + 3, len - 3);
			if (*negated || same(o->name, typed, len))
				return o;
		}
	}
	return NULL;
}

static int parse_long(struct parser *p, const char *typed)
{
	size_t len = strcspn(typed, "=");
	const char *value = typed[len] ? typed + len + 1 : NULL;
	const struct opt_set *set;
	bool negated;
	const struct opt *o = find_long(p, typed, len, &set, &negated);
	if (!o)
		return refuse_unknown(p, typed, len);

	struct spelling as;
	snprintf(as.text, sizeof(as.text), "--%s%s", negated ? "no-" : "", o->name);
	if (o->type != OPT_FLAG)
		return take_value(p, set, o, as.text, value);
	if (value)
		return refuse(p, "%s takes no value", as.text);
	*(bool *)member(set, o) = !negated;
	return OK;
}

static int put_flag(struct parser *p, const struct opt *o, const char *value, bool *to)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1", "off", "on" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(value, words[i])) {
			*to = i % 2 == 1;
			return OK;
		}
	return refuse(p, "%s is yes or no, not '%.64s'", o->name, value);
}

int opt_put(const struct opt_set *sets, size_t n_sets, const char *name, const char *value,
	char error[OPT_ERROR_MAX])
{
	struct parser p = { .sets = sets, .n_sets = n_sets, .error = error };
	const struct opt_set *set;
	bool negated;
	const struct opt *o = find_long(&p, name, strlen(name), &set, &negated);
	if (!o || negated)
		return refuse_unknown(&p, name, strlen(name));
	if (o->type == OPT_FLAG)
		return put_flag(&p, o, value, member(set, o));
	return put_value(&p, o, o->name, value, member(set, o));
}

static const struct opt *find_letter(
	const struct parser *p, char letter, const struct opt_set **set)
{
	for (size_t s = 0; s < p->n_sets; s++) {
		const struct opt_group *g = p->sets[s].group;
		for (size_t i = 0; i < g->n; i++) {
			*set = &p->sets[s];
			if (g->rows[i].letter == letter)
				return &g->rows[i];
		}
	}
	return NULL;
}

static int parse_letters(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct opt_set *set;
		const struct opt *o = find_letter(p, *letters, &set);
		if (!o && letters[1])
			return refuse(p,
				"unknown option -%c; what begins with - and is no option comes "
				"after --",
				*letters);
		if (!o)
			return refuse(p, "unknown option -%c", *letters);
		struct spelling as;
		snprintf(as.text, sizeof(as.text), "-%c", *letters);
		if (o->type != OPT_FLAG)
			return take_value(p, set, o, as.text, letters[1] ? letters + 1 : NULL);
		*(bool *)member(set, o) = true;
	}
	return OK;
}

int opt_parse(const struct opt_set *sets, size_t n_sets, int argc, char **argv, int *n_operands,
	char error[OPT_ERROR_MAX])
{
	struct parser p = { sets, n_sets, argc, argv, 0, 0, error };
	bool ended = false;
	while (p.at < p.argc) {
		char *arg = p.argv[p.at++];
		int err = OK;
		if (ended || arg[0] != '-' || !arg[1])
			argv[p.found++] = arg;
		else if (!strcmp(arg, "--"))
			ended = true;
		else if (arg[1] == '-')
			err = parse_long(&p, arg + 2);
		else
			err = parse_letters(&p, arg + 1);
		if (err)
			return err;
	}
	*n_operands = p.found;
	return OK;
}

void opt_default(const struct opt *o, const void *values, char out[OPT_TEXT_MAX])
{
	const char *at = (const char *)values + o->at;
	out[0] = '\0';
	if (o->shown) {
		snprintf(out, OPT_TEXT_MAX, "%s", o->shown);
		return;
	}
	switch (o->type) {
	case OPT_FLAG:
		if (o->negatable)
			snprintf(out, OPT_TEXT_MAX, "%s", *(const bool *)at ? "on" : "off");
		break;
	case OPT_INT:;
		int v = *(const int *)at;
		if (o->choices)
			snprintf(out, OPT_TEXT_MAX, "%s", o->choices[v]);
		else
			snprintf(out, OPT_TEXT_MAX, "%d", v);
		break;
	case OPT_TEXT:;
		const char *text = *(const char *const *)at;
		snprintf(out, OPT_TEXT_MAX, "%s", text ? text : "");
		break;
	case OPT_SIZE:;
		const struct opt_size *size = (const void *)at;
		if (size->w)
			snprintf(out, OPT_TEXT_MAX, "%dx%d", size->w, size->h);
		break;
	case OPT_LIST: break;
	}
}
