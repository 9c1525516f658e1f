#pragma once
#include "cli/cli.h"
#include "cli/join.h"
#include "share/share.h"

/* What `share` and `desktop` have in common: entrances, rights, the loop. */
struct serve_options {
	struct opt_list listen, rfb_listen, host, origin;
	const char *password_file, *name;
	int framerate, max_viewers;
	bool exclusive, view_only, allow_none, allow_local_users, json;
	struct join_options join; /* filled by the command's join_group */
};

extern const struct opt_group serve_group;
#define SERVE_DEFAULTS                                                                             \
	{                                                                                          \
		.join = JOIN_DEFAULTS                                                              \
	}

/* Fills in the rest of `config` and runs until Ctrl+C, SIGTERM or the end of
 * what is shared. Returns the exit code. */
int serve(struct cli *cli, const struct serve_options *o, struct share_config *config);
