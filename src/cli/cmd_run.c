#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/shape.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/remote.h"

enum { TARGET_MAX = 512, PAGE = 200, FOLLOW_S = 1 };

struct run_options {
	const char *run_id, *worker_type, *label, *agent_id, *status;
	struct opt_list tag;
	bool follow;
	struct remote_options remote;
};

static const struct opt rows[] = {
	{ .name = "run-id",
		.arg = "ID",
		OPT_AT(struct run_options, run_id),
		.shown = "a new one",
		.help = "create: the id, 1 to 50 of A-Z a-z 0-9 _ -" },
	{ .name = "worker-type",
		.arg = "TYPE",
		OPT_AT(struct run_options, worker_type),
		.help = "create: what the run is" },
	{ .name = "label",
		.arg = "TEXT",
		OPT_AT(struct run_options, label),
		.help = "create: a name that people see" },
	{ .name = "agent-id",
		.arg = "ID",
		OPT_AT(struct run_options, agent_id),
		.help = "create: only this machine may take it; without it any that "
			"waits for runs does" },
	{ .name = "tag",
		.arg = "TEXT",
		OPT_AT(struct run_options, tag),
		.help = "create: a tag; may be repeated" },
	{ .name = "status",
		.arg = "STATE",
		OPT_AT(struct run_options, status),
		.help = "list: only runs in this state (pending, running, done, failed)" },
	{ .name = "follow",
		.letter = 'f',
		OPT_AT(struct run_options, follow),
		.help = "events: go on printing them as they come" },
};

static const struct opt_group group = { "Runs", rows, ARRAY_LEN(rows) };
static const struct run_options defaults = { .worker_type = "vnc" };

static int create(struct remote *r, const struct run_options *o)
{
	struct json *body = json_make_object(), *answer;
	json_put_text(body, "workerType", o->worker_type);
	if (o->run_id)
		json_put_text(body, "id", o->run_id);
	if (o->label)
		json_put_text(body, "label", o->label);
	if (o->agent_id)
		json_put_text(body, "agentId", o->agent_id);
	if (o->tag.n > 0) {
		struct json *tags = json_make_list();
		for (size_t i = 0; i < o->tag.n; i++)
			json_add(tags, json_make_text(o->tag.v[i]));
		json_put(body, "tags", tags);
	}
	int code = remote_call(r, "POST", "/api/runs", body, &answer);
	if (!code)
		admin_print(json_of(answer), o->remote.json);
	json_drop(answer);
	return code;
}

static int list(struct remote *r, const struct run_options *o)
{
	static const struct admin_column columns[] = {
		{ "ID", "id" },
		{ "STATUS", "status" },
		{ "TYPE", "worker_type" },
		{ "LABEL", "label" },
		{ "AGENT", "agent_id" },
	};
	struct json *all = json_make_list();
	long long offset = 0;
	bool more = true;
	int code = CLI_OK;
	while (more && !code) {
		char target[TARGET_MAX];
		struct json *answer;
		snprintf(target, sizeof(target), "/api/runs?limit=%d&offset=%lld%s%s", PAGE, offset,
			o->status ? "&status=" : "", o->status ? o->status : "");
		code = remote_call(r, "GET", target, NULL, &answer);
		struct json_ref page = json_get(json_of(answer), "runs");
		for (size_t i = 0; i < json_len(page); i++)
			json_add(all, json_clone(json_at(page, i)));
		offset += (long long)json_len(page);
		more = json_bool(json_get(json_of(answer), "hasMore"), false) && json_len(page) > 0;
		json_drop(answer);
	}
	if (!code && o->remote.json)
		admin_print(json_of(all), true);
	else if (!code)
		admin_print_table(json_of(all), columns, ARRAY_LEN(columns));
	json_drop(all);
	return code;
}

static int call_and_print(
	struct remote *r, const struct run_options *o, const char *method, const char *target)
{
	struct json *answer;
	struct json *body = strcmp(method, "POST") ? NULL : json_make_object();
	int code = remote_call(r, method, target, body, &answer);
	if (!code)
		admin_print(json_of(answer), o->remote.json);
	json_drop(answer);
	return code;
}

