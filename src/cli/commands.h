#pragma once
#include "cli/cli.h"

/* Each in the file cmd_NAME.c. */
extern const struct command cmd_client;
extern const struct command cmd_completion;
extern const struct command cmd_doctor;
extern const struct command cmd_desktop;
extern const struct command cmd_gateway;
extern const struct command cmd_help;
extern const struct command cmd_key;
extern const struct command cmd_login;
extern const struct command cmd_run;
extern const struct command cmd_share;
extern const struct command cmd_ticket;
extern const struct command cmd_user;
