#pragma once
#include "net/loop.h"
#include "net/stream.h"
#include "net/ws.h"

/* The bytes inside a WebSocket's binary messages as a stream (after the
 * upgrade, which http does). Takes `below` on success; `early` are bytes that
 * came after the upgrade's head. Received payload is passed on as it comes, so a
 * frame of up to 64 MiB costs no memory; a larger one ends the stream (1009), as
 * does text, unless the config takes it (1003). What is sent leaves as messages
 * of at most 64 KiB. Ping is answered; a peer that sends more than 50 a second, or
 * many without reading the answers, is closed with 1008. A peer that leaves without
 * a Close frame is ERR_IO. stream_close() sends 1000. NULL: no memory. */
struct stream *ws_stream_create(struct loop *l, struct stream *below,
	const struct ws_config *config, const uint8_t *early, size_t n_early);
/* Whether it is one of these. */
bool ws_stream_is(const struct stream *s);
/* As stream_close(ws, true) with a code that may be sent, and a reason (NULL: none;
 * cut at 123 bytes, between characters). NULL stream is fine. */
void ws_stream_close(struct stream *ws, unsigned code, const char *reason);
/* How it ended, valid from on_end on: the code of the peer's Close, WS_CODE_NONE or
 * WS_CODE_LOST, or the code with which we refused the peer. 0 before. */
unsigned ws_stream_close_code(const struct stream *ws);
/* The reason in the peer's Close, "" for none; valid UTF-8, until close. */
const char *ws_stream_close_reason(const struct stream *ws);
