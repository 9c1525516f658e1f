#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/ws_frame.h"

/* WebSocket frames as bytes, for tests that play the peer. */

/* `first`: FIN and opcode, as on the wire. Masked frames get varying masks. */
void wire_put(struct buf *b, unsigned first, bool masked, const void *payload, size_t n);
/* A Close with code and reason. */
void wire_put_close(struct buf *b, bool masked, unsigned code, const char *reason);

/* What came, put together again. */
struct wire_reader {
	struct buf in;      /* bytes not looked at */
	struct buf payload; /* of all messages */
	struct buf lens;    /* of each whole message, as u32 */
	uint32_t len;       /* of the message that is coming */
	bool open;          /* one is coming */
	size_t frames, pings, pongs;
	unsigned close_code; /* 0: no Close yet; 1005: one without a code */
	char reason[124];
	bool masked; /* frames have to be */
};

void wire_reader_init(struct wire_reader *r, bool masked, size_t payload_max);
void wire_reader_fini(struct wire_reader *r);
/* Looks at what has been put into r->in; false when it breaks the protocol. */
bool wire_read(struct wire_reader *r);
