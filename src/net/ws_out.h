#pragma once
#include "base/buf.h"
#include "net/stream.h"
#include "net/ws_frame.h"

/* The sending half of a WebSocket. `mask`: a client's frames. */

/* Sends the parts as binary messages of at most 64 KiB: all or nothing, as
 * stream_sendv(). Unmasked payload is not copied; a client's goes through
 * `scratch`, whose memory is kept when it is small. */
MUST_USE int ws_out_send(struct stream *below, bool mask, struct buf *scratch,
	const struct iovec *parts, size_t n_parts);
/* One control frame of at most 125 bytes. */
MUST_USE int ws_out_control(
	struct stream *below, bool mask, enum ws_opcode opcode, const uint8_t *payload, size_t n);
