#pragma once
#include <stdbool.h>

#include "agent/agent.h"
#include "cli/cli.h"

/* How a sharing command joins a gateway: its options, and the environment of existing
 * runners (GATEWAY_URL, HMAC_SECRET, AI_RUNNER_TOKEN or CLIENT_TOKEN,
 * VNC_COMMAND_POLL_INTERVAL in seconds); and of all programs: HTTPS_PROXY, ALL_PROXY
 * and NO_PROXY. */
struct join_options {
	const char *gateway_url, *run_id, *capability_token, *capability_token_file;
	const char *client_token_file, *agent_id, *agent_label, *ca_file, *pin;
	int display_mode;
	bool insecure, require_password;
};

extern const struct opt_group join_group;
#define JOIN_DEFAULTS                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

enum { JOIN_TOKEN_MAX = 256 };

struct join {
	bool wanted;
	struct agent_config config;
	char capability_token[JOIN_TOKEN_MAX], client_token[JOIN_TOKEN_MAX];
	char hmac_secret[4096], agent_id[128], url[512];
};

/* Reads files and environment, and takes secrets out of argv and the environment, so
 * before anything is forked. CLI_OK, or the exit code: what is wrong was said. */
int join_take(struct cli *cli, const struct join_options *o, struct join *out);
void join_fini(struct join *j);
