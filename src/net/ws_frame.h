#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rd.h"

/* WebSocket frames, RFC 6455 section 5: pure. */
enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

struct ws_head {
	bool fin;
	enum ws_opcode opcode;
	bool masked;
	uint8_t mask[4];
	uint64_t len; /* of the payload, at most 2^63 - 1 */
};

enum { WS_HEAD_MAX = 14 };

/* One frame head. ERR_AGAIN: more bytes, nothing consumed. ERR_PROTO: reserved
 * bits or opcodes, a length not in its shortest form, a control frame that is
 * fragmented or longer than 125. */
MUST_USE int ws_head_parse(struct rd *in, struct ws_head *out);
/* Writes a head of at most WS_HEAD_MAX bytes, returns its size. */
size_t ws_head_write(const struct ws_head *h, uint8_t out[WS_HEAD_MAX]);
/* XORs n bytes in place; `offset` is where in the payload they start. */
void ws_mask(uint8_t *data, size_t n, const uint8_t mask[4], uint64_t offset);
