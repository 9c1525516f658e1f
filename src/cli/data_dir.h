#pragma once
#include <stddef.h>

enum { DATA_DIR_MAX = 1024 };

/* Where the gateway keeps its database: `option` when given, else
 * $XDG_STATE_HOME/porthole, else ~/.local/state/porthole (root: /var/lib/porthole). */
void data_dir_find(const char *option, char out[DATA_DIR_MAX]);
/* The administration socket in it. */
void data_dir_socket(const char *dir, char out[DATA_DIR_MAX]);
