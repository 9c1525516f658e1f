#pragma once
#include "base/json.h"
#include "cli/cli.h"

/* Commands that speak to a gateway over its REST API, with the token `porthole login`
 * kept, one from a file, or signed by an SSH key that is registered there. */
struct remote_options {
	const char *gateway_url, *token_file, *key, *user, *ca_file, *pin;
	bool insecure, json;
};

extern const struct opt_group remote_group;

struct remote;

/* CLI_OK and *out, or the exit code: what is wrong was said. */
int remote_open(struct cli *cli, const struct remote_options *o, struct remote **out);
/* Without a credential: for logging in. */
int remote_open_url(
	struct cli *cli, const struct remote_options *o, const char *url, struct remote **out);
void remote_close(struct remote *r); /* NULL is fine */
/* Takes `body` (NULL: none). CLI_OK or the exit code: the gateway's sentence was printed.
 * *answer, which the caller drops, is what came, also with an error; NULL: nothing. */
int remote_call(struct remote *r, const char *method, const char *target, struct json *body,
	struct json **answer);
/* The same, but nothing is printed until remote_judge(): the exit code of the last call. */
int remote_ask(struct remote *r, const char *method, const char *target, struct json *body,
	struct json **answer);
int remote_judge(struct remote *r, struct json_ref answer);
const char *remote_url(const struct remote *r); /* without '/' at the end */

/* What `porthole login` keeps: ~/.config/porthole/login.json, 0600. */
enum { LOGIN_TEXT_MAX = 1024 };
struct login {
	char url[LOGIN_TEXT_MAX], token[LOGIN_TEXT_MAX], ca_file[LOGIN_TEXT_MAX],
		pin[LOGIN_TEXT_MAX];
};
int login_read(struct cli *cli, struct login *out); /* OK or ERR_IO: none, or not ours */
/* CLI_OK or the exit code; an empty one: the file goes. */
int login_write(struct cli *cli, const struct login *l);
