#include "cli/cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/settings.h"

static const struct opt common_rows[] = {
	{ "verbose", 'v', .help = "Tell more on standard error",
		OPT_AT(struct cli_common, verbose) },
	{ "quiet", 'q', .help = "Tell only errors", OPT_AT(struct cli_common, quiet) },
	{ "log-time", .help = "Put the time before each line",
		OPT_AT(struct cli_common, log_time) },
	{ "help", 'h', .help = "Show this help", OPT_AT(struct cli_common, help) },
};

const struct opt_group cli_common_group = { "Common options", common_rows, ARRAY_LEN(common_rows) };

static const struct opt front_rows[] = {
	{ "help", 'h', .help = "Show this help", OPT_AT(struct cli_front, help) },
	{ "version", 'V', .help = "Show the version and what it was built with",
		OPT_AT(struct cli_front, version) },
	{ "licenses", .help = "Show the licences of Porthole and of what it bundles",
		OPT_AT(struct cli_front, licenses) },
};

const struct opt_group cli_front_group = { "Options", front_rows, ARRAY_LEN(front_rows) };

static void print_time(void)
{
	struct timespec now;
	struct tm tm;
	char text[16];
	clock_gettime(CLOCK_REALTIME, &now);
	if (localtime_r(&now.tv_sec, &tm) && strftime(text, sizeof(text), "%H:%M:%S", &tm))
		fprintf(stderr, "%s.%03ld ", text, now.tv_nsec / 1000000);
}

static void write_line(void *ctx, enum log_level level, const char *line)
{
	const struct cli *cli = ctx;
	static const char *const prefix[] = { "error: ", "warning: ", "", "" };
	flockfile(stderr);
	if (cli->common.log_time)
		print_time();
	fprintf(stderr, "porthole %s: %s%s\n", cli->command->name, prefix[level], line);
	funlockfile(stderr);
}

int cli_usage_error(const struct command *c, const char *fmt, ...)
{
	char text[OPT_ERROR_MAX + 64];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	size_t n = strlen(text);
	const char *stop = n && text[n - 1] == '?' ? "" : ".";
	const char *space = c ? " " : "", *name = c ? c->name : "";
	fprintf(stderr, "porthole%s%s: %s%s See porthole%s%s --help\n", space, name, text, stop,
		space, name);
	return CLI_USAGE;
}

size_t cli_option_sets(const struct command *c, void *options, struct cli_common *common,
	struct opt_set sets[COMMAND_GROUPS_MAX + 1])
{
	size_t n = 0;
	for (; n < COMMAND_GROUPS_MAX && c->groups[n].group; n++)
		sets[n] = (struct opt_set){ c->groups[n].group, (char *)options + c->groups[n].at };
	sets[n++] = (struct opt_set){ &cli_common_group, common };
	return n;
}

static int check_operands(const struct cli *cli)
{
	const struct command *c = cli->command;
	if (cli->argc > c->operands_max)
		return cli_usage_error(
			c, "unexpected argument '%.64s'", cli->argv[c->operands_max]);
	if (cli->argc < c->operands_min)
		return cli_usage_error(c, "%s is missing", c->operands);
	return CLI_OK;
}

static int run_parsed(struct cli *cli, void *options)
{
	if (cli->common.help) {
		cli_help_command(stdout, cli->command);
		return CLI_OK;
	}
	int code = check_operands(cli);
	if (code)
		return code;
	if (cli->common.verbose && cli->common.quiet)
		return cli_usage_error(cli->command, "--verbose and --quiet exclude each other");
	if (cli->common.verbose)
		cli->log.max = LOG_LEVEL_DEBUG;
	if (cli->common.quiet)
		cli->log.max = LOG_LEVEL_ERROR;
	return cli->command->run(cli, options);
}

static int read_settings(
	const struct opt_set *sets, size_t n, int argc, char **argv, char **text, char *error)
{
	const char *file = settings_file(argc, argv);
	int err = file ? settings_read_file(file, sets, n, text, error) : OK;
	return err ? err : settings_read_environment(sets, n, error);
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct cli cli = { .command = c, .argv = argv };
	cli.log = (struct log){ write_line, &cli, LOG_LEVEL_INFO };
	void *options = calloc(1, c->size + 1);
	if (!options) {
		log_error(&cli.log, "out of memory");
		return CLI_FAILURE;
	}
	if (c->size)
		memcpy(options, c->defaults, c->size);

	struct opt_set sets[COMMAND_GROUPS_MAX + 1];
	size_t n = cli_option_sets(c, options, &cli.common, sets);
	char error[OPT_ERROR_MAX], *kept = NULL;
	int code;
	if ((c->settings && read_settings(sets, n, argc, argv, &kept, error)) ||
		opt_parse(sets, n, argc, argv, &cli.argc, error)) {
		code = cli_usage_error(c, "%s", error);
	} else {
		argv[cli.argc] = NULL;
		code = run_parsed(&cli, options);
	}
	free(kept);
	free(options);
	return code;
}

int cli_unknown_command(const char *name)
{
	const char *names[64];
	size_t n = 0;
	for (; n < cli_n_commands && n < ARRAY_LEN(names); n++)
		names[n] = cli_commands[n]->name;
	const char *near = opt_nearest(name, names, n);
	if (near)
		return cli_usage_error(
			NULL, "unknown command '%.64s'; did you mean %s?", name, near);
	return cli_usage_error(NULL, "unknown command '%.64s'", name);
}

static int run_front(int argc, char **argv)
{
	struct cli_front front = { 0 };
	struct opt_set set = { &cli_front_group, &front };
	char error[OPT_ERROR_MAX];
	int n_operands;
	if (opt_parse(&set, 1, argc, argv, &n_operands, error))
		return cli_usage_error(NULL, "%s", error);
	if (front.version)
		cli_version(stdout);
	else if (front.licenses)
		cli_licenses(stdout);
	else if (front.help)
		cli_help(stdout);
	else
		return cli_usage_error(NULL, "a command is missing");
	return CLI_OK;
}

void cli_block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int cli_main(int argc, char **argv)
{
	int code;
	if (argc < 2 || argv[1][0] == '-') {
		code = run_front(argc > 0 ? argc - 1 : 0, argv + 1);
	} else {
		const struct command *c = cli_find(argv[1]);
		code = c ? run_command(c, argc - 2, argv + 2) : cli_unknown_command(argv[1]);
	}
	/* A full disk or a closed pipe must not pass for success. */
	if ((fflush(stdout) || ferror(stdout)) && code == CLI_OK) {
		fputs("porthole: cannot write to standard output\n", stderr);
		code = CLI_FAILURE;
	}
	return code;
}
