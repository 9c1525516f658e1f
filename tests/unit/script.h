#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

/* An HTTP server of few words, on a port of 127.0.0.1, for tests of clients: it says
 * what it was told to say after each request with its body. */
struct script {
	struct loop *loop;
	struct listener *listener;
	struct tls_context *tls; /* borrowed; NULL: none */
	struct script_peer *peers;
	int port, connections, requests;
	const char *answer;  /* "{accept}" stands for the WebSocket's; NULL: none */
	size_t step;         /* bytes of it at a time, 0: all */
	bool hang_up;        /* after the answer */
	char request[40000]; /* the last one, ended by 0 */
	size_t request_len;
	struct buf later; /* what came after an upgrade */
};

void script_start(struct script *s, struct loop *l);
void script_stop(struct script *s);
/* Turns the loop until `*done`; a stuck test fails. */
void script_wait(struct script *s, const int *done);
/* Says something on its last connection. */
void script_say(struct script *s, const char *text);
