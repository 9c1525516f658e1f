#include "cli/commands.h"

#include <string.h>

/* In the order of `porthole --help`. */
const struct command *const cli_commands[] = {
	&cmd_share,
	&cmd_desktop,
	&cmd_gateway,
	&cmd_login,
	&cmd_run,
	&cmd_ticket,
	&cmd_user,
	&cmd_key,
	&cmd_client,
	&cmd_doctor,
	&cmd_completion,
	&cmd_help,
};

const size_t cli_n_commands = ARRAY_LEN(cli_commands);

const struct command *cli_find(const char *name)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		if (!strcmp(cli_commands[i]->name, name))
			return cli_commands[i];
	return NULL;
}
