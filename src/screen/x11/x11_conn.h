#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "base/err.h"

/* One connection to an X server and the replies it owes us. */

/* `reply` is NULL when the request failed; `error` is NULL then too if the
 * connection is broken. Both borrowed for the call. */
typedef void x11_reply_fn(void *ctx, const void *reply, const xcb_generic_error_t *error);

struct x11_pending {
	unsigned sequence;
	x11_reply_fn *fn;
	void *ctx;
};

/* More than all modules together ever have under way: each is bounded. */
enum { X11_PENDING_MAX = 256 };

struct x11_conn {
	xcb_connection_t *xcb;
	const xcb_screen_t *screen; /* of the connection's set-up */
	xcb_window_t root;
	uint8_t damage_event, xfixes_event, randr_event, xkb_event; /* first event codes */
	bool has_damage, has_xfixes, has_xtest, has_xkb;
	bool has_shm;     /* 1.2, with descriptors, over a local socket */
	int randr;        /* 0: none; 102 for 1.2, 105 for 1.5 */
	unsigned ring, n; /* pending[ring] is the oldest of n */
	struct x11_pending pending[X11_PENDING_MAX];
};

/* Connects, looks at extensions; waits for the server. OK, or ERR_IO with a line
 * for the user in `error`. Safe to close in both cases, as when zeroed. */
MUST_USE int x11_conn_open(struct x11_conn *c, const char *display, const uint8_t *cookie,
	size_t cookie_len, char *error, size_t error_size);
void x11_conn_close(struct x11_conn *c);

/* Calls fn once when the reply to request `sequence` is here. Requests must be
 * registered in the order in which they were made. */
void x11_conn_expect(struct x11_conn *c, unsigned sequence, x11_reply_fn *fn, void *ctx);

/* Hands the oldest reply to its receiver if it has come. False: not yet, or none. */
bool x11_conn_poll_reply(struct x11_conn *c);

/* Sends what xcb has gathered. False: the socket does not take it now, which is
 * so while another client has grabbed the server; xcb_flush() would wait there.
 * Call again when the descriptor can be written. Until then few requests may be
 * made: at most 16 KB in all, which is what xcb gathers before it waits. */
MUST_USE bool x11_conn_flush(struct x11_conn *c);

/* Sends what is left before a close, and waits until the server has taken it, at
 * most 500 ms: of a client that is gone it may throw away what it has not read
 * yet. False: it did not take it. */
MUST_USE bool x11_conn_finish(struct x11_conn *c);

/* Waits for the oldest reply and hands it over. For creation only. */
void x11_conn_wait_reply(struct x11_conn *c);
