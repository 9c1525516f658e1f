#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"
#include "base/opt.h"

/* The frame of the command line: one command is one file and one row of
 * cli_commands. Only this folder prints, reads the environment and sets signals. */

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILURE = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_REFUSED = 4, /* authentication or rights */
};

/* Options that every command has. */
struct cli_common {
	bool help, verbose, quiet, log_time;
};

/* Options that stand before or instead of a command. */
struct cli_front {
	bool help, version, licenses;
};

extern const struct opt_group cli_common_group, cli_front_group;

struct command;

/* What a command is run with; valid until it returns. */
struct cli {
	const struct command *command;
	struct log log; /* to standard error, as --verbose and --quiet say */
	struct cli_common common;
	int argc;    /* operands: what is not an option */
	char **argv; /* ended by NULL */
};

/* A group of options and the place of its struct in the command's struct. */
struct command_group {
	const struct opt_group *group;
	size_t at;
};

enum { COMMAND_GROUPS_MAX = 8 };

struct command {
	const char *name;
	const char *summary;  /* one sentence without a full stop */
	const char *operands; /* for the usage line: "TARGET"; NULL: none */
	int operands_min, operands_max;
	const char *complete_operand;                    /* words a shell may offer, or NULL */
	struct command_group groups[COMMAND_GROUPS_MAX]; /* ended by a NULL group */
	const void *defaults;                            /* the options struct before parsing */
	size_t size;                                     /* of that struct; 0: no options */
	bool settings; /* options also come from a file and from variables (settings.h) */
	/* Returns the exit code. `options`: a filled copy of `defaults`, freed afterwards. */
	int (*run)(struct cli *cli, void *options);
};

extern const struct command *const cli_commands[];
extern const size_t cli_n_commands;
const struct command *cli_find(const char *name); /* NULL: no such command */

/* Fills `sets` with the command's groups over `options`, then the common one;
 * returns how many. `options` may be the command's defaults when nothing is parsed. */
size_t cli_option_sets(const struct command *c, void *options, struct cli_common *common,
	struct opt_set sets[COMMAND_GROUPS_MAX + 1]);

/* Prints "porthole COMMAND: ... See porthole COMMAND --help" and returns CLI_USAGE. */
int cli_usage_error(const struct command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
int cli_unknown_command(const char *name);

/* The end has begun: from here on SIGINT, SIGTERM and SIGHUP cut nothing short. */
void cli_block_signals(void);

/* Parses, runs, returns the exit code: all of main(). */
int cli_main(int argc, char **argv);

/* cmd_help.c */
void cli_help(FILE *to);
void cli_help_command(FILE *to, const struct command *c);
/* about.c */
void cli_version(FILE *to);
void cli_licenses(FILE *to);
