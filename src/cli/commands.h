#pragma once
#include "cli/cli.h"

/* Each in the file cmd_NAME.c. */
extern const struct command cmd_completion;
extern const struct command cmd_doctor;
extern const struct command cmd_desktop;
extern const struct command cmd_help;
extern const struct command cmd_share;
