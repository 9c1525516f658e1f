#include "cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cli/prompt.h"
#include "cli/secret_file.h"
#include "crypto/http_date.h"
#include "crypto/http_signature.h"
#include "crypto/secret.h"
#include "crypto/ssh_agent.h"
#include "crypto/ssh_private.h"
#include "http/client.h"

enum { URL_MAX = 4096, FIELD_MAX = 4608 };

static const struct opt rows[] = {
	{ .name = "gateway-url",
		.arg = "URL",
		OPT_AT(struct remote_options, gateway_url),
		.shown = "where you logged in, or $GATEWAY_URL",
		.help = "The gateway" },
	{ .name = "token-file",
		.arg = "FILE",
		OPT_AT(struct remote_options, token_file),
		.help = "A session token in a file (mode 0600), instead of the login that was "
			"kept" },
	{ .name = "key",
		.letter = 'k',
		.arg = "KEY",
		OPT_AT(struct remote_options, key),
		.help = "Sign requests with this SSH key: a private key's file, or the fingerprint "
			"of "
			"a key in ssh-agent" },
	{ .name = "user",
		.letter = 'u',
		.arg = "NAME",
		OPT_AT(struct remote_options, user),
		.help = "Whose key it is at the gateway" },
	{ .name = "ca-file",
		.arg = "FILE",
		OPT_AT(struct remote_options, ca_file),
		.help = "Certificates (PEM) that vouch for the gateway's, instead of the "
			"system's" },
	{ .name = "pin",
		.arg = "sha256:HEX",
		OPT_AT(struct remote_options, pin),
		.help = "The gateway's public key: exactly this one is trusted" },
	{ .name = "insecure",
		OPT_AT(struct remote_options, insecure),
		.help = "Do not check the gateway's certificate" },
	{ .name = "json", OPT_AT(struct remote_options, json), .help = "Print JSON" },
};

const struct opt_group remote_group = { "The gateway", rows, ARRAY_LEN(rows) };

struct remote {
	struct cli *cli;
	struct loop *loop;
	struct http_client *http;
	char url[LOGIN_TEXT_MAX], token[LOGIN_TEXT_MAX];
	const char *user;
	struct ssh_private *file_key;
	struct ssh_agent *agent;
	const struct ssh_key *agent_key; /* borrowed from the agent */
	/* of the call under way */
	bool done;
	int status;
	struct json *answer;
	char error[512];
};

static bool ask_passphrase(void *ctx, int attempt, char *out)
{
	(void)ctx;
	return !prompt(attempt ? "Wrong. Passphrase" : "Passphrase of the key", true, out,
		SSH_PRIVATE_PASSPHRASE);
}

static int find_in_agent(struct remote *r, const char *fingerprint)
{
	const char *path = getenv("SSH_AUTH_SOCK");
	if (!path || ssh_agent_open(path, &r->agent) || ssh_agent_list(r->agent)) {
		log_error(
			&r->cli->log, "no ssh-agent answers (SSH_AUTH_SOCK); name the key's file");
		return CLI_FAILURE;
	}
	const struct ssh_key *key;
	for (size_t i = 0; (key = ssh_agent_key(r->agent, i)); i++)
		if (ssh_key_matches(key, fingerprint))
			r->agent_key = key;
	if (!r->agent_key)
		log_error(
			&r->cli->log, "ssh-agent has no key %s: add it with ssh-add", fingerprint);
	return r->agent_key ? CLI_OK : CLI_NOT_FOUND;
}

static int take_key(struct remote *r, const struct remote_options *o)
{
	char error[512], fingerprint[SSH_KEY_SHA256];
	if (!o->user)
		return cli_usage_error(r->cli->command, "with --key say whose it is: --user NAME");
	r->user = o->user;
	if (!ssh_key_parse_fingerprint(o->key, fingerprint))
		return find_in_agent(r, o->key);
	size_t n = strlen(o->key);
	if (n > 4 && !strcmp(o->key + n - 4, ".pub")) {
		log_error(&r->cli->log,
			"%s is a public key: give the private one beside it, %.*s, or its "
			"fingerprint when ssh-agent has it",
			o->key, (int)n - 4, o->key);
		return CLI_FAILURE;
	}
	if (!ssh_private_load(o->key, ask_passphrase, NULL, &r->file_key, error, sizeof(error)))
		return CLI_OK;
	log_error(&r->cli->log, "%s", error);
	return CLI_FAILURE;
}

