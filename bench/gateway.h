#pragma once
#include "base/json.h"
#include "proc.h"

/* A `porthole gateway` of the bench's own, with a fresh database. */

enum { GATEWAY_PATH = 1024 };

struct gateway {
	struct proc proc;
	char dir[GATEWAY_PATH], ready[GATEWAY_PATH + 16];
	int port; /* of 127.0.0.1 */
};

/* The secret of agents that have no key of their own. */
extern const char gateway_secret[];

/* `cert`, `key`: PEM files, NULL for no TLS. ERR_IO: it did not become ready;
 * gateway_stop() is due in any case. */
MUST_USE int gateway_start(
	struct gateway *g, const char *porthole, const char *cert, const char *key);
void gateway_stop(struct gateway *g); /* zeroed: nothing */
/* One request to its administration socket, a line of JSON. The answer's object in what
 * the caller drops; NULL: none came. */
struct json *gateway_ask(const struct gateway *g, const char *line);
