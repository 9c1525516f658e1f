#pragma once
#include "base/buf.h"
#include "base/json.h"

/* Between the gateway and its store process: a stream of messages, each 4 bytes of
 * length (big-endian) and a JSON object.
 *
 *   ask     {"id", "op", "who": {"kind", ...}, "args"}
 *   answer  {"id", "status", "answer"}
 *   notice  {"notice": kind, "body"}
 *   first   {"ready": true} or {"error": sentence}, from the store, once */
enum {
	STORE_ASK_BYTES = 2 * 1024 * 1024,
	STORE_ANSWER_BYTES = 16 * 1024 * 1024, /* a list of events, all control characters */
};

/* Takes `message`. OK, ERR_NOMEM, or ERR_LIMIT (larger than `max`, or `out` is
 * full): then nothing was put. */
MUST_USE int store_wire_put(struct buf *out, struct json *message, size_t max);
/* The next message, the caller's, after *used bytes, which moves on. OK, ERR_AGAIN
 * (not whole yet), ERR_PROTO, ERR_LIMIT or ERR_NOMEM. */
MUST_USE int store_wire_take(const struct buf *in, size_t *used, size_t max, struct json **message);

/* Reads what is there: OK, ERR_AGAIN (nothing), ERR_IO (closed), ERR_NOMEM. */
MUST_USE int store_wire_read(int fd, struct buf *in);
/* Writes and removes what goes without waiting: OK, or ERR_AGAIN or ERR_IO. */
MUST_USE int store_wire_write(int fd, struct buf *out);
/* Waits for room for `timeout_ms` at most: OK or ERR_IO. */
MUST_USE int store_wire_write_all(int fd, struct buf *out, int timeout_ms);
