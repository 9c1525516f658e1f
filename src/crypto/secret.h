#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A secret for a URL fragment or a file: 128 random bits as 32 hex digits and
 * an ending 0. */
enum { SECRET_TEXT = 33 };
MUST_USE int secret_make(char out[SECRET_TEXT]);
/* Same bytes, in time that depends on the lengths only. */
bool secret_equal(const void *a, size_t a_len, const void *b, size_t b_len);
/* Overwrites memory in a way the compiler keeps. */
void secret_wipe(void *p, size_t n);
