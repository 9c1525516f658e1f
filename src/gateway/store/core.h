#pragma once
#include "gateway/store/op.h"

/* The store without its process: asks are run one after the other inside a
 * transaction that the caller begins and ends. One thread, but for
 * core_ask_password(). */
struct core;

struct core_config { /* borrowed */
	struct db *db;
	const char *hmac_secret; /* or NULL */
	const struct log *log;
	long long (*now)(void *ctx); /* Unix seconds; NULL: the system's */
	void *now_ctx;
};

struct core *core_create(const struct core_config *config); /* NULL: no memory */
void core_destroy(struct core *c);                          /* NULL is fine */

/* One request: {"id", "op", "who", "args"}. */
struct core_ask;
/* Takes `message`. NULL: no memory, or not such an object. */
struct core_ask *core_ask_create(struct core *c, struct json *message);
void core_ask_destroy(struct core_ask *a); /* NULL is fine */

enum core_result {
	CORE_DONE,     /* the answer is there */
	CORE_PASSWORD, /* call core_ask_password(), anywhere, then run it again */
	CORE_BROKEN,   /* the storage failed: roll back. The answer is there, 503 */
};
/* May be run again after a rollback: what it did is then undone. */
enum core_result core_ask_run(struct core_ask *a);
/* Takes some 14 ms. Any thread; nothing else may touch the ask meanwhile. */
void core_ask_password(struct core_ask *a);
/* Instead: the answer is that too many passwords wait. */
void core_ask_busy(struct core_ask *a);
/* The transaction was lost: the answer is 503. `err` as the database gave it. */
void core_ask_lost(struct core_ask *a, int err);

/* Roughly what it holds, in bytes. */
size_t core_ask_weight(const struct core_ask *a);
long long core_ask_id(const struct core_ask *a);
int core_ask_status(const struct core_ask *a);
struct json_ref core_ask_answer(const struct core_ask *a);
const struct op_notice *core_ask_notices(const struct core_ask *a);

/* Removes some of what has expired; inside a transaction. *more: call again soon.
 * Sessions that ended are told by `on_session`. OK or the database's error. */
int core_sweep(
	struct core *c, bool *more, void (*on_session)(void *ctx, const char *id), void *ctx);
