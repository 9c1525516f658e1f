#include "cli/data_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void data_dir_find(const char *option, char out[DATA_DIR_MAX])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (option)
		snprintf(out, DATA_DIR_MAX, "%s", option);
	else if (state && *state)
		snprintf(out, DATA_DIR_MAX, "%s/porthole", state);
	else if (geteuid() == 0 || !home || !*home)
		snprintf(out, DATA_DIR_MAX, "/var/lib/porthole");
	else
		snprintf(out, DATA_DIR_MAX, "%s/.local/state/porthole", home);
}

void data_dir_socket(const char *dir, char out[DATA_DIR_MAX])
{
	snprintf(out, DATA_DIR_MAX, "%s/admin.sock", dir);
}
