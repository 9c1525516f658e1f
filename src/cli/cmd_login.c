#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/prompt.h"
#include "cli/remote.h"
#include "cli/secret_file.h"
#include "crypto/secret.h"

enum { PASSWORD_MAX = 1024, NAME_MAX_BYTES = 1024 };

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

static void tell(struct cli *cli, const struct login_options *o, const struct login *l,
	struct json_ref answer, const char *name)
{
	if (!o->remote.json) {
		log_info(&cli->log, "logged in at %s as %s", l->url, name);
		return;
	}
	struct json *facts = json_make_object();
	json_put_text(facts, "url", l->url);
	json_put(facts, "user", json_clone(json_get(answer, "user")));
	json_put(facts, "expiresAt", json_clone(json_get(answer, "expiresAt")));
	admin_print(json_of(facts), true);
	json_drop(facts);
}

static int keep(struct cli *cli, const struct login_options *o, const struct remote *r,
	struct json_ref answer)
{
	struct login l = { .url = "" };
	const char *token = json_get_text(answer, "token");
	const char *name = json_get_text(json_get(answer, "user"), "username");
	snprintf(l.url, sizeof(l.url), "%s", remote_url(r));
	/* Later commands may run in another folder. */
	char *ca_file = o->remote.ca_file ? realpath(o->remote.ca_file, NULL) : NULL;
	snprintf(l.ca_file, sizeof(l.ca_file), "%s", ca_file ? ca_file : "");
	free(ca_file);
	snprintf(l.pin, sizeof(l.pin), "%s", o->remote.pin ? o->remote.pin : "");
	snprintf(l.token, sizeof(l.token), "%s", token ? token : "");
	if (!*l.token) {
		log_error(&cli->log, "%s gave no session: is it a gateway?", l.url);
		return CLI_FAILURE;
	}
	int code = login_write(cli, &l);
	if (!code)
		tell(cli, o, &l, answer, name ? name : "");
	secret_wipe(&l, sizeof(l));
	return code;
}

/* A link that a gateway printed ends in #login=CODE. */
static int exchange(struct cli *cli, const struct login_options *o, char *link, char *code_text)
{
	struct remote *r;
	struct json *answer = NULL, *body = json_make_object();
	json_put_text(body, "code", code_text);
	json_put_bool(body, "bearer", true);
	secret_wipe(code_text, strlen(code_text)); /* it stands in the list of processes */
	*strchr(link, '#') = '\0';
	int code = remote_open_url(cli, &o->remote, link, &r);
	if (!code)
		code = remote_call(r, "POST", "/api/auth/exchange", body, &answer);
	else
		json_drop(body);
	if (!code)
		code = keep(cli, o, r, json_of(answer));
	json_drop(answer);
	remote_close(r);
	return code;
}

static int take_name(struct cli *cli, const struct login_options *o, char out[NAME_MAX_BYTES])
{
	snprintf(out, NAME_MAX_BYTES, "%s", o->username ? o->username : "");
	if (*out || (!prompt("User name", false, out, NAME_MAX_BYTES) && *out))
		return CLI_OK;
	log_error(&cli->log, "no user name was given: --username NAME");
	return CLI_FAILURE;
}

static int take_password(struct cli *cli, const struct login_options *o, char out[PASSWORD_MAX])
{
	char error[SECRET_FILE_ERROR_MAX];
	if (o->password_file) {
		if (!secret_file_read(o->password_file, out, PASSWORD_MAX, error))
			return CLI_OK;
		log_error(&cli->log, "%s", error);
		return CLI_FAILURE;
	}
	if (!prompt("Password", true, out, PASSWORD_MAX))
		return CLI_OK;
	log_error(&cli->log, "no password was given");
	return CLI_FAILURE;
}

static int ask_login(struct remote *r, const char *user, const char *password, const char *totp,
	struct json **answer)
{
	struct json *body = json_make_object();
	json_put_text(body, "username", user);
	json_put_text(body, "password", password);
	json_put_bool(body, "bearer", true);
	if (*totp)
		json_put_text(body, "totpCode", totp);
	return remote_ask(r, "POST", "/api/auth/login", body, answer);
}

static int try_login(struct remote *r, const char *user, const char *password, struct json **answer)
{
	char totp[16] = "";
	int code = ask_login(r, user, password, totp, answer);
	if (code && json_bool(json_get(json_of(*answer), "totpRequired"), false) &&
		!prompt("One-time code", false, totp, sizeof(totp)) && *totp) {
		json_drop(*answer);
		code = ask_login(r, user, password, totp, answer);
	}
	return code ? remote_judge(r, json_of(*answer)) : CLI_OK;
}

static int login(struct cli *cli, const struct login_options *o, const char *url)
{
	struct remote *r;
	struct json *answer = NULL;
	char user[NAME_MAX_BYTES], password[PASSWORD_MAX];
	int code = remote_open_url(cli, &o->remote, url, &r);
	if (!code)
		code = take_name(cli, o, user);
	if (!code)
		code = take_password(cli, o, password);
	if (!code)
		code = try_login(r, user, password, &answer);
	secret_wipe(password, sizeof(password));
	if (!code)
		code = keep(cli, o, r, json_of(answer));
	json_drop(answer);
	remote_close(r);
	return code;
}

/* The login goes in any case, also when the gateway does not know it any more. */
static int logout(struct cli *cli, const struct login_options *o)
{
	struct remote *r;
	struct json *answer = NULL;
	struct login kept = { .url = "" }, none = { .url = "" };
	struct remote_options there = o->remote;
	if (login_read(cli, &kept)) {
		log_info(&cli->log, "no login is kept here");
		return login_write(cli, &none);
	}
	secret_wipe(kept.token, sizeof(kept.token));
	there.gateway_url = kept.url;
	there.key = there.token_file = NULL;
	int code = remote_open(cli, &there, &r);
	if (!code)
		code = remote_ask(r, "POST", "/api/auth/logout", json_make_object(), &answer);
	/* 401: it has ended already. */
	if (code && json_get_text(json_of(answer), "error"))
		code = CLI_OK;
	else if (code && r)
		code = remote_judge(r, json_of(answer));
	if (code)
		log_warn(&cli->log, "the login is forgotten here; at %s it lasts up to a day",
			kept.url);
	int written = login_write(cli, &none);
	json_drop(answer);
	remote_close(r);
	return code ? code : written;
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
