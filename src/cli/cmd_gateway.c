#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/json.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/data_dir.h"
#include "cli/pem_files.h"
#include "cli/secret_file.h"
#include "crypto/request_signature.h"
#include "crypto/secret.h"
#include "gateway/gateway.h"
#include "net/child.h"

struct gateway_options {
	struct opt_list listen, trusted_proxy, host, origin;
	const char *data_dir, *tls_cert, *tls_key, *public_url, *config, *hmac_secret_file;
	int address_rate, agent_rate, idle_limit, session_limit;
	bool legacy_runner, json;
};

static const struct opt rows[] = {
	{ .name = "listen",
		.letter = 'l',
		.arg = "ADDRESS",
		OPT_AT(struct gateway_options, listen),
		.shown = "127.0.0.1:3100",
		.help = "Where browsers, viewers and agents come in: HOST:PORT, [IPv6]:PORT or "
			"PORT; "
			"may be repeated" },
	{ .name = "data-dir",
		.arg = "DIR",
		OPT_AT(struct gateway_options, data_dir),
		.shown = "~/.local/state/porthole; root: /var/lib/porthole",
		.help = "Where the database is kept" },
	{ .name = "public-url",
		.arg = "URL",
		OPT_AT(struct gateway_options, public_url),
		.shown = "where it listens",
		.help = "How others reach it, when a proxy or a name stands before it" },
	{ .name = "tls-cert",
		.arg = "FILE",
		OPT_AT(struct gateway_options, tls_cert),
		.help = "Certificate chain (PEM); read again on SIGHUP" },
	{ .name = "tls-key",
		.arg = "FILE",
		OPT_AT(struct gateway_options, tls_key),
		.help = "Its private key (PEM, mode 0600)" },
	{ .name = "trusted-proxy",
		.arg = "ADDRESS",
		OPT_AT(struct gateway_options, trusted_proxy),
		.help = "A proxy whose X-Forwarded-For is believed; may be repeated" },
	{ .name = "host",
		.arg = "NAME",
		OPT_AT(struct gateway_options, host),
		.help = "A further host name by which it may be reached; may be repeated" },
	{ .name = "origin",
		.arg = "URL",
		OPT_AT(struct gateway_options, origin),
		.help = "A web page's origin (https://example.org) that may use it; may be "
			"repeated" },
	{ .name = "legacy-runner",
		OPT_AT(struct gateway_options, legacy_runner),
		.help = "Let existing runners stream, who cannot prove on that connection who they "
			"are" },
	{ .name = "hmac-secret-file",
		.arg = "FILE",
		OPT_AT(struct gateway_options, hmac_secret_file),
		.shown = "$HMAC_SECRET",
		.help = "The secret that existing runners sign with; without one they are "
			"refused" },
	{ .name = "address-rate",
		.arg = "N",
		.min = 1,
		.max = 1000000,
		OPT_AT(struct gateway_options, address_rate),
		.help = "Requests a minute from one address without a credential" },
	{ .name = "agent-rate",
		.arg = "N",
		.min = 1,
		.max = 1000000,
		OPT_AT(struct gateway_options, agent_rate),
		.help = "Signed requests a second from one agent" },
	{ .name = "idle-limit",
		.arg = "SECONDS",
		.min = 0,
		.max = 10000000,
		OPT_AT(struct gateway_options, idle_limit),
		.shown = "none",
		.help = "Close a viewer's tunnel when nothing passed for so long" },
	{ .name = "session-limit",
		.arg = "SECONDS",
		.min = 0,
		.max = 10000000,
		OPT_AT(struct gateway_options, session_limit),
		.shown = "none",
		.help = "Close a viewer's tunnel after so long in any case" },
	{ .name = "config",
		.arg = "FILE",
		OPT_AT(struct gateway_options, config),
		.help = "Options from a file, a line each: NAME = VALUE" },
	{ .name = "json",
		OPT_AT(struct gateway_options, json),
		.help = "Print one line of JSON when ready" },
};

