#pragma once
#include <stddef.h>
#include <stdint.h>

/* The character at the front of p[n], RFC 3629: its length in bytes, 1 to 4. 0
 * when the bytes there are not UTF-8: cut short, too long a form, a surrogate,
 * over U+10FFFF. */
size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *out);
