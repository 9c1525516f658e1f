#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/commands.h"

struct client_options {
	const char *label, *token_file;
	struct admin_options gateway;
};

static const struct opt rows[] = {
	{ .name = "label",
		.arg = "TEXT",
		OPT_AT(struct client_options, label),
		.help = "Name that people see" },
	{ .name = "token-file",
		.arg = "FILE",
		OPT_AT(struct client_options, token_file),
		.help = "Write the token to this new file (mode 0600) instead of printing it" },
};

static const struct opt_group group = { "Clients", rows, ARRAY_LEN(rows) };
static const struct client_options defaults;

static int write_token(struct cli *cli, const char *path, const char *token)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && dprintf(fd, "%s\n", token) > 0;
	if (fd >= 0 && close(fd))
		ok = false;
	if (!ok)
		log_error(&cli->log,
			"cannot write %s (a file that exists is left alone); the client is "
			"made, so delete it and create it again",
			path);
	return ok ? CLI_OK : CLI_FAILURE;
}

static int create(struct cli *cli, const struct client_options *o)
{
	struct json *args = json_make_object(), *answer;
	json_put_text(args, "agentId", cli->argv[1]);
	json_put_text(args, "displayName", o->label ? o->label : cli->argv[1]);
	int code = admin_ask(cli, o->gateway.data_dir, "client.create", args, &answer);
	const char *token = json_get_text(json_of(answer), "token");
	if (!code && o->token_file && token)
		code = write_token(cli, o->token_file, token);
	else if (!code)
		admin_print(json_of(answer), o->gateway.json);
	if (!code && !o->gateway.json)
		printf("Join that machine with: porthole share --gateway-url URL --agent-id %s "
		       "--client-token-file FILE\n",
			cli->argv[1]);
	json_drop(answer);
	return code;
}

static int list(struct cli *cli, const struct client_options *o)
{
	static const struct admin_column columns[] = {
		{ "AGENT", "agent_id" },
		{ "NAME", "display_name" },
		{ "STATUS", "status" },
		{ "VERSION", "version" },
		{ "ID", "id" },
	};
	struct json *answer;
	int code = admin_ask(cli, o->gateway.data_dir, "client.list", NULL, &answer);
	if (!code && o->gateway.json)
		admin_print(json_of(answer), true);
	else if (!code)
		admin_print_table(
			json_get(json_of(answer), "clients"), columns, ARRAY_LEN(columns));
	json_drop(answer);
	return code;
}

static int run(struct cli *cli, void *options)
{
	const struct client_options *o = options;
	const char *what = cli->argv[0];
	if (!strcmp(what, "list"))
		return list(cli, o);
	if (strcmp(what, "create") && strcmp(what, "delete"))
		return cli_usage_error(cli->command,
			"'%.32s' is nothing to do with clients; list, create and delete are", what);
	if (cli->argc < 2)
		return cli_usage_error(
			cli->command, "name the client: porthole client %s AGENT-ID", what);
	if (!strcmp(what, "create"))
		return create(cli, o);
	struct json *args = json_make_object(), *answer;
	json_put_text(args, "id", cli->argv[1]);
	int code = admin_ask(cli, o->gateway.data_dir, "client.delete", args, &answer);
	if (!code)
		admin_print(json_of(answer), o->gateway.json);
	json_drop(answer);
	return code;
}

const struct command cmd_client = {
	.name = "client",
	.summary = "Administer the machines that may join a gateway",
	.operands = "list|create|delete [ID]",
	.operands_min = 1,
	.operands_max = 2,
	.complete_operand = "list create delete",
	.groups = { { &group, 0 }, { &admin_group, offsetof(struct client_options, gateway) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