static const struct opt_group group = { "The gateway", rows, ARRAY_LEN(rows) };
static const struct gateway_options defaults = { .address_rate = 100, .agent_rate = 500 };

struct server {
	struct cli *cli;
	const struct gateway_options *options;
	struct gateway_config config;
	struct address listen[GATEWAY_LISTEN_MAX];
	const char *hosts[OPT_LIST_MAX + 1], *origins[OPT_LIST_MAX + 1], *proxies[OPT_LIST_MAX + 1];
	char data_dir[DATA_DIR_MAX], socket[DATA_DIR_MAX], hmac_secret[4096];
	struct pem_files pem, next;
	struct child *child;
	struct loop *loop;
	struct gateway *gateway;
	int draining;
	int code;
};

static void on_read_again(void *ctx, int err)
{
	struct server *s = ctx;
	char error[GATEWAY_ERROR_MAX];
	struct buf *cert = &s->next.cert, *key = &s->next.key;
	if (err)
		log_error(&s->cli->log, "the old certificate stays");
	else if (gateway_reload_tls(s->gateway, cert->data, cert->len, key->data, key->len, error))
		log_error(&s->cli->log, "the old certificate stays: %s", error);
	else
		log_info(&s->cli->log, "certificate and key were read again");
	if (key->data)
		secret_wipe(key->data, key->cap);
}

static void on_hangup(void *ctx)
{
	struct server *s = ctx;
	if (s->options->tls_cert)
		pem_files_read_again(&s->next, s->child, on_read_again, s);
}

static void on_end(void *ctx, bool failed, const char *why)
{
	struct server *s = ctx;
	if (failed)
		log_error(&s->cli->log, "%s", why);
	s->code = failed ? CLI_FAILURE : CLI_OK;
	loop_stop(s->loop);
}

/* The second one does not wait. */
static void on_stop(void *ctx)
{
	struct server *s = ctx;
	if (s->draining++)
		loop_stop(s->loop);
	else
		gateway_drain(s->gateway);
}

static void on_lost(void *ctx)
{
	on_end(ctx, true, "the supervisor process is gone: start the gateway again");
}

/* A new set-up code while nobody has completed it; "" when there is nothing to set up. */
static int make_setup_code(struct server *s, char out[128])
{
	struct json *answer = NULL;
	struct store_who local = { .kind = STORE_LOCAL };
	int status = store_ask_now(s->config.store, "setup.status", &local, NULL, &answer);
	bool wanted = json_bool(json_get(json_of(answer), "setupRequired"), false);
	json_drop(answer);
	answer = NULL;
	out[0] = '\0';
	if (status == 200 && wanted) {
		status = store_ask_now(s->config.store, "setup.link", &local, NULL, &answer);
		const char *code = json_get_text(json_of(answer), "code");
		snprintf(out, 128, "%s", code ? code : "");
		json_drop(answer);
	}
	if (status != 200)
		log_error(&s->cli->log, "the store does not answer (%d)", status);
	return status == 200 ? OK : ERR_IO;
}

static void print_ready(struct server *s, const char *setup_code)
{
	const char *url = gateway_url(s->gateway);
	char link[1024];
	snprintf(link, sizeof(link), "%s/#setup=%s", url, setup_code);
	if (!s->options->json) {
		printf("Gateway: %s\n", url);
		if (*setup_code)
			printf("Set-up (once, for the first administrator): %s\n", link);
		fflush(stdout);
		return;
	}
	struct json *facts = json_make_object();
	json_put_text(facts, "url", url);
	json_put_text(facts, "dataDir", s->data_dir);
	if (*setup_code)
		json_put_text(facts, "setupUrl", link);
	char *line = json_print(facts, false);
	if (line)
		puts(line);
	free(line);
	json_drop(facts);
	fflush(stdout);
}

