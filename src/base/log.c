#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 };

static void escape(const char *in, char *out, size_t cap)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	for (; *in && n + 5 < cap; in++) {
		unsigned char c = (unsigned char)*in;
		if (c >= 0x20 && c != 0x7f) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
}

void log_put(const struct log *l, enum log_level level, const char *fmt, ...)
{
	if (!l || !l->write || level > l->max)
		return;
	char raw[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
	va_list args;
	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	escape(raw, line, sizeof(line));
	l->write(l->ctx, level, line);
}
