#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"

/* The server's side of RFC 6143 sections 7.1 to 7.3.1 as a pure state machine:
 * versions 3.3, 3.7 and 3.8, security None or VNC Authentication. Any other 3.x
 * under 7 counts as 3.3, any over 8 as 3.8. Majors over 3 (004.001, 005.000) are
 * those of viewers that came after 3.8 and know it: they count as 3.8 too. */
enum rfb_security { RFB_SECURITY_NONE = 1, RFB_SECURITY_VNC_AUTH = 2 };

enum rfb_handshake_want {
	RFB_HANDSHAKE_BYTES,  /* nothing to do until more bytes come */
	RFB_HANDSHAKE_DECIDE, /* may this peer in? call rfb_handshake_decide() */
	RFB_HANDSHAKE_INIT,   /* ClientInit is here: send ServerInit, the handshake is over */
};

struct rfb_handshake {
	enum rfb_security security; /* the one type that is offered */
	int minor;                  /* 3, 7 or 8 once known */
	bool shared;                /* ClientInit's flag, valid at RFB_HANDSHAKE_INIT */
	uint8_t challenge[16];      /* VncAuth: what was sent */
	uint8_t response[16];       /* VncAuth: what came back, valid at DECIDE */
	int state;                  /* private to handshake.c */
};

/* Puts the version greeting. `challenge`: 16 random bytes, NULL for None. */
void rfb_handshake_start(struct rfb_handshake *h, enum rfb_security security,
	const uint8_t challenge[16], struct buf *out);
/* Takes what it can from `in`, appends answers to `out` and sets *want. Bytes
 * that come before a DECIDE is answered, or after INIT, stay in `in`.
 * ERR_PROTO: not RFB (HTTP, TLS, ...): close without a word; ERR_AUTH: a type
 * that was not offered: the failure is in `out`, close after sending it. After
 * an error or a refusal every further call is ERR_AUTH and does nothing. */
MUST_USE int rfb_handshake_step(
	struct rfb_handshake *h, struct rd *in, struct buf *out, enum rfb_handshake_want *want);
/* Answers DECIDE, then step again with the bytes that are left. None is decided
 * as soon as the version is known, while a refusal can still be told to every
 * version in place of the security types; VncAuth when the response is here.
 * Refused: `reason` (one line for the person at the viewer) is
 * in `out` where the version has room for it, and the connection is to be
 * closed after sending. */
void rfb_handshake_decide(
	struct rfb_handshake *h, bool accept, const char *reason, struct buf *out);
