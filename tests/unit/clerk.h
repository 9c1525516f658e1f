#pragma once
#include "gateway/store/core.h"
#include "gateway/store/db.h"

/* Asks a store that has no process: for tests of its operations. Everything that
 * fails fails the test. */
enum { CLERK_RAM, CLERK_SQLITE };

struct clerk {
	struct db *db;
	struct core *core;
	long long now;
	char dir[64];
	struct json *answer;  /* of the last ask */
	struct json *notices; /* of the last ask: [{"kind", "body"}] */
	int last_id, nonce;
	const char *secret;
};

void clerk_open(struct clerk *k, int kind);
void clerk_close(struct clerk *k);
void clerk_reopen(struct clerk *k); /* what is in memory is lost (SQLite only) */

/* One ask in a transaction of its own; returns the status. `args` is JSON with ' for
 * ", or NULL; freed by nobody. */
int clerk_ask(struct clerk *k, const char *op, const struct store_who *who, const char *args, ...)
	__attribute__((format(printf, 4, 5)));
int clerk_local(struct clerk *k, const char *op, const char *args, ...)
	__attribute__((format(printf, 3, 4)));
int clerk_nobody(struct clerk *k, const char *op, const char *args, ...)
	__attribute__((format(printf, 3, 4)));
int clerk_session(struct clerk *k, const char *token, const char *op, const char *args, ...)
	__attribute__((format(printf, 4, 5)));

/* Who signs; what is NULL is left out. */
struct clerk_signer {
	const char *key;      /* of the HMAC */
	const char *agent_id; /* X-Agent-Id */
	const char *run, *token, *client_token;
	const char *method, *path; /* NULL: POST /api/x */
	const char *nonce;         /* NULL: a new one */
	long long skew;            /* seconds added to the time */
	const char *address;
	bool bad_signature;
};
int clerk_signed(struct clerk *k, const struct clerk_signer *s, const char *op, const char *args,
	...) __attribute__((format(printf, 4, 5)));

/* Of the last answer; "" and -1 when it is not there. Valid until the next ask. */
const char *clerk_text(const struct clerk *k, const char *key);
long long clerk_int(const struct clerk *k, const char *key);
struct json_ref clerk_get(const struct clerk *k, const char *key);
const char *clerk_error(const struct clerk *k);
/* The body of the last ask's first notice of a kind; nothing when there is none. */
struct json_ref clerk_notice(const struct clerk *k, const char *kind);

/* Copies of texts of the last answer, good until clerk_keep_max later ones. */
char *clerk_keep(const struct clerk *k, const char *key, char out[200]);
/* An account and its session's token. */
void clerk_user(struct clerk *k, const char *name, const char *role, char token[200]);
/* A run with a screen: its id and capability token. */
void clerk_run(struct clerk *k, char id[200], char token[200]);
