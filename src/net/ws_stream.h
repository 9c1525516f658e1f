#pragma once
#include "net/loop.h"
#include "net/stream.h"

enum ws_role { WS_SERVER, WS_CLIENT }; /* a client masks what it sends */

/* The bytes inside a WebSocket's binary messages as a stream (after the
 * upgrade, which http does). Takes `below` on success, which must not be
 * reading yet; `early` are bytes that came after the upgrade's head. Text
 * frames are a protocol error. Ping is answered, a ping of ours goes out every
 * 30 s, a peer silent for 10 s after it is dead. close() sends 1000. NULL: no
 * memory. */
struct stream *ws_stream_create(struct loop *l, struct stream *below, enum ws_role role,
	const uint8_t *early, size_t n_early);
