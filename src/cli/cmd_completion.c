#include <string.h>

#include "cli/commands.h"

/* Scripts are written from the same tables that parse: see opt.h. */
struct shell {
	const char *name;
	void (*print)(FILE *to);
};

/* What a value is completed as; FILE and PATH are names that rows use. */
static bool is_file(const struct opt *o)
{
	return o->type != OPT_FLAG && (!strcmp(o->arg, "FILE") || !strcmp(o->arg, "PATH"));
}

static size_t groups_of(
	const struct command *c, const struct opt_group *groups[COMMAND_GROUPS_MAX + 1])
{
	size_t n = 0;
	for (; n < COMMAND_GROUPS_MAX && c->groups[n].group; n++)
		groups[n] = c->groups[n].group;
	groups[n++] = &cli_common_group;
	return n;
}

/* Calls `each` for every option of a command. */
static void each_option(FILE *to, const struct command *c,
	void (*each)(FILE *to, const struct command *c, const struct opt *o))
{
	const struct opt_group *groups[COMMAND_GROUPS_MAX + 1];
	size_t n = groups_of(c, groups);
	for (size_t g = 0; g < n; g++)
		for (size_t i = 0; i < groups[g]->n; i++)
			each(to, c, &groups[g]->rows[i]);
}

static void put_commands(FILE *to, const char *separator)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		fprintf(to, "%s%s", i ? separator : "", cli_commands[i]->name);
}

static void put_choices(FILE *to, const struct opt *o)
{
	for (int i = 0; o->choices[i]; i++)
		fprintf(to, "%s%s", i ? " " : "", o->choices[i]);
}

static void put_front(FILE *to)
{
	for (size_t i = 0; i < cli_front_group.n; i++)
		fprintf(to, "%s--%s", i ? " " : "", cli_front_group.rows[i].name);
}

static void bash_words(FILE *to, const struct command *c, const struct opt *o)
{
	(void)c;
	fprintf(to, " --%s", o->name);
	if (o->negatable)
		fprintf(to, " --no-%s", o->name);
}

/* A case arm for what follows an option that takes a value. */
static void bash_value(FILE *to, const struct command *c, const struct opt *o)
{
	if (o->type == OPT_FLAG)
		return;
	fprintf(to, "\t%s:--%s", c->name, o->name);
	if (o->letter)
		fprintf(to, "|%s:-%c", c->name, o->letter);
	fputs(") ", to);
	if (o->choices) {
		fputs("COMPREPLY=($(compgen -W '", to);
		put_choices(to, o);
		fputs("' -- \"$cur\"))", to);
	} else if (is_file(o)) {
		fputs("compopt -o default", to);
	} else {
		fputs(":", to);
	}
	fputs("; return ;;\n", to);
}

static void print_bash(FILE *to)
{
	fputs("_porthole()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal command=${COMP_WORDS[1]} words=\n\tCOMPREPLY=()\n"
	      "\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W '",
		to);
	put_commands(to, " ");
	fputc(' ', to);
	put_front(to);
	fputs("' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $command:$prev in\n", to);
	for (size_t i = 0; i < cli_n_commands; i++)
		each_option(to, cli_commands[i], bash_value);
	fputs("\tesac\n\tcase $command in\n", to);
	for (size_t i = 0; i < cli_n_commands; i++) {
		fprintf(to, "\t%s) words='", cli_commands[i]->name);
		each_option(to, cli_commands[i], bash_words);
		if (cli_commands[i]->complete_operand)
			fprintf(to, " %s", cli_commands[i]->complete_operand);
		fputs("' ;;\n", to);
	}
	fputs("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	      "complete -F _porthole porthole\n",
		to);
}

/* Text between single quotes; `also` is a set of characters that get a backslash. */
static void put_quoted(FILE *to, const char *text, const char *also)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", to);
		else
			fprintf(to, "%s%c", strchr(also, *text) ? "\\" : "", *text);
	}
}

static void zsh_row(FILE *to, const struct opt *o, const char *dashes, const char *name)
{
	fprintf(to, "\t\t'%s%s%s%s[", o->type == OPT_LIST ? "*" : "", dashes, name,
		o->type == OPT_FLAG ? "" : (dashes[1] ? "=" : "+"));
	put_quoted(to, o->help, "[]:\\");
	fputc(']', to);
	if (o->type != OPT_FLAG)
		fprintf(to, ":%s:", o->arg);
	if (o->choices) {
		fputc('(', to);
		put_choices(to, o);
		fputc(')', to);
	} else if (o->type != OPT_FLAG && is_file(o)) {
		fputs("_files", to);
	}
	fputs("' \\\n", to);
}

