#pragma once
#include "cli/cli.h"

/* Options from elsewhere than the command line, under the same names: lines of a file
 * ("listen = 0.0.0.0:3100", "legacy-runner = yes", # begins a comment), and variables
 * ("PORTHOLE_PUBLIC_URL"; an empty one is none). The command line wins over variables, they over
 * the file; what may be repeated adds up. Texts are kept for the life of the program. */

/* The file that --config in argv or PORTHOLE_CONFIG names; NULL: none. */
const char *settings_file(int argc, char **argv);
/* OK, or ERR_PROTO and a sentence that says where what is wrong. The values point into
 * *text, which the caller frees when they are not used any more, in any case. */
MUST_USE int settings_read_file(const char *path, const struct opt_set *sets, size_t n_sets,
	char **text, char error[OPT_ERROR_MAX]);
MUST_USE int settings_read_environment(
	const struct opt_set *sets, size_t n_sets, char error[OPT_ERROR_MAX]);
