#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { SECRET_FILE_ERROR_MAX = 512 };

/* The first line of a file that holds a secret, without its newline. OK, or ERR_AUTH
 * and a sentence: missing, readable by others than its owner, empty, too long. */
MUST_USE int secret_file_read(
	const char *path, char *out, size_t cap, char error[SECRET_FILE_ERROR_MAX]);

/* Moves a variable out of the environment, also out of the memory where it was, so that
 * nothing forked or spawned from here has it. `out` that is not empty stays. False: it is
 * not set. Before any thread. */
bool secret_env_take(const char *name, char *out, size_t cap);
