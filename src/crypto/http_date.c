#include "crypto/http_date.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* strftime(3) and strptime(3) would follow the locale. */
static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };

/* As many digits as n, or -1. */
static int number(const char *text, size_t n)
{
	int v = 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		v = 10 * v + (text[i] - '0');
	}
	return v;
}

static int month_of(const char *text)
{
	for (int i = 0; i < 12; i++)
		if (memcmp(text, months[i], 3) == 0)
			return i;
	return -1;
}

/* The whole form is checked by writing the time anew and comparing. */
int http_date_parse(const char *text, size_t n, int64_t *unix_s)
{
	char again[HTTP_DATE_TEXT];
	if (n != HTTP_DATE_TEXT - 1)
		return ERR_PROTO;
	struct tm tm = {
		.tm_mday = number(text + 5, 2),
		.tm_mon = month_of(text + 8),
		.tm_year = number(text + 12, 4) - 1900,
		.tm_hour = number(text + 17, 2),
		.tm_min = number(text + 20, 2),
		.tm_sec = number(text + 23, 2),
	};
	if (tm.tm_mday < 1 || tm.tm_mon < 0 || tm.tm_year < 70 || tm.tm_hour < 0 || tm.tm_min < 0 ||
		tm.tm_sec < 0)
		return ERR_PROTO;
	bool leap = tm.tm_sec == 60;
	tm.tm_sec -= leap;
	int64_t at = timegm(&tm);
	http_date_put(at, again);
	if (leap)
		memcpy(again + 23, "60", 2);
	if (memcmp(text, again, n) != 0)
		return ERR_PROTO;
	*unix_s = at;
	return OK;
}

void http_date_put(int64_t unix_s, char out[HTTP_DATE_TEXT])
{
	time_t at = (time_t)unix_s;
	struct tm tm;
	/* wider than what fits, as the compiler does not know the year's range */
	char text[64];
	gmtime_r(&at, &tm);
	snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
		tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	memcpy(out, text, HTTP_DATE_TEXT - 1);
	out[HTTP_DATE_TEXT - 1] = 0;
}
