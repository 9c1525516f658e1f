#pragma once
#include "base/err.h"

/* One event, one line. Whoever makes a log decides where lines go (cli: stderr);
 * everything below borrows it. A NULL log swallows everything. */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	/* `line` has no newline and no control characters; borrowed. */
	void (*write)(void *ctx, enum log_level level, const char *line);
	void *ctx;
	enum log_level max; /* lines above this level are dropped unformatted */
};

/* Formats one line of at most 1 KB. Control characters (ESC, CR, LF ...) that
 * a peer may have slipped in are written as \xNN, so a line stays a line. */
void log_put(const struct log *l, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(l, ...) log_put(l, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(l, ...) log_put(l, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(l, ...) log_put(l, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(l, ...) log_put(l, LOG_LEVEL_DEBUG, __VA_ARGS__)
