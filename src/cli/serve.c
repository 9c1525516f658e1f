#include "cli/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "share/password.h"

enum { FRAMERATE = 60, JOINED_FRAMERATE = 30 };

static const struct opt rows[] = {
	{ .name = "listen",
		.letter = 'l',
		.arg = "ADDRESS",
		OPT_AT(struct serve_options, listen),
		.shown = "127.0.0.1:5900, or the next free port",
		.help = "Where browsers and VNC viewers come in: HOST:PORT, [IPv6]:PORT, PORT or "
			"unix:PATH; may be repeated" },
	{ .name = "rfb-listen",
		.arg = "ADDRESS",
		OPT_AT(struct serve_options, rfb_listen),
		.help = "Where only VNC viewers come in, and are greeted at once" },
	{ .name = "password-file",
		.letter = 'p',
		.arg = "FILE",
		OPT_AT(struct serve_options, password_file),
		.help = "Ask for a password: the file's first line; its second line, if any, lets "
			"viewers in who may only look (mode 0600)" },
	{ .name = "allow-none",
		OPT_AT(struct serve_options, allow_none),
		.help = "Let anybody in without a password, also from other machines" },
	{ .name = "allow-local-users",
		OPT_AT(struct serve_options, allow_local_users),
		.help = "Let VNC viewers of other users of this machine in without a password" },
	{ .name = "view-only",
		OPT_AT(struct serve_options, view_only),
		.help = "Viewers may look but not touch" },
	{ .name = "exclusive",
		OPT_AT(struct serve_options, exclusive),
		.help = "One viewer at a time: a new one takes the place of the old" },
	{ .name = "max-viewers",
		.arg = "N",
		.min = 0,
		.max = 10000,
		OPT_AT(struct serve_options, max_viewers),
		.shown = "no limit",
		.help = "Refuse further viewers while N are connected" },
	{ .name = "framerate",
		.arg = "N",
		.min = 1,
		.max = 240,
		OPT_AT(struct serve_options, framerate),
		.shown = "60, or 30 for a given run",
		.help = "Most frames a second" },
	{ .name = "name",
		.arg = "TEXT",
		OPT_AT(struct serve_options, name),
		.shown = "this machine's name",
		.help = "Name that viewers show" },
	{ .name = "host",
		.arg = "NAME",
		OPT_AT(struct serve_options, host),
		.help = "A further host name that browsers may use to reach the viewer; may be "
			"repeated" },
	{ .name = "origin",
		.arg = "URL",
		OPT_AT(struct serve_options, origin),
		.help = "A web page's origin (https://example.org) that may connect; may be "
			"repeated" },
	{ .name = "json",
		OPT_AT(struct serve_options, json),
		.help = "Print one line of JSON when ready" },
};

const struct opt_group serve_group = { "Viewers", rows, ARRAY_LEN(rows) };

struct server {
	struct cli *cli;
	const struct serve_options *options;
	struct join join;
	struct share_config *config;
	struct loop *loop;
	struct share *share;
	const char *hosts[OPT_LIST_MAX + 1], *origins[OPT_LIST_MAX + 1];
	struct share_listen listen[SHARE_LISTEN_MAX];
	char name[256];
	bool ended, stopping;
	int code;
};

static void print_address(const struct share_listen *l, const char *secret, char *out, size_t cap)
{
	char text[ADDRESS_TEXT_MAX];
	address_text(&l->got, text);
	if (address_is_unix(&l->got) || l->rfb_only)
		snprintf(out, cap, "%s", text);
	else
		snprintf(out, cap, "http://%s/%s%s", text, *secret ? "#" : "", secret);
}

static void tell_moved(struct server *s, const struct share_listen *l)
{
	if (address_port(&l->address) && address_port(&l->address) != address_port(&l->got))
		log_warn(&s->cli->log, "port %d is in use, so this is port %d",
			address_port(&l->address), address_port(&l->got));
}

static void print_text(struct server *s)
{
	for (int i = 0; i < s->config->n_listen; i++) {
		const struct share_listen *l = &s->listen[i];
		char text[512];
		print_address(l, share_secret(s->share), text, sizeof(text));
		bool viewer = l->rfb_only || address_is_unix(&l->got);
		printf("%s %s\n", viewer ? "VNC viewer:" : "Browser:   ", text);
	}
}

static void print_json(struct server *s)
{
	struct json *facts = json_make_object();
	struct json *browser = json_make_list(), *vnc = json_make_list();
	for (int i = 0; i < s->config->n_listen; i++) {
		const struct share_listen *l = &s->listen[i];
		bool viewer = l->rfb_only || address_is_unix(&l->got);
		char text[512];
		print_address(l, share_secret(s->share), text, sizeof(text));
		json_add(viewer ? vnc : browser, json_make_text(text));
	}
	json_put(facts, "browser", browser);
	json_put(facts, "vnc", vnc);
	char *line = json_print(facts, false);
	if (line)
		puts(line);
	free(line);
	json_drop(facts);
}

static void on_ready(void *ctx)
{
	struct server *s = ctx;
	for (int i = 0; i < s->config->n_listen; i++)
		tell_moved(s, &s->listen[i]);
	if (s->options->json)
		print_json(s);
	else
		print_text(s);
	fflush(stdout);
}

static void on_end(void *ctx, bool failed, const char *why)
{
	struct server *s = ctx;
	if (s->ended) /* one thing that ends takes others along: the first is the reason */
		return;
	s->ended = true;
	if (failed)
		log_error(&s->cli->log, "%s", why);
	else if (!s->stopping)
		log_info(&s->cli->log, "%s", why);
	s->code = failed ? CLI_FAILURE : CLI_OK;
	loop_stop(s->loop);
}

