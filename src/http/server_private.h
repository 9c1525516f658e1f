#pragma once
#include "http/chunked.h"
#include "http/server.h"
#include "http/upgrade.h"

/* What server.c, which reads requests, and exchange.c, which answers them, share. */

enum {
	/* What waits to be parsed, a head or less, and one read of the stream. */
	HTTP_IN_MAX = HTTP_HEAD_MAX + STREAM_READ_MAX,
	/* A body goes out in pieces of this size, the next one when the one before
	 * has left: what waits for a slow reader is the file itself. */
	HTTP_PIECE = 32 * 1024,
	HTTP_ANSWER_HEAD_MAX = 16 * 1024,
	HTTP_QUEUE = 36 * 1024, /* what the stream's owner has promised */
};

enum http_conn_state {
	CONN_HEAD,    /* waits for a request, or for more of its head */
	CONN_BODY,    /* for more of its body */
	CONN_WAITING, /* for its answer: the exchange is somebody's */
	CONN_SENDING,
	CONN_OVER, /* upgraded, or failed */
};

struct http_exchange {
	struct http_request head; /* points into `bytes` */
	struct buf bytes, body;
	bool is_upgrade;
	char accept[UPGRADE_ACCEPT_TEXT];
	void (*on_gone)(void *ctx);
	void *gone_ctx;
};

struct http_conn {
	struct loop *loop;
	struct http_config config;
	char *peer;
	struct stream *stream;    /* NULL: handed out */
	struct loop_timer *timer; /* of a head, of a body, of idling or of a slow reader */
	struct loop_task go_on;
	enum http_conn_state state;
	struct buf in;
	bool in_head;  /* the timer runs for a head */
	bool last;     /* the connection ends after this answer */
	bool draining; /* the same, and there may be none */
	bool calling;  /* inside on_request */

	struct http_exchange x; /* the request that is read, waits or is answered */
	struct chunked chunked;
	size_t body_left, body_seen; /* until the end; since the timer was started */
	size_t charged;              /* of the budget */
	bool body_late;              /* the free time is over */

	struct buf out;      /* the answer's head */
	struct buf kept;     /* what of its body had to be copied */
	const uint8_t *body; /* what of it is not sent yet */
	size_t body_size;
};

/* Starts an answer, whose body stays where it is (`borrowed`) or is copied if it
 * must wait. After an error the connection is CONN_OVER. */
int http_conn_respond(struct http_conn *c, const struct response *r, bool borrowed);
/* Sends what the stream takes without queueing more than a piece. */
MUST_USE int http_conn_send_body(struct http_conn *c);
/* Counts what its bodies hold now. False: all of the budget's hold too much together. */
bool http_conn_charge(struct http_conn *c);
bool http_conn_is_busy(const struct http_conn *c); /* an answer is on its way */
