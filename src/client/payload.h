#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "pix/format.h"
#include "pix/rect.h"

/* How long the body of a rectangle is, read from its front without decoding.
 * So a decoder is asked once, when all is there, and a load generator can skip. */
enum { PAYLOAD_CURSOR_SIDE_MAX = 1024, PAYLOAD_NAME_MAX = 65536 };

bool payload_is_pseudo(int32_t encoding);

/* `in` starts at the body; `r` has the size from the rectangle's header. OK: *len
 * is the length, and that much is there. ERR_AGAIN: *len is how much is needed
 * before asking again makes sense. ERR_PROTO: unknown encoding or nonsense.
 * ERR_LIMIT: more than 12 bytes a pixel (and 64 KiB), a cursor or a name too big. */
MUST_USE int payload_length(int32_t encoding, struct rd in, struct rect r,
	const struct pix_format *format, size_t *len);
