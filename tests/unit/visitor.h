#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/server.h"

/* A client of http/server over a socket pair, for tests. The server has two
 * files, "/index.html" ("<html>", "compressed") and "/assets/large.bin". */
enum {
	VISITOR_QUEUE_MAX = 36 * 1024, /* of the server's stream */
	VISITOR_LARGE = 3 * 1024 * 1024,
	VISITOR_BODY_MAX = 64 * 1024,
};

extern uint8_t visitor_large[VISITOR_LARGE];

#define VISITOR_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VISITOR_UPGRADE                                                                            \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" VISITOR_KEY
#define VISITOR_HOST "Host: localhost:5900\r\n"

/* A connection, its client's end and all that came of it. */
struct visitor {
	struct loop *loop;
	struct loop_timer *tick, *watchdog;
	struct http_config config;
	struct http_conn *conn;
	struct stream *below; /* borrowed, while `conn` lives */
	struct stream *ws;
	struct buf got, ws_got;
	int fd;
	bool eof, reading;
	int dones, requests, upgrades, ws_ends;
	/* In place of the files and the echoing WebSocket; NULL: those. */
	void (*on_request)(struct visitor *v, struct http_exchange *x);
	int refusal; /* status for the next upgrade, 0: accept */
	const char *protocol;
	char path[64];
	bool failing; /* from the start of a connection to its end */
};

struct answer {
	int status;
	bool keep_alive;
	char head[8192], body[512]; /* a long body is cut */
	size_t body_len;
};

int visitor_set_up(void **state);
int visitor_tear_down(void **state);
#define VISITOR_TEST(name)                                                                         \
	{                                                                                          \
#name, name, visitor_set_up, visitor_tear_down, NULL                               \
	}

/* A new connection in place of the one before. `early` was read before http got
 * the stream; `buffer` is the kernel's for what it sends, 0: the usual. */
void visitor_connect(struct visitor *v, const char *early, int buffer);
void visitor_hang_up(struct visitor *v);
/* One turn of the server, and hears what it said. */
void visitor_turn(struct visitor *v);
/* Hears at most that many bytes of what was said already. */
void visitor_listen(struct visitor *v, size_t most);
void visitor_say(struct visitor *v, const char *text);
void visitor_say_bytes(struct visitor *v, const void *data, size_t len);
/* What came up to the end of the first head, ended by 0; NULL: not complete. */
const char *visitor_head_of(struct visitor *v, size_t *len);
/* Waits for one response and takes it off what came. */
struct answer visitor_hear(struct visitor *v, bool with_body);
struct answer visitor_ask(struct visitor *v, const char *text);
void visitor_wait_for_end(struct visitor *v);
