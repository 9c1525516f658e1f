#pragma once
#include <stdbool.h>

#include "http/head.h"

/* Percent-decoding, RFC 3986 section 2.1, of one part of a target: strict and pure.
 * Puts the bytes and an ending 0, which the size counts not, to `out`. ERR_PROTO: a
 * '%' without two hex digits, a control character, or not UTF-8 in the end.
 * ERR_LIMIT: no room. `plus`: a '+' is a space, as forms have it. */
MUST_USE int percent_decode(struct http_text in, bool plus, char *out, size_t cap, size_t *n_out);
