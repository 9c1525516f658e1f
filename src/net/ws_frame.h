#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
size_t ws_head_size(const struct ws_head *h); /* of what ws_head_write() writes */
/* Writes a head of at most WS_HEAD_MAX bytes and nothing behind it, returns its size. */
size_t ws_head_write(const struct ws_head *h, uint8_t out[WS_HEAD_MAX]);
/* The mask of the payload's byte `offset` and the next three. */
static inline void ws_mask_turn(uint8_t out[4], const uint8_t mask[4], uint64_t offset)
{
	memcpy(out, mask, 4);
	for (size_t i = 0; offset & 3 && i < 4; i++)
		out[i] = mask[(offset + i) & 3];
}
/* XORs n bytes in place; `offset` is where in the payload they start. */
void ws_mask(uint8_t *data, size_t n, const uint8_t mask[4], uint64_t offset);
/* The same on the way to `to`, which is `from` or lies before it; they may overlap. */
void ws_mask_move(
	uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4], uint64_t offset);
/* The same from the payload's start, in line: small frames come by the hundred in one
 * read. */
static inline void ws_mask_from_start(
	uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4])
{
	enum { BLOCK = 16 };
	/* One register of any CPU we know; compilers split or join it. */
	uint64_t __attribute__((vector_size(BLOCK))) key, block, last;
	uint8_t twice[8];
	uint64_t word;
	memcpy(twice, mask, 4);
	memcpy(twice + 4, mask, 4);
	if (n < BLOCK) {
		for (size_t i = 0; i < n; i++)
			to[i] = from[i] ^ twice[i & 3];
		return;
	}
	/* The last block overlaps the one before, and is read first: what is written may
	 * lie over it. */
	size_t at = n - BLOCK;
	memcpy(&word, twice, sizeof(word));
	key[0] = key[1] = word;
	memcpy(&last, from + at, BLOCK);
	for (size_t i = 0; i < at; i += BLOCK) {
		memcpy(&block, from + i, BLOCK);
		block ^= key;
		memcpy(to + i, &block, BLOCK);
	}
	uint32_t turned;
	memcpy(&turned, twice + (at & 3), sizeof(turned));
	word = (uint64_t)turned << 32 | turned;
	key[0] = key[1] = word;
	last ^= key;
	memcpy(to + at, &last, BLOCK);
}
