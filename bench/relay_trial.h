#pragma once
#include "relay_child.h"
#include "relay_end.h"

/* Who relays in a trial. */
struct relay_contestant {
	const char *name;
	enum { BY_NOBODY, BY_COPY, BY_PUMP, BY_NGINX, BY_GATEWAY } by;
	bool tls;
};

/* What is measured, each a number; lower is better. */
enum relay_metric {
	RELAY_BULK,   /* CPU s per GB of payload, messages of 64 KiB, both ways at once */
	RELAY_TINY,   /* the same, messages of 64 bytes */
	RELAY_PING,   /* us, p50 of a round trip of 16 bytes */
	RELAY_PING64, /* us, of 64 KiB */
	RELAY_BESIDE, /* us, of 16 bytes, beside four saturated tunnels */
	RELAY_IDLE,   /* KB of memory per idle tunnel */
	RELAY_STALL,  /* KB of memory per tunnel with a viewer that does not read */
	RELAY_METRICS,
};

struct relay_bench {
	double seconds; /* of each measurement */
	int idle;       /* how many idle tunnels */
	const char *out, *cert, *key;
	struct tls_context *server, *client;
	const char *porthole; /* the program */
};

/* NAN: it failed, or is not for this contestant. */
double relay_trial(
	const struct relay_bench *b, const struct relay_contestant *c, enum relay_metric metric);
