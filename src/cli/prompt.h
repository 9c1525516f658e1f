#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Asks on the terminal, without echo when `hidden`; where there is no terminal, a line
 * of standard input is taken. ERR_IO: end of input; ERR_LIMIT: too long. */
MUST_USE int prompt(const char *question, bool hidden, char *out, size_t cap);