int remote_open_url(
	struct cli *cli, const struct remote_options *o, const char *url, struct remote **out)
{
	struct http_client_config config = {
		.ca_file = o->ca_file,
		.pin = o->pin,
		.insecure = o->insecure,
	};
	struct remote *r = calloc(1, sizeof(*r));
	*out = r;
	if (!r)
		return CLI_FAILURE;
	r->cli = cli;
	bool ok = !strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8);
	if (!ok || strlen(url) >= sizeof(r->url) || strpbrk(url, "#? "))
		return cli_usage_error(cli->command,
			"'%.128s' is no gateway's URL; http://127.0.0.1:3100 is one", url);
	snprintf(r->url, sizeof(r->url), "%s", url);
	for (size_t n = strlen(r->url); n > 0 && r->url[n - 1] == '/'; n--)
		r->url[n - 1] = '\0';
	r->loop = loop_create();
	r->http = r->loop ? http_client_create(r->loop, &config) : NULL;
	if (!r->http)
		log_error(&cli->log, "not enough memory");
	return r->http ? CLI_OK : CLI_FAILURE;
}

/* But for '/' at the end. */
static bool is_same_url(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	while (n > 0 && a[n - 1] == '/')
		n--;
	while (m > 0 && b[m - 1] == '/')
		m--;
	return n == m && !strncmp(a, b, n);
}

/* `kept`: the token that this gateway gave at the login, or "". */
static int take_credential(struct remote *r, const struct remote_options *o, const char *kept)
{
	char error[SECRET_FILE_ERROR_MAX];
	if (o->key)
		return take_key(r, o);
	if (o->token_file) {
		if (!secret_file_read(o->token_file, r->token, sizeof(r->token), error))
			return CLI_OK;
		log_error(&r->cli->log, "%s", error);
		return CLI_FAILURE;
	}
	if (*kept) {
		snprintf(r->token, sizeof(r->token), "%s", kept);
		return CLI_OK;
	}
	log_error(
		&r->cli->log, "you are not logged in at %s: run porthole login %s", r->url, r->url);
	return CLI_REFUSED;
}

int remote_open(struct cli *cli, const struct remote_options *o, struct remote **out)
{
	struct login login = { .url = "" };
	struct remote_options with = *o;
	bool kept = !login_read(cli, &login);
	const char *env = getenv("GATEWAY_URL");
	const char *url = o->gateway_url ? o->gateway_url : kept ? login.url : env;
	*out = NULL;
	if (!url) {
		log_error(&cli->log,
			"which gateway? Run porthole login URL, or give --gateway-url URL");
		return CLI_REFUSED;
	}
	/* What was said about its certificate at the login goes for that gateway alone. */
	bool same = kept && is_same_url(url, login.url);
	if (same && !with.ca_file && *login.ca_file)
		with.ca_file = login.ca_file;
	if (same && !with.pin && *login.pin)
		with.pin = login.pin;
	int code = remote_open_url(cli, &with, url, out);
	if (!code)
		code = take_credential(*out, o, same ? login.token : "");
	secret_wipe(login.token, sizeof(login.token));
	return code;
}

void remote_close(struct remote *r)
{
	if (!r)
		return;
	http_client_destroy(r->http);
	if (r->loop)
		loop_destroy(r->loop);
	ssh_private_destroy(r->file_key);
	ssh_agent_close(r->agent);
	json_drop(r->answer);
	secret_wipe(r->token, sizeof(r->token));
	free(r);
}

const char *remote_url(const struct remote *r)
{
	return r->url;
}

static int sign(void *ctx, const void *text, size_t n, struct ssh_signature *out)
{
	struct remote *r = ctx;
	if (r->agent_key)
		return ssh_agent_sign(r->agent, r->agent_key, text, n, out);
	return ssh_private_sign(r->file_key, text, n, out);
}

