#pragma once
#include "net/loop.h"
#include "net/stream.h"

enum ws_role { WS_SERVER, WS_CLIENT }; /* a client masks what it sends */

/* The bytes inside a WebSocket's binary messages as a stream (after the
 * upgrade, which http does). Takes `below` on success; `early` are bytes that
 * came after the upgrade's head. Received payload is passed on as it comes, so a
 * frame of up to 64 MiB costs no memory; larger ones and text frames end the
 * stream. What is sent leaves as messages of at most 64 KiB. Ping is answered, a
 * ping of ours goes out every 30 s, a peer that is silent for 10 s after it (while
 * we read and our queue is empty) is dead. A peer that leaves without a Close
 * frame is ERR_IO. close() sends 1000. NULL: no memory. */
struct stream *ws_stream_create(struct loop *l, struct stream *below, enum ws_role role,
	const uint8_t *early, size_t n_early);
