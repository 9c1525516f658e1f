#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The fixed form of an HTTP date, RFC 9110 section 5.6.7:
 * "Tue, 16 Dec 2025 12:00:00 GMT". Pure; independent of locale and time zone. */
enum { HTTP_DATE_TEXT = 30 };

/* Exactly that form, years 1970 to 9999, the day of the week right, a leap second
 * taken as the second before it. OK or ERR_PROTO. */
MUST_USE int http_date_parse(const char *text, size_t n, int64_t *unix_s);
/* unix_s is 0 or more and before the year 10000. */
void http_date_put(int64_t unix_s, char out[HTTP_DATE_TEXT]);
