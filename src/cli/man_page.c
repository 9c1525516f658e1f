/* Build-time tool: prints a man page template (scdoc) with the option lists put
 * in, so that they always are what the program parses.
 *   @OPTIONS NAME@  the options of a command (NAME "-": those before a command)
 *   @COMMANDS@      all commands */
#include <stdint.h>
#include <string.h>

#include "cli/cli.h"

static void put_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("\\_*~#", *text))
			putchar('\\');
		putchar(*text);
	}
}

static void put_option(const struct opt *o, const void *values)
{
	if (o->letter)
		printf("*-%c*, ", o->letter);
	printf("*--%s%s*", o->negatable ? "[no-]" : "", o->name);
	if (o->type != OPT_FLAG) {
		fputs(" _", stdout);
		put_text(o->arg);
		putchar('_');
	}
	fputs("\n\t", stdout);
	put_text(o->help);
	for (int i = 0; o->choices && o->choices[i]; i++) {
		fputs(i ? ", " : ": ", stdout);
		put_text(o->choices[i]);
	}
	char shown[OPT_TEXT_MAX];
	opt_default(o, values, shown);
	if (shown[0]) {
		fputs(". Default: ", stdout);
		put_text(shown);
	}
	fputs(".\n\n", stdout);
}

static void put_group(const struct opt_set *set)
{
	for (size_t i = 0; i < set->group->n; i++)
		put_option(&set->group->rows[i], set->values);
}

static bool put_options(const char *name)
{
	struct cli_front front = { 0 };
	struct cli_common common = { 0 };
	if (!strcmp(name, "-")) {
		put_group(&(struct opt_set){ &cli_front_group, &front });
		return true;
	}
	const struct command *c = cli_find(name);
	if (!c)
		return false;
	struct opt_set sets[COMMAND_GROUPS_MAX + 1];
	size_t n = cli_option_sets(c, (void *)(uintptr_t)c->defaults, &common, sets);
	for (size_t s = 0; s < n; s++) {
		printf("## %s\n\n", sets[s].group->title);
		put_group(&sets[s]);
	}
	return true;
}

static void put_commands(void)
{
	for (size_t i = 0; i < cli_n_commands; i++) {
		printf("*porthole %s*", cli_commands[i]->name);
		if (cli_commands[i]->operands) {
			putchar(' ');
			put_text(cli_commands[i]->operands);
		}
		fputs("\n\t", stdout);
		put_text(cli_commands[i]->summary);
		fputs(".\n\n", stdout);
	}
}

static bool put_line(const char *line)
{
	char name[32];
	if (sscanf(line, "@OPTIONS %31[a-z-]@", name) == 1)
		return put_options(name);
	if (!strcmp(line, "@COMMANDS@\n"))
		put_commands();
	else
		fputs(line, stdout);
	return true;
}

int main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	if (!in) {
		fprintf(stderr, "usage: %s TEMPLATE\n", argv[0]);
		return CLI_USAGE;
	}
	char line[1024];
	bool ok = true;
	while (ok && fgets(line, sizeof(line), in)) {
		ok = put_line(line);
		if (!ok)
			fprintf(stderr, "%s: no such command: %s", argv[1], line);
	}
	fclose(in);
	return ok && !fflush(stdout) ? CLI_OK : CLI_FAILURE;
}
