#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/rd.h"

enum { ZIN_MOST = 16384 };

/* One inflate stream that lives as long as its decoder, read piece by piece so
 * that no peer can make us hold more than ZIN_MOST bytes of its output. A
 * zeroed one is valid. Must not move in memory once used. */
struct zin {
	z_stream z;
	bool open;
	int err; /* OK, or why bytes could not be had */
	size_t at, len;
	uint8_t *data; /* owned, ZIN_MOST bytes, `at` to `len` unread */
};

void zin_fini(struct zin *s);
/* Forgets the stream's history: the next rectangle starts a new one. */
void zin_reset(struct zin *s);
/* Takes the compressed bytes of one rectangle (borrowed until zin_end). */
MUST_USE int zin_begin(struct zin *s, const uint8_t *p, size_t n);
/* The next n (at most ZIN_MOST) bytes, valid until the next call; NULL and
 * .err set when the stream does not hold them. */
const uint8_t *zin_bytes(struct zin *s, size_t n);
/* ERR_PROTO unless the rectangle's bytes are used up and gave no more. */
MUST_USE int zin_end(struct zin *s);

/* The U32 length and the compressed bytes of a Zlib or ZRLE rectangle of
 * `pixels` pixels, borrowed. ERR_AGAIN (nothing consumed) until they are all
 * there, ERR_LIMIT when no honest server would need as many. */
MUST_USE int zin_parse(struct rd *in, uint64_t pixels, const uint8_t **p, size_t *n);
