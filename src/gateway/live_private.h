#pragma once
#include "gateway/live.h"
#include "gateway/who.h"
#include "net/ws_text.h"

/* What live.c (what is said) and live_client.c (who may listen) share. */

enum {
	LIVE_ROWS = 256,
	LIVE_RUN_MAX = 64,
	LIVE_TOKEN_MAX = 256,
	LIVE_CHECK_MS = 60 * 1000, /* a session that ran out is noticed after this long */
};

struct live_client;

/* A client's wish to hear of a run, granted or still looked at. */
struct live_subscription {
	struct live_client *client;
	char run[LIVE_RUN_MAX];
	bool granted;
	int asked;                              /* of the store, 0: nothing */
	struct live_subscription *next, **link; /* of the client */
	struct live_subscription *row_next, **row_link;
};

struct live_row { /* subscriptions by run */
	struct live_subscription *first;
};

struct live_client {
	struct live *live;
	struct http_exchange *x; /* until it is upgraded */
	struct ws_text *ws;
	char address[WHO_ADDRESS_MAX], session[LIVE_TOKEN_MAX], user[LIVE_RUN_MAX];
	int asked; /* whether the session is good, 0: nothing */
	int pending, n_subscriptions;
	struct live_subscription *subscriptions;
	struct live_client *next, **link;
};

struct live {
	struct loop *loop;
	const struct live_config *config;
	struct loop_timer *timer;
	struct live_client *clients;
	struct live_row rows[LIVE_ROWS];
	int n_clients, n_subscriptions;
	bool draining;
};

extern const struct ws_text_events live_events;

struct store_who live_client_who(const struct live_client *c); /* texts are the client's */
void live_client_greet(struct live_client *c);
/* Closes with a code and a reason (0: it is closed already) and frees. */
void live_client_drop(struct live_client *c, unsigned code, const char *reason);
/* Asks the store whether the sessions are still good: all, or those of a user. */
void live_check_all(struct live *l, const char *user);
