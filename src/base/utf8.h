#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether n bytes are well-formed UTF-8, RFC 3629: no overlong form, no surrogate,
 * nothing above U+10FFFF. No bytes are. */
bool utf8_valid(const void *text, size_t n);
/* How many of the n bytes remain when at most `max` may: never half a character of
 * well-formed text. */
size_t utf8_cut(const char *text, size_t n, size_t max);
/* The character at the front of p[n]: its length in bytes, 1 to 4. 0 when the bytes
 * there are not UTF-8, or cut short. */
size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *out);
