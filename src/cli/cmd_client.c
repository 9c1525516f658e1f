#include <errno.h>
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

/* Before the client is made, so that there is never a token with no place. */
static int open_token(struct cli *cli, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		log_error(&cli->log, "cannot make %s: %s; no client was made", path,
			errno == EEXIST ? "it is there already, and is left alone"
					: strerror(errno));
	return fd;
}

static int write_token(struct cli *cli, int fd, const char *path, const char *token)
{
	bool ok = dprintf(fd, "%s\n", token) > 0;
	ok = !close(fd) && ok;
	if (!ok)
		log_error(&cli->log, "cannot write %s: %s; delete the client and create it again",
			path, strerror(errno));
	return ok ? CLI_OK : CLI_FAILURE;
}

/* With the token, or the file it went into. */
static void show(struct json_ref made, const struct client_options *o, const char *agent_id)
{
	struct json *facts = json_make_object();
	const char *id = json_get_text(made, "id"), *token = json_get_text(made, "token");
	json_put_text(facts, "id", id ? id : "");
	json_put_text(facts, "agentId", agent_id);
	if (o->token_file)
		json_put_text(facts, "tokenFile", o->token_file);
	else
		json_put_text(facts, "token", token ? token : "");
	admin_print(json_of(facts), o->gateway.json);
	json_drop(facts);
	if (!o->gateway.json)
		printf("Join that machine with: porthole share --gateway-url URL --agent-id %s "
		       "--client-token-file FILE\n",
			agent_id);
}

static int create(struct cli *cli, const struct client_options *o)
{
	struct json *args, *answer;
	int fd = o->token_file ? open_token(cli, o->token_file) : -1;
	if (o->token_file && fd < 0)
		return CLI_FAILURE;
	args = json_make_object();
	json_put_text(args, "agentId", cli->argv[1]);
	json_put_text(args, "displayName", o->label ? o->label : cli->argv[1]);
	int code = admin_ask(cli, o->gateway.data_dir, "client.create", args, &answer);
	const char *token = json_get_text(json_of(answer), "token");
	if (fd >= 0 && !code) {
		code = write_token(cli, fd, o->token_file, token ? token : "");
	} else if (fd >= 0) {
		close(fd);
		unlink(o->token_file);
	}
	if (!code)
		show(json_of(answer), o, cli->argv[1]);
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

static int remove_client(struct cli *cli, const struct client_options *o)
{
	static const char *const names[] = { "agent_id", "id", NULL };
	char id[ADMIN_ID_MAX];
	int code = admin_find(
		cli, o->gateway.data_dir, "client.list", "clients", names, cli->argv[1], id);
	if (code)
		return code;
	struct json *args = json_make_object(), *answer;
	json_put_text(args, "id", id);
	code = admin_ask(cli, o->gateway.data_dir, "client.delete", args, &answer);
	if (!code)
		admin_print(json_of(answer), o->gateway.json);
	json_drop(answer);
	return code;
}

static int run(struct cli *cli, void *options)
{
	const struct client_options *o = options;
	const char *what = cli->argv[0];
	if (!strcmp(what, "list") && cli->argc == 1)
		return list(cli, o);
	if (!strcmp(what, "list"))
		return cli_usage_error(cli->command, "list takes no '%.64s'", cli->argv[1]);
	if (strcmp(what, "create") && strcmp(what, "delete"))
		return cli_usage_error(cli->command,
			"'%.32s' is nothing to do with clients; list, create and delete are", what);
	if (cli->argc < 2)
		return cli_usage_error(
			cli->command, "name the client: porthole client %s AGENT-ID", what);
	return strcmp(what, "create") ? remove_client(cli, o) : create(cli, o);
}

const struct command cmd_client = {
	.name = "client",
	.summary = "Administer the machines that may join a gateway",
	.operands = "list|create|delete [AGENT-ID]",
	.operands_min = 1,
	.operands_max = 2,
	.complete_operand = "list create delete",
	.groups = { { &group, 0 }, { &admin_group, offsetof(struct client_options, gateway) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
