#pragma once
/* Result codes. 0 is success, negative is failure; the code says what the
 * caller must do, the log line says what happened. */
enum err {
	OK = 0,
	ERR_AGAIN = -1, /* not enough bytes yet: feed more and call again */
	ERR_NOMEM = -2, /* drop this peer, keep the process */
	ERR_LIMIT = -3, /* peer asked for more than we allow */
	ERR_PROTO = -4, /* peer broke the protocol: close */
	ERR_AUTH = -5,  /* refused: close after telling why */
	ERR_IO = -6,    /* the descriptor failed: close */
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

const char *err_str(int err);
