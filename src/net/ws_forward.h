#pragma once
#include "net/stream.h"

/* What the pump needs of WebSocket streams beyond a stream; only net/ includes this. */
struct ws_forwarded {
	const struct iovec *parts; /* borrowed */
	size_t n;          /* at most 2; 0: empty messages, of which bare bytes show nothing */
	size_t payload;    /* bytes of it */
	size_t n_messages; /* that came to their end */
	size_t rest;       /* bytes that the last frame still lacks, which the next ones are */
};

struct ws_forward {
	bool frames; /* written with new heads, for a WebSocket; else bare bytes */
	bool mask;   /* as a client's frames */
	bool whole;  /* what is written ends with a whole frame: nothing is announced */
	/* What came with one read. May close the stream. */
	void (*write)(void *ctx, const struct ws_forwarded *what);
	void *ctx;
};

/* From now on payload goes to `forward` (copied) instead of on_data. Again: changes it. */
void ws_stream_forward(struct stream *ws, const struct ws_forward *forward);
bool ws_stream_masks(const struct stream *ws);
/* Sends frames as they are, the last of which lacks `rest` bytes; while it does, nothing
 * of the stream's own goes between. As stream_sendv(). */
MUST_USE int ws_stream_send_frames(
	struct stream *ws, const struct iovec *parts, size_t n, size_t rest);
/* Whether it ended with a Close of the peer, and the code may be passed on. */
bool ws_stream_peer_closed(const struct stream *ws);
