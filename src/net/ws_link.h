#pragma once
#include "base/buf.h"
#include "net/loop.h"
#include "net/loop_coarse.h"
#include "net/stream.h"
#include "net/ws.h"
#include "net/ws_frame.h"

/* What all uses of a WebSocket share: frames taken apart as they come, control
 * frames, keep-alive, the Close both ways. Only ws_*.c of net/ include this. It is
 * embedded in its owner. */
struct ws_link;

enum { WS_CONTROL_MAX = 125 };

struct ws_link_events {
	/* A data frame begins, see `head`. 0, or the code to refuse it with. */
	unsigned (*begins)(struct ws_link *l);
	/* Where a frame may begin outside a message: what the owner takes by itself, in
	 * whole frames, each a whole binary message masked as the peer must. Returns how
	 * many bytes. May be NULL. */
	size_t (*whole)(struct ws_link *l, uint8_t *data, size_t n);
	/* Bytes of it in writable memory, as they came: see ws_link_unmask(). None (n
	 * is 0) only of an empty frame. The owner may close the link from here. */
	void (*payload)(struct ws_link *l, uint8_t *data, size_t n);
	/* What was read together has been passed on; before end. */
	void (*taken)(struct ws_link *l);
	void (*drain)(struct ws_link *l);
	/* Once, after which only ws_link_close() is left to do. */
	void (*end)(struct ws_link *l, int err);
	/* Frees the owner, after ws_link_close(): at once or when a callback returns. */
	void (*release)(struct ws_link *l);
};

struct ws_link {
	const struct ws_link_events *events;
	struct loop *loop;
	struct stream *below;
	struct ws_config config;
	unsigned code; /* how it ended; 0 before */
	char *reason;  /* of the peer's Close; NULL: none */

	bool reading;     /* the owner wants data */
	bool ended;       /* nothing more is taken or sent */
	bool told;        /* and the owner knows */
	bool calling;     /* inside a callback of below, a timer or a task */
	bool gone;        /* closed from there */
	bool peer_closed; /* with a Close frame */
	bool below_ended; /* with bytes pending; below_err says how */
	int err, below_err;

	struct buf pending; /* received but not looked at: the owner paused */
	struct loop_task resume;

	/* The frame we are in. */
	struct ws_head head;
	uint64_t at; /* payload bytes seen; all of them in the last payload() */
	bool in_frame;
	bool in_message; /* between fragments */
	uint8_t head_len;
	uint8_t head_bytes[WS_HEAD_MAX]; /* a head that came in pieces */
	uint8_t control[WS_CONTROL_MAX];

	bool sending;  /* a frame of the owner's is not whole: nothing may go between */
	bool pong_due; /* for then: the answer to what is in `control` */
	uint8_t pong_len;

	uint64_t ping_window_us; /* when counting the peer's pings began */
	int pings, pongs_queued;

	struct loop_coarse alive;
	bool waiting; /* for a sign of life after a ping */
	bool heard;
	bool was_queued; /* the ping itself may still be on its way */
};

/* Takes `below` on success, not reading. ERR_NOMEM. */
MUST_USE int ws_link_init(struct ws_link *l, struct loop *loop, struct stream *below,
	const struct ws_config *config, const struct ws_link_events *events, const uint8_t *early,
	size_t n_early);
void ws_link_want_read(struct ws_link *l, bool on);
/* Sends a Close and ends the link: end() comes later. */
void ws_link_refuse(struct ws_link *l, unsigned code);
/* Sends a Close, if there was none and it can leave; then release(). */
void ws_link_close(struct ws_link *l, bool flush, unsigned code, const char *reason);
/* Whether what the owner has sent ends inside a frame. */
void ws_link_in_frame(struct ws_link *l, bool on);
/* As stream_detach() and stream_attach(). */
MUST_USE int ws_link_detach(struct ws_link *l);
MUST_USE int ws_link_attach(struct ws_link *l, struct loop *loop);

/* In payload(). */
static inline void ws_link_unmask(const struct ws_link *l, uint8_t *data, size_t n)
{
	if (l->head.masked)
		ws_mask(data, n, l->head.mask, l->at - n);
}

static inline bool ws_link_masks(const struct ws_link *l)
{
	return l->config.role == WS_CLIENT;
}
