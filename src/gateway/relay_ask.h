#pragma once
#include "gateway/relay_private.h"

/* An upgrade that waits for the store. Nothing of a tunnel exists before its answer. */
struct relay_ask {
	struct relay_ask *next; /* private, as the next two */
	struct relay *relay;
	int id;
	struct http_exchange *x;
	/* The store said 200: answers the exchange. */
	void (*admit)(struct relay_ask *a, struct json_ref answer);
	bool by_session;      /* a viewer's: then 400 is about the run */
	const char *protocol; /* to answer with; static */
	char address[WHO_ADDRESS_MAX];
	const char *run, *channel, *agent_id; /* in `text`; NULL where there is none */
	char text[];
};

/* channel and agent_id may be NULL. NULL: no memory. */
struct relay_ask *relay_ask_create(struct relay *r, struct http_exchange *x, const char *run,
	const char *channel, const char *agent_id);
/* Takes `args`, and `a`, which may be NULL: then the exchange is refused. */
void relay_ask_send(struct relay *r, struct http_exchange *x, struct relay_ask *a, const char *op,
	const struct store_who *who, struct json *args);
/* Answers with {"error": sentence}. */
void relay_ask_refuse(struct http_exchange *x, int status, const char *sentence);
/* An upgrade that may go on; else it was refused. */
bool relay_ask_may_upgrade(struct relay *r, struct http_exchange *x);
/* Answers 101. NULL: no memory, or the peer is gone. */
struct stream *relay_ask_websocket(struct relay_ask *a);
/* Answers 101 and closes. */
void relay_ask_close(struct relay_ask *a, unsigned code, const char *reason);
