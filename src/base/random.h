#pragma once
#include <stddef.h>

#include "base/err.h"

/* Fills n bytes (at most 256) from the kernel's generator. OK or ERR_IO. */
MUST_USE int random_bytes(void *out, size_t n);
