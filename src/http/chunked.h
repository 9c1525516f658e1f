#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "base/rd.h"

/* The chunked transfer coding, RFC 9112 section 7.1, as it comes: pure and strict.
 * Refused are a bare CR or LF, blanks around a size, and a size of more digits
 * than a 64-bit number has. Extensions and trailers mean nothing and have ceilings. */
enum {
	CHUNK_EXTENSION_MAX = 256,        /* bytes of one */
	CHUNK_EXTENSIONS_MAX = 16 * 1024, /* of all in a body */
	CHUNK_TRAILERS_MAX = 4 * 1024,
};

/* Zeroed is at the start of a body. */
struct chunked {
	int state;
	unsigned long long left; /* of the chunk's data */
	size_t line;             /* bytes of a size or of an extension */
	size_t extensions, trailers;
	bool last; /* the chunk of size 0 was read */
};

/* Takes coded bytes off `in` and puts what they carry to `out`, whose ceiling is
 * the body's. OK: the body has ended, the cursor is behind it. ERR_AGAIN: all was
 * taken and more is to come. ERR_PROTO: no such coding. ERR_LIMIT: more than `out`
 * may hold, told when the size is known, before the bytes come. ERR_NOMEM. The
 * answer does not depend on how the bytes were cut. */
MUST_USE int chunked_take(struct chunked *c, struct rd *in, struct buf *out);
