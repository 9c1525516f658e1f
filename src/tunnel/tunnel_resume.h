#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"
#include "base/rd.h"
#include "tunnel/tunnel_record.h"

/* One end of a session of `porthole.v1` (doc/PROTOCOL.tunnel.md section 3): counts
 * bytes, keeps those that are not acknowledged, and says what to send over a link, a
 * new one after each loss. Pure: the owner has the links, the clock and the dice.
 *
 * The viewer's end: create; for each link start(), then write next() to it and read()
 * what comes. The agent: parses the first record of a link with tunnel_record_parse(),
 * makes a session for HELLO or finds the one that knows() the key of RESUME, then
 * accept(); the link before, if there is one, is to be closed. Both: lost() when a link
 * ended, and an ACK timer as ack_wanted() says. */
struct tunnel_resume;

enum tunnel_role { TUNNEL_AGENT, TUNNEL_VIEWER };

enum {
	TUNNEL_TAIL_MAX = 1024 * 1024,
	TUNNEL_ACK_BYTES = 65536,
	TUNNEL_ACK_MS = 100,
	TUNNEL_KEEP_S = 60,    /* a session without a link */
	TUNNEL_KEPT_MAX = 16,  /* such sessions of an agent */
	TUNNEL_OPENING_S = 15, /* for the first record of a link */
	TUNNEL_OUT_PARTS = 3,
};

struct tunnel_resume *tunnel_resume_create(enum tunnel_role role); /* NULL: no memory */
void tunnel_resume_destroy(struct tunnel_resume *t);               /* NULL is fine */

/* The viewer's end: a link is there. HELLO or RESUME will be what next() gives. */
void tunnel_resume_start(struct tunnel_resume *t);

/* The agent's end. `fresh` are 16 random bytes, the next key. OK: the session is on this
 * link, WELCOME is what next() gives. ERR_AUTH: refuse with *reason; nothing changed.
 * ERR_PROTO: a record that opens nothing. */
MUST_USE int tunnel_resume_accept(struct tunnel_resume *t, const struct tunnel_record *opening,
	const uint8_t fresh[TUNNEL_KEY], enum tunnel_refusal *reason);
/* In constant time: this key, or the one before it while that is valid. */
bool tunnel_resume_knows(const struct tunnel_resume *t, const uint8_t key[TUNNEL_KEY]);

/* The link ended. What was sent and not acknowledged will be sent again. */
void tunnel_resume_lost(struct tunnel_resume *t);
/* The handshake of the present link is done: bytes flow. */
bool tunnel_resume_up(const struct tunnel_resume *t);

/* Keeps n bytes for sending, with or without a link; OK, ERR_LIMIT: more than room(),
 * ERR_NOMEM, or ERR_IO: it is closed. Nothing is kept then. */
MUST_USE int tunnel_resume_write(struct tunnel_resume *t, const void *data, size_t n);
size_t tunnel_resume_room(const struct tunnel_resume *t);
size_t tunnel_resume_unacked(const struct tunnel_resume *t); /* sent or not: in flight */
/* What to write to the link next, at most one record and 64 KiB of data; returns how many
 * parts, 0: nothing now. It counts as sent. The parts are valid until the next call
 * with this session; give them on before reading or writing. Call it while the link's queue is
 * short, so that keys do not wait behind pictures. */
size_t tunnel_resume_next(struct tunnel_resume *t, struct iovec parts[TUNNEL_OUT_PARTS]);
/* next() would give something. */
bool tunnel_resume_has_next(const struct tunnel_resume *t);

enum tunnel_event {
	TUNNEL_EVENT_DATA,    /* `data`: the peer's bytes, borrowed from `in` */
	TUNNEL_EVENT_UP,      /* the viewer's end: WELCOME came, bytes flow */
	TUNNEL_EVENT_ACKED,   /* there may be room again */
	TUNNEL_EVENT_REFUSED, /* the viewer's end: `reason`; the session is over */
	TUNNEL_EVENT_CLOSED,  /* the peer has no more; the session is over */
};

struct tunnel_input {
	enum tunnel_event event;
	const uint8_t *data;
	size_t n;
	enum tunnel_refusal reason;
};

/* Takes bytes of the link off the front of `in` until something happened. OK; ERR_AGAIN:
 * all were taken, nothing happened; ERR_PROTO: close with 1002, the session is over. */
MUST_USE int tunnel_resume_read(struct tunnel_resume *t, struct rd *in, struct tunnel_input *out);
/* Bytes came that no ACK covers: within TUNNEL_ACK_MS call tunnel_resume_ack(). */
bool tunnel_resume_ack_wanted(const struct tunnel_resume *t);
void tunnel_resume_ack(struct tunnel_resume *t); /* then next() gives an ACK */
/* No more will be written: CLOSE follows what is kept. */
void tunnel_resume_finish(struct tunnel_resume *t);
/* CLOSE was given to next() on a link, or the session ended otherwise. */
bool tunnel_resume_is_over(const struct tunnel_resume *t);
