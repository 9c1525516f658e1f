#include "cli/join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_info.h"
#include "cli/secret_file.h"
#include "crypto/request_signature.h"
#include "crypto/secret.h"
#include "http/proxy.h"
#include "http/url.h"

static const char *const display_modes[] = { "screen", "window", NULL };

static const struct opt rows[] = {
	{ .name = "gateway-url",
		.arg = "URL",
		OPT_AT(struct join_options, gateway_url),
		.shown = "$GATEWAY_URL",
		.help = "Join the gateway at this URL, so that people reach this screen through "
			"it" },
	{ .name = "agent-id",
		.arg = "ID",
		OPT_AT(struct join_options, agent_id),
		.shown = "this machine's name",
		.help = "Who this machine is at the gateway, as its client was created there" },
	{ .name = "agent-label",
		.arg = "TEXT",
		OPT_AT(struct join_options, agent_label),
		.help = "Name that the gateway shows for this machine" },
	{ .name = "client-token-file",
		.arg = "FILE",
		OPT_AT(struct join_options, client_token_file),
		.help = "This machine's token, as the gateway gave it when the client was created "
			"(mode 0600); without --run-id runs are claimed with it" },
	{ .name = "run-id",
		.arg = "ID",
		OPT_AT(struct join_options, run_id),
		.help = "Share for this run" },
	{ .name = "capability-token-file",
		.arg = "FILE",
		OPT_AT(struct join_options, capability_token_file),
		.help = "The run's capability token (mode 0600)" },
	{ .name = "capability-token",
		.arg = "TOKEN",
		OPT_AT(struct join_options, capability_token),
		.help = "The same as an argument, which other users can see for a moment: prefer "
			"the "
			"file" },
	{ .name = "ca-file",
		.arg = "FILE",
		OPT_AT(struct join_options, ca_file),
		.help = "Certificates (PEM) that vouch for the gateway's, instead of the "
			"system's" },
	{ .name = "pin",
		.arg = "sha256:HEX",
		OPT_AT(struct join_options, pin),
		.help = "The gateway's public key: exactly this one is trusted" },
	{ .name = "insecure",
		OPT_AT(struct join_options, insecure),
		.help = "Do not check the gateway's certificate" },
	{ .name = "require-password",
		OPT_AT(struct join_options, require_password),
		.help = "Ask the gateway's viewers for the password too" },
	{ .name = "display-mode",
		.arg = "MODE",
		.choices = display_modes,
		OPT_AT(struct join_options, display_mode),
		.help = "What existing runners call what they share; told to the gateway" },
};

const struct opt_group join_group = { "Joining a gateway", rows, ARRAY_LEN(rows) };

static int take_file(struct cli *cli, const char *path, char out[JOIN_TOKEN_MAX])
{
	char error[SECRET_FILE_ERROR_MAX];
	if (!path || !secret_file_read(path, out, JOIN_TOKEN_MAX, error))
		return CLI_OK;
	log_error(&cli->log, "%s", error);
	return CLI_FAILURE;
}

static int take_capability(struct cli *cli, const struct join_options *o, struct join *j)
{
	int code = take_file(cli, o->capability_token_file, j->capability_token);
	if (!code && o->capability_token) {
		snprintf(j->capability_token, sizeof(j->capability_token), "%s",
			o->capability_token);
		/* Out of the list of processes. */
		memset((char *)(uintptr_t)o->capability_token, 'x', strlen(o->capability_token));
	}
	return code;
}

static unsigned poll_interval_ms(void)
{
	const char *text = getenv("VNC_COMMAND_POLL_INTERVAL");
	double seconds = text ? strtod(text, NULL) : 0;
	return seconds >= 0.1 && seconds <= 3600 ? (unsigned)(seconds * 1000) : 0;
}

static int judge(struct cli *cli, const struct join_options *o, const struct join *j)
{
	const char *why;
	bool asked = o->run_id || o->capability_token || o->capability_token_file ||
		     o->client_token_file;
	if (!j->wanted && asked)
		return cli_usage_error(cli->command,
			"joining a gateway needs its address: give --gateway-url URL or set "
			"GATEWAY_URL");
	if (j->wanted && *j->hmac_secret && request_key_judge(j->hmac_secret, &why)) {
		log_error(&cli->log, "HMAC_SECRET: %s", why);
		return CLI_FAILURE;
	}
	return CLI_OK;
}

/* The first that is set; libcurl looks for them in this order too. */
static const char *from_environment(const char *const names[])
{
	const char *text = NULL;
	for (; *names && !(text && *text); names++)
		text = getenv(*names);
	return text && *text ? text : NULL;
}

static int take_proxy(struct cli *cli, struct join *j)
{
	static const char *const proxies[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
		"ALL_PROXY", NULL };
	static const char *const exempt[] = { "no_proxy", "NO_PROXY", NULL };
	const char *text = from_environment(proxies);
	struct proxy proxy;
	struct url url;
	if (!j->wanted || !text || url_parse(j->url, "http", &url) || !url.tls ||
		proxy_exempts(from_environment(exempt), url.host))
		return CLI_OK;
	int err = proxy_parse(text, &proxy);
	secret_wipe(&proxy, sizeof(proxy));
	if (err) {
		log_error(&cli->log,
			"HTTPS_PROXY names no HTTP proxy: it should be like "
			"http://proxy.example:3128; or name the gateway in NO_PROXY to reach it "
			"without one");
		return CLI_FAILURE;
	}
	j->config.https_proxy = text;
	return CLI_OK;
}

static const char *text_or_null(const char *s)
{
	return *s ? s : NULL;
}

int join_take(struct cli *cli, const struct join_options *o, struct join *j)
{
	secret_env_take("HMAC_SECRET", j->hmac_secret, sizeof(j->hmac_secret));
	int code = take_file(cli, o->client_token_file, j->client_token);
	secret_env_take("AI_RUNNER_TOKEN", j->client_token, sizeof(j->client_token));
	secret_env_take("CLIENT_TOKEN", j->client_token, sizeof(j->client_token));
	if (!code)
		code = take_capability(cli, o, j);
	const char *url = o->gateway_url ? o->gateway_url : getenv("GATEWAY_URL");
	snprintf(j->url, sizeof(j->url), "%s", url ? url : "");
	j->wanted = *j->url && (o->gateway_url || o->run_id || o->client_token_file);
	if (!code)
		code = judge(cli, o, j);
	if (gethostname(j->agent_id, sizeof(j->agent_id) - 1) || !*j->agent_id)
		snprintf(j->agent_id, sizeof(j->agent_id), "porthole");
	if (o->agent_id)
		snprintf(j->agent_id, sizeof(j->agent_id), "%s", o->agent_id);
	j->config = (struct agent_config){
		.gateway_url = j->url,
		.run_id = o->run_id,
		.capability_token = text_or_null(j->capability_token),
		.client_token = text_or_null(j->client_token),
		.hmac_secret = text_or_null(j->hmac_secret),
		.agent_id = j->agent_id,
		.label = o->agent_label,
		.version = BUILD_VERSION,
		.display_mode = display_modes[o->display_mode],
		.poll_interval_ms = poll_interval_ms(),
		.http = { .ca_file = o->ca_file, .pin = o->pin, .insecure = o->insecure },
		.require_password = o->require_password,
	};
	return code ? code : take_proxy(cli, j);
}

void join_fini(struct join *j)
{
	secret_wipe(j->capability_token, sizeof(j->capability_token));
	secret_wipe(j->client_token, sizeof(j->client_token));
	secret_wipe(j->hmac_secret, sizeof(j->hmac_secret));
}
