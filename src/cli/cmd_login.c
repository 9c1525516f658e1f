#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/prompt.h"
#include "cli/remote.h"
#include "cli/secret_file.h"
#include "crypto/secret.h"

enum { PASSWORD_MAX = 256 };

struct login_options {
	const char *username, *password_file;
	bool logout;
	struct remote_options remote;
};

static const struct opt login_rows[] = {
	{ .name = "username",
		.arg = "NAME",
		OPT_AT(struct login_options, username),
		.help = "Who; asked for when not given" },
	{ .name = "password-file",
		.arg = "FILE",
		OPT_AT(struct login_options, password_file),
		.help = "The password is the first line of this file (mode 0600), instead of "
			"asking" },
	{ .name = "logout",
		OPT_AT(struct login_options, logout),
		.help = "End the session that was kept" },
};

static const struct opt_group group = { "Logging in", login_rows, ARRAY_LEN(login_rows) };
static const struct login_options defaults;

/* "session=VALUE" */
static bool take_token(const char *cookie, char out[LOGIN_TEXT_MAX])
{
	if (strncmp(cookie, "session=", 8) || !cookie[8])
		return false;
	snprintf(out, LOGIN_TEXT_MAX, "%s", cookie + 8);
	return true;
}

static int keep(struct cli *cli, const struct login_options *o, const char *url, const char *cookie)
{
	struct login l = { .url = "" };
	snprintf(l.url, sizeof(l.url), "%s", url);
	for (size_t n = strlen(l.url); n > 0 && l.url[n - 1] == '/'; n--)
		l.url[n - 1] = '\0';
	snprintf(l.ca_file, sizeof(l.ca_file), "%s", o->remote.ca_file ? o->remote.ca_file : "");
	snprintf(l.pin, sizeof(l.pin), "%s", o->remote.pin ? o->remote.pin : "");
	if (!take_token(cookie, l.token)) {
		log_error(&cli->log, "%s gave no session: is it a gateway?", url);
		return CLI_FAILURE;
	}
	int code = login_write(cli, &l);
	secret_wipe(&l, sizeof(l));
	return code;
}

/* A link that a gateway printed ends in #login=CODE. */
static int exchange(struct cli *cli, const struct login_options *o, char *link, char *code_text)
{
	struct remote *r;
	struct json *answer = NULL;
	char cookie[LOGIN_TEXT_MAX];
	*strchr(link, '#') = '\0';
	int code = remote_open_url(cli, &o->remote, link, &r);
	if (!code) {
		struct json *body = json_make_object();
		json_put_text(body, "code", code_text);
		code = remote_call(
			r, "POST", "/api/auth/exchange", body, &answer, cookie, sizeof(cookie));
	}
	if (!code)
		code = keep(cli, o, link, cookie);
	json_drop(answer);
	remote_close(r);
	return code;
}

static int take_password(struct cli *cli, const struct login_options *o, char out[PASSWORD_MAX])
{
	char error[SECRET_FILE_ERROR_MAX];
	if (!o->password_file)
		return prompt("Password", true, out, PASSWORD_MAX) ? CLI_FAILURE : CLI_OK;
	if (!secret_file_read(o->password_file, out, PASSWORD_MAX, error))
		return CLI_OK;
	log_error(&cli->log, "%s", error);
	return CLI_FAILURE;
}

static struct json *credentials(const char *user, const char *password, const char *totp)
{
	struct json *body = json_make_object();
	json_put_text(body, "username", user);
	json_put_text(body, "password", password);
	if (*totp)
		json_put_text(body, "totpCode", totp);
	return body;
}

static int try_login(struct remote *r, const char *user, const char *password, char *cookie)
{
	struct json *answer;
	char totp[16] = "";
	int code = remote_call(r, "POST", "/api/auth/login", credentials(user, password, totp),
		&answer, cookie, LOGIN_TEXT_MAX);
	bool wanted = json_bool(json_get(json_of(answer), "totpRequired"), false);
	json_drop(answer);
	if (!wanted || prompt("One-time code", false, totp, sizeof(totp)))
		return code;
	code = remote_call(r, "POST", "/api/auth/login", credentials(user, password, totp), &answer,
		cookie, LOGIN_TEXT_MAX);
	json_drop(answer);
	return code;
}

static int login(struct cli *cli, const struct login_options *o, const char *url)
{
	struct remote *r;
	char user[256], password[PASSWORD_MAX], cookie[LOGIN_TEXT_MAX];
	snprintf(user, sizeof(user), "%s", o->username ? o->username : "");
	int code = remote_open_url(cli, &o->remote, url, &r);
	if (!code && !*user && prompt("User name", false, user, sizeof(user)))
		code = CLI_FAILURE;
	if (!code)
		code = take_password(cli, o, password);
	if (!code)
		code = try_login(r, user, password, cookie);
	secret_wipe(password, sizeof(password));
	if (!code)
		code = keep(cli, o, url, cookie);
	if (!code)
		log_info(&cli->log, "logged in at %s as %s", url, user);
	remote_close(r);
	return code;
}

static int logout(struct cli *cli, const struct login_options *o)
{
	struct remote *r;
	struct json *answer = NULL;
	struct login none = { .url = "" };
	int code = remote_open(cli, &o->remote, &r);
	if (!code)
		code = remote_call(
			r, "POST", "/api/auth/logout", json_make_object(), &answer, NULL, 0);
	if (!code)
		code = login_write(cli, &none);
	json_drop(answer);
	remote_close(r);
	return code;
}

static int run(struct cli *cli, void *options)
{
	const struct login_options *o = options;
	if (o->logout)
		return logout(cli, o);
	if (cli->argc == 0)
		return cli_usage_error(cli->command, "at which gateway? porthole login URL");
	char *code = strstr(cli->argv[0], "#login=");
	if (code)
		return exchange(cli, o, cli->argv[0], code + strlen("#login="));
	return login(cli, o, cli->argv[0]);
}

const struct command cmd_login = {
	.name = "login",
	.summary = "Log in at a gateway, for the commands that speak to it",
	.operands = "URL",
	.operands_max = 1,
	.groups = { { &group, 0 }, { &remote_group, offsetof(struct login_options, remote) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