static void zsh_option(FILE *to, const struct command *c, const struct opt *o)
{
	(void)c;
	char text[64];
	zsh_row(to, o, "--", o->name);
	if (o->negatable) {
		snprintf(text, sizeof(text), "no-%s", o->name);
		zsh_row(to, o, "--", text);
	}
	if (o->letter)
		zsh_row(to, o, "-", (char[]){ o->letter, '\0' });
}

static void print_zsh(FILE *to)
{
	fputs("#compdef porthole\n\n_porthole()\n{\n\tlocal -a commands=(\n", to);
	for (size_t i = 0; i < cli_n_commands; i++) {
		fprintf(to, "\t\t'%s:", cli_commands[i]->name);
		put_quoted(to, cli_commands[i]->summary, ":\\");
		fputs("'\n", to);
	}
	fputs("\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe command commands\n"
	      "\t\tcompadd -- ",
		to);
	put_front(to);
	fputs("\n\t\treturn\n\tfi\n\tlocal command=$words[2]\n\tshift words\n"
	      "\t((CURRENT--))\n\tcase $command in\n",
		to);
	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct command *c = cli_commands[i];
		fprintf(to, "\t%s) _arguments \\\n", c->name);
		each_option(to, c, zsh_option);
		if (c->complete_operand)
			fprintf(to, "\t\t':%s:(%s)' \\\n", c->operands, c->complete_operand);
		else if (c->operands)
			fprintf(to, "\t\t'*::%s:_normal' \\\n", c->operands);
		fputs("\t\t;;\n", to);
	}
	fputs("\tesac\n}\n\n_porthole \"$@\"\n", to);
}

static void fish_description(FILE *to, const char *text)
{
	fputs(" -d '", to);
	for (; *text; text++)
		fprintf(to, "%s%c", strchr("'\\", *text) ? "\\" : "", *text);
	fputs("'\n", to);
}

static void fish_option(FILE *to, const struct command *c, const struct opt *o)
{
	for (int negated = 0; negated <= o->negatable; negated++) {
		fprintf(to, "complete -c porthole -n '__fish_seen_subcommand_from %s' -l %s%s",
			c->name, negated ? "no-" : "", o->name);
		if (o->letter && !negated)
			fprintf(to, " -s %c", o->letter);
		if (o->choices) {
			fputs(" -x -a '", to);
			put_choices(to, o);
			fputc('\'', to);
		} else if (o->type != OPT_FLAG) {
			fputs(is_file(o) ? " -r -F" : " -x", to);
		}
		fish_description(to, o->help);
	}
}

static void print_fish(FILE *to)
{
	fputs("complete -c porthole -f\n", to);
	for (size_t i = 0; i < cli_front_group.n; i++) {
		fprintf(to, "complete -c porthole -n __fish_use_subcommand -l %s",
			cli_front_group.rows[i].name);
		fish_description(to, cli_front_group.rows[i].help);
	}
	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct command *c = cli_commands[i];
		fprintf(to, "complete -c porthole -n __fish_use_subcommand -a %s", c->name);
		fish_description(to, c->summary);
		if (c->complete_operand)
			fprintf(to,
				"complete -c porthole -n '__fish_seen_subcommand_from %s' -a "
				"'%s'\n",
				c->name, c->complete_operand);
		each_option(to, c, fish_option);
	}
}

static const struct shell shells[] = {
	{ "bash", print_bash },
	{ "zsh", print_zsh },
	{ "fish", print_fish },
};

static int run(struct cli *cli, void *options)
{
	(void)options;
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (!strcmp(shells[i].name, cli->argv[0])) {
			shells[i].print(stdout);
			return CLI_OK;
		}
	}
	return cli_usage_error(cli->command,
		"no completion for '%.64s', only for bash, zsh and fish", cli->argv[0]);
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "Print a completion script for bash, zsh or fish",
	.operands = "SHELL",
	.operands_min = 1,
	.operands_max = 1,
	.complete_operand = "bash zsh fish",
	.run = run,
};
