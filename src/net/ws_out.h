#pragma once
#include "base/buf.h"
#include "net/stream.h"
#include "net/ws_frame.h"

/* The sending half of a WebSocket. `mask`: a client's frames, which go through
 * `scratch`; it keeps little memory. Unmasked payload is not copied. All or nothing,
 * as stream_sendv(). */

enum { WS_OUT_MESSAGE_MAX = 64 * 1024 };

/* Sends the parts as binary messages of at most WS_OUT_MESSAGE_MAX; nothing for no
 * bytes. */
MUST_USE int ws_out_send(struct stream *below, bool mask, struct buf *scratch,
	const struct iovec *parts, size_t n_parts);
/* One text message, in frames of at most 1 MB. */
MUST_USE int ws_out_text(
	struct stream *below, bool mask, struct buf *scratch, const char *text, size_t n);
/* One control frame of at most 125 bytes. */
MUST_USE int ws_out_control(
	struct stream *below, bool mask, enum ws_opcode opcode, const uint8_t *payload, size_t n);
/* How many bytes fit as messages when below takes `room`. */
size_t ws_out_room(size_t room);