static int take_addresses(struct server *s)
{
	const struct gateway_options *o = s->options;
	if (o->listen.n > GATEWAY_LISTEN_MAX)
		return cli_usage_error(
			s->cli->command, "more than %d addresses to listen on", GATEWAY_LISTEN_MAX);
	for (size_t i = 0; i < o->listen.n || i == 0; i++) {
		const char *text = i < o->listen.n ? o->listen.v[i] : "127.0.0.1:3100";
		if (address_parse(text, &s->listen[i]))
			return cli_usage_error(s->cli->command,
				"'%.64s' is no address to listen on; 127.0.0.1:3100, [::]:3100 and "
				"3100 "
				"are some",
				text);
		s->config.n_listen++;
	}
	return CLI_OK;
}

static int take_secret(struct server *s)
{
	char error[SECRET_FILE_ERROR_MAX];
	const char *why = NULL, *file = s->options->hmac_secret_file;
	if (file && secret_file_read(file, s->hmac_secret, sizeof(s->hmac_secret), error)) {
		log_error(&s->cli->log, "%s", error);
		return CLI_FAILURE;
	}
	const char *value = getenv("HMAC_SECRET");
	if (!file && value && strlen(value) >= sizeof(s->hmac_secret))
		why = "the shared secret is too long";
	bool env = secret_env_take("HMAC_SECRET", s->hmac_secret, sizeof(s->hmac_secret));
	if (!why && (file || env) && request_key_judge(s->hmac_secret, &why) == OK)
		why = NULL;
	if (!why && !file && !env && s->options->legacy_runner)
		why = "--legacy-runner needs the secret that existing runners sign with, in "
		      "HMAC_SECRET or --hmac-secret-file";
	if (why)
		log_error(&s->cli->log, "%s", why);
	return why ? CLI_FAILURE : CLI_OK;
}

static int take_options(struct server *s)
{
	const struct gateway_options *o = s->options;
	int code = take_addresses(s);
	if (!code && !o->tls_cert != !o->tls_key)
		code = cli_usage_error(s->cli->command, "--tls-cert and --tls-key go together");
	if (!code)
		code = take_secret(s);
	if (!code && o->tls_cert && pem_files_read(&s->pem))
		code = CLI_FAILURE;
	memcpy(s->hosts, o->host.v, sizeof(o->host.v[0]) * o->host.n);
	memcpy(s->origins, o->origin.v, sizeof(o->origin.v[0]) * o->origin.n);
	memcpy(s->proxies, o->trusted_proxy.v, sizeof(o->trusted_proxy.v[0]) * o->trusted_proxy.n);
	data_dir_find(o->data_dir, s->data_dir);
	data_dir_socket(s->data_dir, s->socket);
	return code;
}

static void fill_config(struct server *s, struct store *store)
{
	const struct gateway_options *o = s->options;
	struct gateway_config *c = &s->config;
	c->log = &s->cli->log;
	c->store = store;
	c->listen = s->listen;
	c->admin_socket = s->socket;
	c->public_url = o->public_url;
	c->proxies = s->proxies;
	c->hosts = s->hosts;
	c->origins = s->origins;
	if (o->tls_cert) {
		c->tls_cert = s->pem.cert.data;
		c->n_tls_cert = s->pem.cert.len;
		c->tls_key = s->pem.key.data;
		c->n_tls_key = s->pem.key.len;
	}
	c->legacy_runner = o->legacy_runner;
	c->rate_address_per_min = o->address_rate;
	c->rate_agent_per_s = o->agent_rate;
	c->idle_limit_s = (unsigned)o->idle_limit;
	c->absolute_limit_s = (unsigned)o->session_limit;
	c->assets = &asset_viewer;
}

