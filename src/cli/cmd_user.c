#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/prompt.h"
#include "cli/secret_file.h"
#include "crypto/secret.h"

enum { PASSWORD_MAX = 256 };

static const char *const roles[] = { "operator", "admin", "viewer", NULL };
enum { ROLE_NOT_GIVEN = -1, ROLE_OPERATOR, ROLE_ADMIN };

struct user_options {
	int role;
	bool admin, totp;
	const char *password_file;
	struct admin_options gateway;
};

static const struct opt rows[] = {
	{ .name = "role",
		.arg = "ROLE",
		.choices = roles,
		OPT_AT(struct user_options, role),
		.shown = "operator",
		.help = "What the user may do: viewers look, operators control, admins "
			"administer" },
	{ .name = "admin", OPT_AT(struct user_options, admin), .help = "The same as --role admin" },
	{ .name = "totp",
		OPT_AT(struct user_options, totp),
		.help = "Ask for a one-time code too when the user logs in" },
	{ .name = "password-file",
		.arg = "FILE",
		OPT_AT(struct user_options, password_file),
		.help = "The password is the first line of this file (mode 0600), instead of "
			"asking" },
};

static const struct opt_group group = {
	"ACTION: list, create, delete, disable, enable, password, role, no-totp, link", rows,
	ARRAY_LEN(rows)
};
static const struct user_options defaults = { .role = ROLE_NOT_GIVEN };

static const char *role_of(const struct user_options *o)
{
	if (o->admin)
		return roles[ROLE_ADMIN];
	return roles[o->role == ROLE_NOT_GIVEN ? ROLE_OPERATOR : o->role];
}

static int take_password(struct cli *cli, const struct user_options *o, char out[PASSWORD_MAX])
{
	char error[SECRET_FILE_ERROR_MAX], again[PASSWORD_MAX];
	if (o->password_file) {
		if (!secret_file_read(o->password_file, out, PASSWORD_MAX, error))
			return CLI_OK;
		log_error(&cli->log, "%s", error);
		return CLI_FAILURE;
	}
	if (prompt("Password (12 to 200 characters)", true, out, PASSWORD_MAX) ||
		prompt("The same again", true, again, sizeof(again))) {
		log_error(&cli->log, "no password was given");
		return CLI_FAILURE;
	}
	bool same = !strcmp(out, again);
	secret_wipe(again, sizeof(again));
	if (!same)
		log_error(&cli->log, "the two differ");
	return same ? CLI_OK : CLI_FAILURE;
}

static int print(struct cli *cli, const struct user_options *o, const char *op, struct json *args)
{
	struct json *answer;
	int code = admin_ask(cli, o->gateway.data_dir, op, args, &answer);
	if (!code)
		admin_print(json_of(answer), o->gateway.json);
	json_drop(answer);
	return code;
}

static int create(struct cli *cli, const struct user_options *o)
{
	char password[PASSWORD_MAX];
	struct json *answer;
	int code = take_password(cli, o, password);
	if (code)
		return code;
	struct json *args = json_make_object();
	json_put_text(args, "username", cli->argv[1]);
	json_put_text(args, "password", password);
	json_put_text(args, "role", role_of(o));
	json_put_bool(args, "enableTotp", o->totp);
	secret_wipe(password, sizeof(password));
	code = admin_ask(cli, o->gateway.data_dir, "user.create", args, &answer);
	if (!code)
		admin_print(json_of(answer), o->gateway.json);
	if (!code && o->totp && !o->gateway.json)
		puts("Put totpUri into an authenticator application now: it is not shown again.");
	json_drop(answer);
	return code;
}

static int list(struct cli *cli, const struct user_options *o)
{
	static const struct admin_column columns[] = {
		{ "NAME", "username" },
		{ "ROLE", "role" },
		{ "DISABLED", "disabled" },
		{ "TOTP", "totp" },
		{ "ID", "id" },
	};
	struct json *answer;
	int code = admin_ask(cli, o->gateway.data_dir, "user.list", NULL, &answer);
	if (!code && o->gateway.json)
		admin_print(json_of(answer), true);
	else if (!code)
		admin_print_table(json_get(json_of(answer), "users"), columns, ARRAY_LEN(columns));
	json_drop(answer);
	return code;
}

static int change(struct cli *cli, const struct user_options *o, const char *what)
{
	static const char *const names[] = { "username", "id", NULL };
	char password[PASSWORD_MAX], id[ADMIN_ID_MAX];
	int code =
		admin_find(cli, o->gateway.data_dir, "user.list", "users", names, cli->argv[1], id);
	bool sets_password = !strcmp(what, "password");
	if (!code && sets_password)
		code = take_password(cli, o, password);
	if (code)
		return code;
	struct json *args = json_make_object();
	json_put_text(args, "id", id);
	if (!strcmp(what, "role"))
		json_put_text(args, "role", role_of(o));
	if (!strcmp(what, "disable") || !strcmp(what, "enable"))
		json_put_bool(args, "disabled", !strcmp(what, "disable"));
	if (!strcmp(what, "no-totp"))
		json_put_bool(args, "resetTotp", true);
	if (sets_password) {
		json_put_text(args, "password", password);
		secret_wipe(password, sizeof(password));
	}
	return print(cli, o, strcmp(what, "delete") ? "user.update" : "user.delete", args);
}

/* A link that logs a user in once: for the first steps, and for who forgot. */
static int make_link(struct cli *cli, const struct user_options *o)
{
	char url[ADMIN_URL_MAX], text[ADMIN_URL_MAX + 256];
	struct json *args = json_make_object(), *answer;
	json_put_text(args, "username", cli->argv[1]);
	int code = admin_ask(cli, o->gateway.data_dir, "auth.link", args, &answer);
	const char *login = json_get_text(json_of(answer), "code");
	if (!code && login && admin_url(o->gateway.data_dir, url)) {
		snprintf(text, sizeof(text), "%s/#login=%s", url, login);
		json_put_text(answer, "link", text);
	}
	if (!code)
		admin_print(json_of(answer), o->gateway.json);
	json_drop(answer);
	return code;
}

static bool is_action(const char *what)
{
	static const char *const actions[] = { "list", "create", "delete", "disable", "enable",
		"password", "role", "no-totp", "link" };
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (!strcmp(what, actions[i]))
			return true;
	return false;
}

static int run(struct cli *cli, void *options)
{
	const struct user_options *o = options;
	const char *what = cli->argv[0];
	bool lists = !strcmp(what, "list");
	if (!is_action(what))
		return cli_usage_error(cli->command,
			"'%.32s' is nothing to do with users; list, create, delete, disable, "
			"enable, password, role, no-totp and link are",
			what);
	if (!lists && cli->argc < 2)
		return cli_usage_error(
			cli->command, "name the user: porthole user %.32s NAME", what);
	if (lists && cli->argc > 1)
		return cli_usage_error(cli->command, "list takes no '%.64s'", cli->argv[1]);
	if (!strcmp(what, "role") && !o->admin && o->role == ROLE_NOT_GIVEN)
		return cli_usage_error(cli->command, "say which role: --role ROLE");
	if (lists)
		return list(cli, o);
	if (!strcmp(what, "create"))
		return create(cli, o);
	return strcmp(what, "link") ? change(cli, o, what) : make_link(cli, o);
}

const struct command cmd_user = {
	.name = "user",
	.summary = "Administer a gateway's users on its machine",
	.operands = "ACTION [NAME]",
	.operands_min = 1,
	.operands_max = 2,
	.complete_operand = "list create delete disable enable password role no-totp link",
	.groups = { { &group, 0 }, { &admin_group, offsetof(struct user_options, gateway) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
