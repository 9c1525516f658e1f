#include "cli/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096 };

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
	char *value = strdup(trim(equals + 1));
	if (!value)
		return ERR_NOMEM;
	return opt_put(sets, n_sets, trim(text), value, error);
}

int settings_read_file(
	const char *path, const struct opt_set *sets, size_t n_sets, char error[OPT_ERROR_MAX])
{
	char line[LINE_MAX_BYTES], why[OPT_ERROR_MAX] = "out of memory";
	FILE *f = fopen(path, "re");
	if (!f) {
		snprintf(error, OPT_ERROR_MAX, "%.128s: %s", path, strerror(errno));
		return ERR_PROTO;
	}
	int err = OK, n = 0;
	while (!err && fgets(line, sizeof(line), f)) {
		n++;
		if (strchr(line, '\n') || feof(f)) {
			err = take_line(line, sets, n_sets, why);
		} else {
			snprintf(why, sizeof(why), "longer than %d characters", LINE_MAX_BYTES - 2);
			err = ERR_LIMIT;
		}
	}
	if (!err && ferror(f)) {
		snprintf(why, sizeof(why), "%s", strerror(errno));
		err = ERR_IO;
	}
	fclose(f);
	if (err)
		snprintf(error, OPT_ERROR_MAX, "%.100s, line %d: %.120s", path, n, why);
	return err ? ERR_PROTO : OK;
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