static const struct share_events share_events = { on_ready, on_end };

/* The second one does not wait for the gateway to be told. */
static void on_signal(void *ctx)
{
	struct server *s = ctx;
	if (s->stopping || !s->share)
		loop_stop(s->loop);
	else
		share_stop(s->share);
	s->stopping = true;
}

static void on_lost(void *ctx)
{
	on_end(ctx, true, "the supervisor process is gone: start porthole again");
}

static int add_listen(struct server *s, const char *text, bool may_move, bool rfb_only)
{
	if (s->config->n_listen == SHARE_LISTEN_MAX)
		return cli_usage_error(
			s->cli->command, "more than %d addresses to listen on", SHARE_LISTEN_MAX);
	struct share_listen *l = &s->listen[s->config->n_listen++];
	l->may_move = may_move;
	l->rfb_only = rfb_only;
	if (address_parse(text, &l->address))
		return cli_usage_error(s->cli->command,
			"'%.64s' is no address to listen on; 127.0.0.1:5900, [::1]:5900, 5900 and "
			"unix:/path are some",
			text);
	return CLI_OK;
}

static int take_addresses(struct server *s)
{
	const struct serve_options *o = s->options;
	int code = CLI_OK;
	for (size_t i = 0; !code && i < o->listen.n; i++)
		code = add_listen(s, o->listen.v[i], false, false);
	if (!code && o->listen.n == 0)
		code = add_listen(s, "127.0.0.1:5900", true, false);
	for (size_t i = 0; !code && i < o->rfb_listen.n; i++)
		code = add_listen(s, o->rfb_listen.v[i], false, true);
	if (!code && o->rfb_listen.n == 0 && s->config->source == SHARE_DESKTOP)
		code = add_listen(s, "127.0.0.1:5901", true, true);
	return code;
}

static const char *desktop_name(struct server *s)
{
	if (s->options->name)
		return s->options->name;
	if (gethostname(s->name, sizeof(s->name) - 1) || !s->name[0])
		return "porthole";
	return s->name;
}

static void fill_config(struct server *s, struct child *child)
{
	const struct serve_options *o = s->options;
	struct share_config *c = s->config;
	memcpy(s->hosts, o->host.v, sizeof(o->host.v[0]) * o->host.n);
	memcpy(s->origins, o->origin.v, sizeof(o->origin.v[0]) * o->origin.n);
	c->log = &s->cli->log;
	c->child = child;
	c->name = desktop_name(s);
	c->framerate = o->framerate;
	if (!c->framerate)
		c->framerate = o->join.run_id ? JOINED_FRAMERATE : FRAMERATE;
	c->max_viewers = o->max_viewers;
	c->exclusive = o->exclusive;
	c->view_only = o->view_only;
	c->allow_none = o->allow_none;
	c->allow_local_users = o->allow_local_users;
	c->password = o->password_file != NULL;
	c->assets = &asset_viewer;
	c->hosts = s->hosts;
	c->origins = s->origins;
	c->listen = s->listen;
	c->agent = s->join.wanted ? &s->join.config : NULL;
}

static int run_loop(struct server *s, struct child *child)
{
	char error[SHARE_ERROR_MAX];
	struct loop_signal *interrupt = loop_signal_create(s->loop, SIGINT, on_signal, s);
	struct loop_signal *terminate = loop_signal_create(s->loop, SIGTERM, on_signal, s);
	struct loop_signal *hangup = loop_signal_create(s->loop, SIGHUP, on_signal, s);
	s->code = CLI_FAILURE;
	if (child_attach(child, s->loop, on_lost, s)) {
		log_error(&s->cli->log, "cannot talk to the supervisor process");
	} else {
		s->share = share_create(s->loop, s->config, &share_events, s, error);
		if (!s->share) {
			log_error(&s->cli->log, "%s", error);
		} else {
			s->code = CLI_OK;
			if (loop_run(s->loop))
				s->code = CLI_FAILURE;
		}
	}
	share_destroy(s->share);
	cli_block_signals();
	loop_signal_destroy(hangup);
	loop_signal_destroy(terminate);
	loop_signal_destroy(interrupt);
	return s->code;
}

static int serve_with(struct server *s, struct child *child)
{
	char error[SHARE_ERROR_MAX];
	const char *file = s->options->password_file;
	fill_config(s, child);
	if (file && password_load(child, file, error, sizeof(error))) {
		log_error(&s->cli->log, "%s", error);
		return CLI_FAILURE;
	}
	s->loop = loop_create();
	if (!s->loop) {
		log_error(&s->cli->log, "cannot make an event loop: %s", strerror(errno));
		return CLI_FAILURE;
	}
	return run_loop(s, child);
}

int serve(struct cli *cli, const struct serve_options *o, struct share_config *config)
{
	struct server s = { .cli = cli, .options = o, .config = config };
	struct password_store passwords = { 0 };
	int code = take_addresses(&s);
	if (!code)
		code = join_take(cli, &o->join, &s.join);
	if (code) {
		join_fini(&s.join);
		return code;
	}
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	struct child *child = child_create(password_serve, &passwords);
	if (!child) {
		log_error(&cli->log, "cannot start the supervisor process: %s", strerror(errno));
		join_fini(&s.join);
		return CLI_FAILURE;
	}
	umask(077); /* ours alone: what the supervisor spawns keeps the user's */
	code = serve_with(&s, child);
	child_destroy(child);
	if (s.loop)
		loop_destroy(s.loop);
	join_fini(&s.join);
	return code;
}
