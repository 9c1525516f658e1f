#include "cli/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024 };

const char *settings_file(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "--config=", 9))
			return argv[i] + 9;
		if (!strcmp(argv[i], "--config") && i + 1 < argc)
			return argv[i + 1];
	}
	return getenv("PORTHOLE_CONFIG");
}

/* Without blanks on either side; cuts in place. */
static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	size_t n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

static int take_line(char *line, const struct opt_set *sets, size_t n_sets, char *error)
{
	char *text = trim(line);
	if (!*text || *text == '#')
		return OK;
	char *equals = strchr(text, '=');
	if (!equals) {
		snprintf(error, OPT_ERROR_MAX, "a line is NAME = VALUE, not '%.64s'", text);
		return ERR_PROTO;
	}
	*equals = '\0';
	if (!strcmp(trim(text), "config")) {
		snprintf(error, OPT_ERROR_MAX, "config goes on the command line");
		return ERR_PROTO;
	}
	return opt_put(sets, n_sets, trim(text), trim(equals + 1), error);
}

/* The caller's; NULL with a sentence. */
static char *read_text(const char *path, char *error)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;
	size_t n = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
	const char *why = NULL;
	if (!text || ferror(f))
		why = strerror(errno);
	else if (n > FILE_MAX)
		why = "too large for a file of options";
	else if (memchr(text, 0, n))
		why = "this is no text";
	if (f)
		fclose(f);
	if (!why) {
		text[n] = '\0';
		return text;
	}
	snprintf(error, OPT_ERROR_MAX, "%.128s: %s", path, why);
	free(text);
	return NULL;
}

int settings_read_file(const char *path, const struct opt_set *sets, size_t n_sets, char **text,
	char error[OPT_ERROR_MAX])
{
	char why[OPT_ERROR_MAX] = "";
	int err = OK;
	*text = read_text(path, error);
	char *line = *text;
	for (int n = 1; line && !err; n++) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		err = take_line(line, sets, n_sets, why);
		if (err)
			snprintf(error, OPT_ERROR_MAX, "%.100s, line %d: %.120s", path, n, why);
		line = end ? end + 1 : NULL;
	}
	return err || !*text ? ERR_PROTO : OK;
}

/* "public-url" is PORTHOLE_PUBLIC_URL. */
static void variable_name(const char *name, char out[OPT_TEXT_MAX])
{
	int n = snprintf(out, OPT_TEXT_MAX, "PORTHOLE_%s", name);
	for (int i = 0; i < n && i < OPT_TEXT_MAX - 1; i++)
		out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

int settings_read_environment(const struct opt_set *sets, size_t n_sets, char error[OPT_ERROR_MAX])
{
	char variable[OPT_TEXT_MAX], why[OPT_ERROR_MAX];
	for (size_t s = 0; s < n_sets; s++)
		for (size_t i = 0; i < sets[s].group->n; i++) {
			const char *name = sets[s].group->rows[i].name;
			variable_name(name, variable);
			const char *value = getenv(variable);
			if (value && *value && opt_put(sets, n_sets, name, value, why)) {
				snprintf(error, OPT_ERROR_MAX, "%s: %.150s", variable, why);
				return ERR_PROTO;
			}
		}
	return OK;
}