static int put_signature(struct remote *r, const char *method, const char *target,
	char authorization[FIELD_MAX], char date_field[FIELD_MAX])
{
	char date[HTTP_DATE_TEXT], fingerprint[SSH_KEY_MD5], key_id[HTTP_SIGNATURE_KEY_ID];
	char value[HTTP_SIGNATURE_VALUE_MAX];
	const struct ssh_key *key = r->agent_key ? r->agent_key : ssh_private_public(r->file_key);
	ssh_key_fingerprint_md5(key, fingerprint);
	snprintf(key_id, sizeof(key_id), "/%s/keys/%s", r->user, fingerprint);
	http_date_put(time(NULL), date);
	int err = http_signature_build(method, target, date, key_id, sign, r, value, sizeof(value));
	snprintf(authorization, FIELD_MAX, "Authorization: %s", value);
	snprintf(date_field, FIELD_MAX, "Date: %s", date);
	return err;
}

static void on_done(void *ctx, const struct http_client_answer *a)
{
	struct remote *r = ctx;
	char problem[JSON_PROBLEM_MAX];
	r->done = true;
	r->status = a->status;
	snprintf(r->error, sizeof(r->error), "%s", a->error);
	r->answer = a->n_body > 0 ? json_parse(a->body, a->n_body, problem) : NULL;
	loop_stop(r->loop);
}

static int send_request(struct remote *r, const char *method, const char *target, const char *body)
{
	char url[URL_MAX], authorization[FIELD_MAX], date[FIELD_MAX];
	const char *fields[5] = { NULL };
	int n = 0;
	if (r->user && put_signature(r, method, target, authorization, date))
		return ERR_AUTH;
	if (!r->user)
		snprintf(
			authorization, sizeof(authorization), "Authorization: Bearer %s", r->token);
	if (r->user || *r->token)
		fields[n++] = authorization;
	if (r->user)
		fields[n++] = date;
	if (body)
		fields[n++] = "Content-Type: application/json";
	snprintf(url, sizeof(url), "%s%s", r->url, target);
	struct http_client_request request = {
		.method = method,
		.url = url,
		.fields = fields,
		.body = body,
		.n_body = body ? strlen(body) : 0,
		.answer_max = 16 * 1024 * 1024,
	};
	int id = http_client_send(r->http, &request, on_done, r);
	secret_wipe(authorization, sizeof(authorization));
	return id > 0 ? loop_run(r->loop) : id;
}

/* What to do about a 401, after the gateway's sentence. */
static const char *advice(const struct remote *r)
{
	if (r->status != 401)
		return "";
	if (r->user)
		return ": is the key registered there (porthole key add), and the clock right?";
	return *r->token ? ": log in again with porthole login" : "";
}

int remote_judge(struct remote *r, struct json_ref answer)
{
	const char *error = json_get_text(answer, "error");
	if (r->done && r->status >= 200 && r->status < 300)
		return CLI_OK;
	if (r->status == 0)
		log_error(&r->cli->log, "%s", r->error);
	else if (error)
		log_error(&r->cli->log, "%s%s", error, advice(r));
	else
		log_error(&r->cli->log, "%s answered with status %d: is it a gateway?", r->url,
			r->status);
	if (r->status == 404)
		return error ? CLI_NOT_FOUND : CLI_FAILURE;
	return r->status == 401 || r->status == 403 ? CLI_REFUSED : CLI_FAILURE;
}

int remote_ask(struct remote *r, const char *method, const char *target, struct json *body,
	struct json **answer)
{
	char *text = body ? json_print(body, false) : NULL;
	json_drop(body);
	r->done = false;
	r->status = 0;
	int err = send_request(r, method, target, text);
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
	if (err == ERR_AUTH)
		snprintf(r->error, sizeof(r->error),
			"the key did not sign the request: does ssh-agent still have it?");
	else if (err || !r->done)
		snprintf(r->error, sizeof(r->error), "the request could not be made: %s",
			err_str(err));
	*answer = r->answer;
	r->answer = NULL;
	return r->status >= 200 && r->status < 300 ? CLI_OK : CLI_FAILURE;
}

int remote_call(struct remote *r, const char *method, const char *target, struct json *body,
	struct json **answer)
{
	return remote_ask(r, method, target, body, answer) ? remote_judge(r, json_of(*answer))
							   : CLI_OK;
}
