#pragma once
#include <stddef.h>

#include "base/err.h"

/* The data folder: made when it is missing, ours alone, used by one gateway. */
enum { STORE_PATH_MAX = 4096, STORE_DIR_ERROR_MAX = 400 };

/* Takes the folder: `db_path` is the database's file, *lock the descriptor that
 * holds the folder until it is closed. OK, or ERR_IO and a sentence. */
MUST_USE int store_dir_take(
	const char *dir, char db_path[STORE_PATH_MAX], int *lock, char error[STORE_DIR_ERROR_MAX]);
