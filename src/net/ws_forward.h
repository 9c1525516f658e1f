#pragma once
#include "net/stream.h"

/* What the pump needs of WebSocket streams beyond a stream; only net/ includes this. */
struct ws_forward {
	bool frames; /* written with new heads, for a WebSocket; else bare bytes */
	bool mask;   /* as a client's frames */
	/* What came with one read, in at most 2 parts (none: empty messages, of which
	 * bare bytes show nothing): `payload` bytes, the ends of n_messages. May close the
	 * stream. The parts are borrowed. */
	void (*write)(
		void *ctx, const struct iovec *parts, size_t n, size_t payload, size_t n_messages);
	void *ctx;
};

/* From now on payload goes to `forward` (copied) instead of on_data. Again: changes it. */
void ws_stream_forward(struct stream *ws, const struct ws_forward *forward);
bool ws_stream_masks(const struct stream *ws);
/* Sends whole frames as they are. As stream_sendv(). */
MUST_USE int ws_stream_send_frames(struct stream *ws, const struct iovec *parts, size_t n);
/* Whether it ended with a Close of the peer, and the code may be passed on. */
bool ws_stream_peer_closed(const struct stream *ws);