static void print_event(struct json_ref e, bool as_json)
{
	if (as_json) {
		admin_print(e, true);
		return;
	}
	const char *type = json_get_text(e, "type"), *data = json_get_text(e, "data");
	printf("%s: ", type ? type : "?");
	for (; data && *data; data++) {
		bool control = (unsigned char)*data < 0x20 && *data != '\n' && *data != '\t';
		putchar(control || *data == 0x7f ? '?' : *data);
	}
	putchar('\n');
}

/* Prints those after *after and moves it on. */
static int print_events(
	struct remote *r, const struct run_options *o, const char *id, long long *after, size_t *n)
{
	char target[TARGET_MAX];
	struct json *answer;
	snprintf(target, sizeof(target), "/api/runs/%s/events?after=%lld&limit=1000", id, *after);
	int code = remote_call(r, "GET", target, NULL, &answer);
	struct json_ref list = json_of(answer);
	*n = json_len(list);
	for (size_t i = 0; !code && i < *n; i++) {
		print_event(json_at(list, i), o->remote.json);
		*after = json_int(json_get(json_at(list, i), "id"), *after);
	}
	fflush(stdout);
	json_drop(answer);
	return code;
}

static int events(struct remote *r, const struct run_options *o, const char *id)
{
	long long after = 0;
	size_t n;
	int code;
	do {
		code = print_events(r, o, id, &after, &n);
		if (!code && n == 0 && o->follow)
			sleep(FOLLOW_S);
	} while (!code && (n > 0 || o->follow) && !ferror(stdout));
	return code;
}

static int with_run(
	struct cli *cli, struct remote *r, const struct run_options *o, const char *what)
{
	char target[TARGET_MAX];
	const char *id = cli->argv[1];
	if (!strcmp(what, "events"))
		return events(r, o, id);
	snprintf(target, sizeof(target), "/api/runs/%s%s", id, strcmp(what, "stop") ? "" : "/stop");
	if (!strcmp(what, "delete"))
		return call_and_print(r, o, "DELETE", target);
	return call_and_print(r, o, strcmp(what, "stop") ? "GET" : "POST", target);
}

static bool is_state(const char *text)
{
	static const char *const states[] = { "pending", "running", "done", "failed" };
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (!strcmp(text, states[i]))
			return true;
	return false;
}

static int run(struct cli *cli, void *options)
{
	static const char *const verbs[] = { "create", "list", "show", "stop", "delete", "events" };
	const struct run_options *o = options;
	const char *what = cli->argv[0];
	struct remote *r = NULL;
	bool known = false;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		known |= !strcmp(what, verbs[i]);
	if (!known)
		return cli_usage_error(cli->command,
			"'%.32s' is nothing to do with runs; create, list, show, stop, delete and "
			"events are",
			what);
	bool all = !strcmp(what, "create") || !strcmp(what, "list");
	if (!all && (cli->argc < 2 || !shape_is_id(cli->argv[1])))
		return cli_usage_error(
			cli->command, "name the run by its id: porthole run %.32s ID", what);
	if (all && cli->argc > 1)
		return cli_usage_error(cli->command, "%.32s takes no '%.64s'%s", what, cli->argv[1],
			strcmp(what, "create") ? "" : "; --run-id gives an id");
	if (o->status && !is_state(o->status))
		return cli_usage_error(cli->command,
			"--status is pending, running, done or failed, not '%.32s'", o->status);
	int code = remote_open(cli, &o->remote, &r);
	if (!code && !strcmp(what, "create"))
		code = create(r, o);
	else if (!code && !strcmp(what, "list"))
		code = list(r, o);
	else if (!code)
		code = with_run(cli, r, o, what);
	remote_close(r);
	return code;
}

const struct command cmd_run = {
	.name = "run",
	.summary = "Create, list, show, stop and follow a gateway's runs",
	.operands = "create|list|show|stop|delete|events [ID]",
	.operands_min = 1,
	.operands_max = 2,
	.complete_operand = "create list show stop delete events",
	.groups = { { &group, 0 }, { &remote_group, offsetof(struct run_options, remote) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
