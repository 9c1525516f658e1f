#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"

enum { KEY_MAX = 16 * 1024 };

struct key_options {
	const char *user;
	struct admin_options gateway;
};

static const struct opt rows[] = {
	{ .name = "user",
		.letter = 'u',
		.arg = "NAME",
		OPT_AT(struct key_options, user),
		.help = "Whose keys" },
};

static const struct opt_group group = { "Keys", rows, ARRAY_LEN(rows) };
static const struct key_options defaults;

static int read_key(struct cli *cli, const char *path, char out[KEY_MAX])
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!f || !fgets(out, KEY_MAX, f)) {
		log_error(&cli->log,
			"%s: no public key in it; give a file like ~/.ssh/id_ed25519.pub", path);
		if (f && f != stdin)
			fclose(f);
		return CLI_FAILURE;
	}
	if (f != stdin)
		fclose(f);
	out[strcspn(out, "\r\n")] = '\0';
	if (!strncmp(out, "-----BEGIN", 10)) {
		log_error(&cli->log, "%s is a private key: give the public one beside it, %s.pub",
			path, path);
		return CLI_FAILURE;
	}
	return CLI_OK;
}

static int list(struct cli *cli, const struct key_options *o)
{
	static const struct admin_column columns[] = {
		{ "USER", "username" },
		{ "TYPE", "type" },
		{ "FINGERPRINT", "fingerprintSha256" },
		{ "COMMENT", "comment" },
		{ "ID", "id" },
	};
	struct json *args = json_make_object(), *answer;
	if (o->user)
		json_put_text(args, "username", o->user);
	int code = admin_ask(cli, o->gateway.data_dir, "key.list", args, &answer);
	if (!code && o->gateway.json)
		admin_print(json_of(answer), true);
	else if (!code)
		admin_print_table(json_get(json_of(answer), "keys"), columns, ARRAY_LEN(columns));
	json_drop(answer);
	return code;
}

static int run(struct cli *cli, void *options)
{
	const struct key_options *o = options;
	const char *what = cli->argv[0];
	bool adds = !strcmp(what, "add");
	char key[KEY_MAX];
	if (!strcmp(what, "list"))
		return cli->argc == 1 ? list(cli, o)
				      : cli_usage_error(cli->command,
						"list takes no '%.64s'; --user NAME lists one "
						"user's",
						cli->argv[1]);
	if (!adds && strcmp(what, "delete"))
		return cli_usage_error(cli->command,
			"'%.32s' is nothing to do with keys; list, add and delete are", what);
	if (cli->argc < 2)
		return cli_usage_error(cli->command,
			adds ? "name the file of the public key" : "name the key by its id");
	if (adds && !o->user)
		return cli_usage_error(cli->command, "say whose key it is: --user NAME");
	int code = adds ? read_key(cli, cli->argv[1], key) : CLI_OK;
	if (code)
		return code;
	struct json *args = json_make_object(), *answer;
	json_put_text(args, adds ? "key" : "id", adds ? key : cli->argv[1]);
	if (o->user)
		json_put_text(args, "username", o->user);
	code = admin_ask(cli, o->gateway.data_dir, adds ? "key.add" : "key.delete", args, &answer);
	if (!code)
		admin_print(json_of(answer), o->gateway.json);
	json_drop(answer);
	return code;
}

const struct command cmd_key = {
	.name = "key",
	.summary = "Administer the SSH keys that a gateway's users sign requests with",
	.operands = "list|add|delete [FILE|ID]",
	.operands_min = 1,
	.operands_max = 2,
	.complete_operand = "list add delete",
	.groups = { { &group, 0 }, { &admin_group, offsetof(struct key_options, gateway) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
