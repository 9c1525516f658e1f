#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fake_store.h"
#include "gateway/relay.h"
#include "net/ws_frame.h"

/* A relay behind real HTTP connections over socket pairs, with guests that speak raw
 * HTTP and WebSocket. The store knows run1 and run2; tickets "view-NAME" and
 * "control-NAME", once each, for NAME and for either run; session "s-NAME" likewise, any
 * number of times; agents with X-Signature "good". */
enum { HOUSE_GUESTS = 64, HOUSE_WAIT_MS = 60000 };

struct guest {
	struct house *house;
	int fd;
	struct http_conn *conn;
	struct buf in, out; /* bytes not looked at; frames not sent */
	struct buf got;     /* payload of binary messages */
	struct buf texts;   /* text messages, each ended by LF */
	int status;         /* of the answer; 0: none yet */
	char head[2048];    /* with what of a body came */
	bool upgraded, eof;
	unsigned close_code; /* 0: no Close yet */
	char reason[128];
	size_t binary_frames;
	const char *address;        /* of its connection */
	char run[40], agent_id[40]; /* an agent's */
};

struct house {
	struct loop *loop;
	struct loop_timer *watchdog, *pulse;
	struct fake_store store;
	struct relay_config config;
	struct relay *relay;
	struct guest guests[HOUSE_GUESTS];
	int n_guests;
	char used[HOUSE_GUESTS][64]; /* tickets */
	int n_used;
	struct buf closed; /* what tunnel.closed was told, JSON, each ended by LF */
	int left;          /* how often agent.left was told of run1 */
	int changes;
	const char *address;  /* of guests to come; NULL: 192.0.2.7 */
	bool start_delivered; /* runner.open says 200 */
};

/* The clock is ahead by so much (-Wl,--wrap=clock_now_us). */
extern uint64_t house_ahead_us;
extern bool house_in_loop; /* inside loop_turn() */

int house_set_up(void **state);
int house_tear_down(void **state);
void house_pass_time(struct house *h, unsigned seconds);
#define HOUSE_TEST(name) cmocka_unit_test_setup_teardown(name, house_set_up, house_tear_down)

/* A new relay, after changes to the config. */
void house_restart(struct house *h);
/* All guests go. */
void house_dismiss(struct house *h);
void house_turn(struct house *h);
#define HOUSE_UNTIL(h, cond)                                                                       \
	while (!(cond))                                                                            \
	house_turn(h)
/* Turns until nothing is under way any more. */
void house_settle(struct house *h);

/* A GET with an upgrade; `fields` are whole lines with CRLF. Returns at once, or when the
 * answer is there. */
struct guest *guest_knock(struct house *h, const char *path, const char *fields);
struct guest *guest_enter(struct house *h, const char *path, const char *fields);
/* With a ticket, and "binary" unless `protocol` says otherwise. */
struct guest *guest_view(struct house *h, const char *run, const char *ticket);
struct guest *guest_resume(struct house *h, const char *run, const char *ticket);
/* The control socket of agent `id`, and with hello said when it was let in. */
struct guest *guest_join(struct house *h, const char *run, const char *id);
struct guest *guest_agent(struct house *h, const char *run, const char *id);
/* The agent's data socket for the n-th open that `control` was told, from 0 on; as agent
 * `id` when that is not NULL. */
struct guest *guest_answer(struct house *h, struct guest *control, int n, const char *id);
void guest_send(struct guest *g, unsigned first, const void *payload, size_t n);
void guest_say(struct guest *g, const char *text);
void guest_say_binary(struct guest *g, const char *text);
void guest_turn(struct guest *g); /* sends and receives what goes */
void guest_raw(struct guest *g, const void *bytes, size_t n);
void guest_leave(struct guest *g, unsigned code); /* a Close, then the end */
void guest_vanish(struct guest *g);
void guest_expect(struct guest *g, const char *binary); /* the next bytes; they are taken */
void guest_expect_close(struct guest *g, unsigned code, const char *reason);
/* The n-th text that has this in it; NULL: none. Valid until the next call. */
const char *guest_text(struct guest *g, const char *part, int n);
void guest_expect_text(struct guest *g, const char *part);
/* The value of a text member of a text, copied. */
void house_member(const char *text, const char *key, char *out, size_t cap);
