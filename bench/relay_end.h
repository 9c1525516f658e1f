#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"
#include "net/ws_frame.h"

/* One end of a tunnel in the load generator: a WebSocket that sends ready-made frames
 * and counts what it gets, or the same bytes without an upgrade. */

struct relay_address {
	int port;                /* of 127.0.0.1 */
	const char *path;        /* NULL: no upgrade, bytes */
	const char *protocol;    /* offered; NULL: none */
	const char *headers;     /* lines that end with CRLF; NULL: none */
	struct tls_context *tls; /* NULL: none */
	int from;                /* own address: 127.0.1.N; 0: any */
};

struct relay_end {
	struct loop *loop;
	struct stream *s;
	struct relay_address address;
	bool server; /* it was accepted: answers an upgrade, does not mask */
	bool open, failed;
	char head[2048]; /* of the upgrade */
	size_t head_len;

	uint8_t part[WS_HEAD_MAX]; /* a frame's head that came in pieces */
	size_t part_len;
	uint64_t left; /* of the frame's payload */
	bool fin, data;
	uint64_t bytes, messages;                           /* payload that came */
	void (*on_message)(void *ctx, struct relay_end *e); /* NULL: none */
	void *ctx;

	/* Sent again and again while `flood`. */
	const uint8_t *wire;
	size_t wire_len, wire_at;
	bool flood;
	struct loop_task again;
};

/* Connects; `open` comes later, or `failed`. The storage must stay where it is. */
void relay_end_connect(struct relay_end *e, struct loop *l, const struct relay_address *a);
/* Takes an accepted descriptor. */
void relay_end_accept(struct relay_end *e, struct loop *l, const struct relay_address *a, int fd);
void relay_end_close(struct relay_end *e);
/* Frames of `size` payload bytes, masked or not, `n` of them; the caller frees. */
uint8_t *relay_wire(size_t size, size_t n, bool masked, size_t *len);
void relay_end_flood(struct relay_end *e, const uint8_t *wire, size_t len);
void relay_end_send(struct relay_end *e, const uint8_t *wire, size_t len);
