#include <stdio.h>
#include <string.h>

#include "base/shape.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "crypto/secret.h"

enum { TARGET_MAX = 128, URL_MAX = 4096 };

static const char *const rights[] = { "control", "view", NULL };

struct ticket_options {
	int rights, ttl;
	struct remote_options remote;
};

static const struct opt rows[] = {
	{ .name = "rights",
		.arg = "RIGHTS",
		.choices = rights,
		OPT_AT(struct ticket_options, rights),
		.help = "What its bearer may do" },
	{ .name = "ttl",
		.arg = "SECONDS",
		.min = 1,
		.max = 30,
		OPT_AT(struct ticket_options, ttl),
		.help = "How long it is valid" },
};

static const struct opt_group group = { "The ticket", rows, ARRAY_LEN(rows) };
static const struct ticket_options defaults = { .ttl = 30 };

/* "wss://.../ws/vnc/ID?ticket=...", for tools that take nothing but an address. */
static void put_url(struct json *answer, const char *gateway)
{
	char url[URL_MAX];
	const char *path = json_get_text(json_of(answer), "wsUrl");
	const char *ticket = json_get_text(json_of(answer), "ticket");
	if (!path || !ticket)
		return;
	snprintf(url, sizeof(url), "ws%s%s?ticket=%s", gateway + strlen("http"), path, ticket);
	json_put_text(answer, "url", url);
	secret_wipe(url, sizeof(url));
}

static int run(struct cli *cli, void *options)
{
	const struct ticket_options *o = options;
	char target[TARGET_MAX];
	struct remote *r = NULL;
	struct json *answer = NULL;
	if (!shape_is_id(cli->argv[0]))
		return cli_usage_error(cli->command, "'%.64s' is no run's id", cli->argv[0]);
	int code = remote_open(cli, &o->remote, &r);
	if (!code) {
		struct json *body = json_make_object();
		json_put_text(body, "rights", rights[o->rights]);
		json_put_int(body, "ttl", o->ttl);
		snprintf(target, sizeof(target), "/api/runs/%s/vnc/tickets", cli->argv[0]);
		code = remote_call(r, "POST", target, body, &answer);
	}
	if (!code) {
		put_url(answer, remote_url(r));
		admin_print(json_of(answer), o->remote.json);
	}
	json_drop(answer);
	remote_close(r);
	return code;
}

const struct command cmd_ticket = {
	.name = "ticket",
	.summary = "Get a ticket that lets one viewer see a run once",
	.operands = "RUN",
	.operands_min = 1,
	.operands_max = 1,
	.groups = { { &group, 0 }, { &remote_group, offsetof(struct ticket_options, remote) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
