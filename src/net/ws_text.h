#pragma once
#include "base/err.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/ws.h"

/* A WebSocket for text messages, JSON for instance: whole messages, checked to be
 * UTF-8 (else 1007), frames of at most 1 MB and messages up to a ceiling (else
 * 1009), no binary (1003). Everything on the loop thread. */
struct ws_text;

enum { WS_TEXT_FRAME_MAX = 1024 * 1024, WS_TEXT_MESSAGE_MAX = 16 * 1024 * 1024 };

struct ws_text_events {
	/* Borrowed until it returns; text[n] is 0. Several may come from one read. */
	void (*on_message)(void *ctx, const char *text, size_t n);
	/* The peer is gone, or was refused: OK for an orderly end, else why. `code` and
	 * `reason` ("" for none) as ws_stream_close_code() says. Once, never from inside
	 * a call; only ws_text_close() or ws_text_destroy() are left to do. */
	void (*on_close)(void *ctx, int err, unsigned code, const char *reason);
};

struct ws_text_config {
	struct ws_config ws;
	size_t message_max; /* at most WS_TEXT_MESSAGE_MAX; 0: WS_TEXT_FRAME_MAX */
	size_t queue_max;   /* unsent bytes of ours before a slow reader is closed (1013);
			     * 0: 1 MB. `below` must allow for somewhat more. */
	const struct ws_text_events *events; /* borrowed */
	void *ctx;
};

/* After the upgrade, like ws_stream_create(): takes `below` on success; starts to
 * read at once. Idle it holds no buffers. NULL: no memory. */
struct ws_text *ws_text_create(struct loop *l, struct stream *below,
	const struct ws_text_config *config, const uint8_t *early, size_t n_early);
/* One message, which must be UTF-8. ERR_LIMIT: the peer reads too slowly, nothing
 * was sent and on_close will say so. ERR_IO: it is gone. */
MUST_USE int ws_text_send(struct ws_text *ws, const char *text, size_t n);
/* Whether to go on reading; what was read already still comes. */
void ws_text_want_read(struct ws_text *ws, bool on);
size_t ws_text_queued(const struct ws_text *ws);
int ws_text_fd(const struct ws_text *ws);
/* Sends what is queued and a Close (reason NULL: none), frees; no event follows.
 * May be called from inside the events. NULL is fine. */
void ws_text_close(struct ws_text *ws, unsigned code, const char *reason);
/* The same without sending anything more. */
void ws_text_destroy(struct ws_text *ws);