static int run_loop(struct server *s)
{
	char error[GATEWAY_ERROR_MAX], setup_code[128];
	if (make_setup_code(s, setup_code))
		return CLI_FAILURE;
	s->loop = loop_create();
	if (!s->loop || child_attach(s->child, s->loop, on_lost, s)) {
		log_error(&s->cli->log, "cannot make an event loop: %s", strerror(errno));
		return CLI_FAILURE;
	}
	s->gateway = gateway_create(s->loop, &s->config, on_end, s, error);
	if (!s->gateway) {
		log_error(&s->cli->log, "%s", error);
		return CLI_FAILURE;
	}
	struct loop_signal *interrupt = loop_signal_create(s->loop, SIGINT, on_stop, s);
	struct loop_signal *terminate = loop_signal_create(s->loop, SIGTERM, on_stop, s);
	struct loop_signal *hangup = loop_signal_create(s->loop, SIGHUP, on_hangup, s);
	print_ready(s, setup_code);
	secret_wipe(setup_code, sizeof(setup_code));
	if (loop_run(s->loop))
		s->code = CLI_FAILURE;
	cli_block_signals();
	loop_signal_destroy(hangup);
	loop_signal_destroy(terminate);
	loop_signal_destroy(interrupt);
	return s->code;
}

static int serve_store(struct server *s)
{
	char error[STORE_ERROR_MAX];
	struct store_config config = {
		.kind = STORE_SQLITE,
		.data_dir = s->data_dir,
		.hmac_secret = *s->hmac_secret ? s->hmac_secret : NULL,
		.log = &s->cli->log,
	};
	struct store *store = store_start(&config, error);
	secret_wipe(s->hmac_secret, sizeof(s->hmac_secret)); /* the store process has it */
	if (!store) {
		log_error(&s->cli->log, "%s", error);
		return CLI_FAILURE;
	}
	fill_config(s, store);
	int code = CLI_FAILURE;
	s->child = child_create(NULL, NULL);
	if (!s->child)
		log_error(&s->cli->log, "cannot start the supervisor process: %s", strerror(errno));
	else
		code = run_loop(s);
	gateway_destroy(s->gateway);
	store_stop(store);
	return code;
}

/* A tunnel needs two descriptors; the soft limit is 1024 on most systems. */
static void allow_descriptors(void)
{
	struct rlimit limit;
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int serve_gateway(struct cli *cli, const struct gateway_options *o)
{
	struct server s = { .cli = cli, .options = o };
	pem_files_init(&s.pem, &cli->log, o->tls_cert, o->tls_key);
	pem_files_init(&s.next, &cli->log, o->tls_cert, o->tls_key);
	int code = take_options(&s);
	if (!code) {
		signal(SIGPIPE, SIG_IGN);
		prctl(PR_SET_DUMPABLE, 0);
		umask(077);
		allow_descriptors();
		code = serve_store(&s);
	}
	child_destroy(s.child);
	if (s.loop)
		loop_destroy(s.loop);
	pem_files_fini(&s.pem);
	pem_files_fini(&s.next);
	return code;
}

static int import(struct cli *cli, const struct gateway_options *o)
{
	if (cli->argc != 2)
		return cli_usage_error(cli->command, "name the database file to import");
	char path[DATA_DIR_MAX];
	if (!realpath(cli->argv[1], path)) {
		log_error(&cli->log, "%s: %s", cli->argv[1], strerror(errno));
		return CLI_NOT_FOUND;
	}
	struct json *args = json_make_object(), *answer = NULL;
	json_put_text(args, "path", path);
	int code = admin_ask(cli, o->data_dir, "import", args, &answer);
	if (!code)
		admin_print(json_of(answer), o->json);
	json_drop(answer);
	return code;
}

static int run(struct cli *cli, void *options)
{
	if (cli->argc == 0)
		return serve_gateway(cli, options);
	if (!strcmp(cli->argv[0], "import"))
		return import(cli, options);
	return cli_usage_error(
		cli->command, "'%.64s' is nothing a gateway does; import FILE is", cli->argv[0]);
}

const struct command cmd_gateway = {
	.name = "gateway",
	.summary = "Bring screens and viewers together, through NAT, with an API",
	.operands = "[import FILE]",
	.operands_max = 2,
	.complete_operand = "import",
	.groups = { { &group, 0 } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.settings = true,
	.run = run,
};
