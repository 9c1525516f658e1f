#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"

/* The records of `porthole.v1`, doc/PROTOCOL.tunnel.md section 3. Pure. */
enum tunnel_record_type {
	TUNNEL_RECORD_HELLO = 1,
	TUNNEL_RECORD_RESUME = 2,
	TUNNEL_RECORD_WELCOME = 3,
	TUNNEL_RECORD_REFUSED = 4,
	TUNNEL_RECORD_DATA = 5,
	TUNNEL_RECORD_ACK = 6,
	TUNNEL_RECORD_CLOSE = 7,
};

enum tunnel_refusal {
	TUNNEL_REFUSED_VERSION = 1,
	TUNNEL_REFUSED_GONE = 2,
	TUNNEL_REFUSED_FULL = 3,
};

enum {
	TUNNEL_RECORD_VERSION = 1,
	TUNNEL_RECORD_HEAD = 5,
	TUNNEL_RECORD_MAX = 34, /* the longest but DATA, with its head */
	TUNNEL_DATA_MAX = 65536,
	TUNNEL_KEY = 16,
};

struct tunnel_record {
	enum tunnel_record_type type;
	uint8_t version;         /* HELLO, RESUME */
	uint8_t key[TUNNEL_KEY]; /* RESUME, WELCOME */
	uint32_t epoch;          /* RESUME */
	uint64_t received;       /* RESUME, WELCOME, ACK */
	uint16_t keep_s;         /* WELCOME */
	uint8_t reason;          /* REFUSED */
	uint32_t data_len;       /* DATA: so many bytes follow, not parsed */
};

/* Takes a record (of DATA its head) off the front. OK; ERR_AGAIN: more bytes, nothing
 * consumed; ERR_PROTO. */
MUST_USE int tunnel_record_parse(struct rd *in, struct tunnel_record *out);
/* Appends it (of DATA its head). */
void tunnel_record_put(struct buf *out, const struct tunnel_record *r);
