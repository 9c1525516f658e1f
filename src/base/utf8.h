#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Whether n bytes are well-formed UTF-8, RFC 3629: no overlong form, no surrogate,
 * nothing above U+10FFFF. No bytes are. */
bool utf8_valid(const void *text, size_t n);
/* How many of the n bytes remain when at most `max` may: never half a character of
 * well-formed text. */
size_t utf8_cut(const char *text, size_t n, size_t max);
