#include <stdint.h>
#include <string.h>

#include "cli/commands.h"

enum { HELP_COLUMN = 30, HELP_WIDTH = 80 };

/* Prints text from HELP_COLUMN on, broken between words; `col` is where we are. */
static void wrap(FILE *to, int col, const char *text)
{
	if (col + 2 > HELP_COLUMN) {
		fputc('\n', to);
		col = 0;
	}
	fprintf(to, "%*s", HELP_COLUMN - col, "");
	col = HELP_COLUMN;
	while (*text) {
		int len = (int)strcspn(text, " ");
		if (col > HELP_COLUMN && col + 1 + len > HELP_WIDTH) {
			fprintf(to, "\n%*s", HELP_COLUMN, "");
			col = HELP_COLUMN;
		}
		col += fprintf(to, "%s%.*s", col > HELP_COLUMN ? " " : "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', to);
}

static void print_choices(const struct opt *o, char *out, size_t cap)
{
	size_t n = 0;
	for (int i = 0; o->choices[i] && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s%s", i ? ", " : " (", o->choices[i]);
	if (n < cap)
		snprintf(out + n, cap - n, ")");
}

static void print_option(FILE *to, const struct opt *o, const void *values)
{
	int col = o->letter ? fprintf(to, "  -%c, ", o->letter) : fprintf(to, "      ");
	col += fprintf(to, "--%s%s", o->negatable ? "[no-]" : "", o->name);
	if (o->type != OPT_FLAG)
		col += fprintf(to, " %s", o->arg);

	char text[512], choices[OPT_TEXT_MAX] = "", shown[OPT_TEXT_MAX];
	if (o->choices)
		print_choices(o, choices, sizeof(choices));
	opt_default(o, values, shown);
	snprintf(text, sizeof(text), "%s%s%s%s%s", o->help, choices, shown[0] ? " (default: " : "",
		shown, shown[0] ? ")" : "");
	wrap(to, col, text);
}

static void print_group(FILE *to, const struct opt_set *set)
{
	fprintf(to, "\n%s:\n", set->group->title);
	for (size_t i = 0; i < set->group->n; i++)
		print_option(to, &set->group->rows[i], set->values);
}

void cli_help_command(FILE *to, const struct command *c)
{
	fprintf(to, "Usage: porthole %s [OPTION...]%s%s\n%s.\n", c->name, c->operands ? " " : "",
		c->operands ? c->operands : "", c->summary);
	struct cli_common common = { 0 };
	struct opt_set sets[COMMAND_GROUPS_MAX + 1];
	/* The defaults are only read here. */
	size_t n = cli_option_sets(c, (void *)(uintptr_t)c->defaults, &common, sets);
	for (size_t s = 0; s < n; s++)
		print_group(to, &sets[s]);
}

void cli_help(FILE *to)
{
	fputs("Usage: porthole COMMAND [OPTION...]\n"
	      "Shows a computer's screen in a browser or in any VNC viewer.\n\nCommands:\n",
		to);
	for (size_t i = 0; i < cli_n_commands; i++)
		fprintf(to, "  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
	struct cli_front front = { 0 };
	print_group(to, &(struct opt_set){ &cli_front_group, &front });
	fputs("\nporthole COMMAND --help tells about one command. Exit codes: 0 ok, 1 failure,\n"
	      "2 wrong usage, 3 not found, 4 refused.\n",
		to);
}

static int run(struct cli *cli, void *options)
{
	(void)options;
	if (!cli->argc) {
		cli_help(stdout);
		return CLI_OK;
	}
	const struct command *c = cli_find(cli->argv[0]);
	if (!c)
		return cli_unknown_command(cli->argv[0]);
	cli_help_command(stdout, c);
	return CLI_OK;
}

const struct command cmd_help = {
	.name = "help",
	.summary = "Show help for a command",
	.operands = "[COMMAND]",
	.operands_max = 1,
	.run = run,
};
