#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/log.h"
#include "net/loop.h"

/* The gateway's memory: a process of its own that owns the database and every
 * secret, and decides who may do what. Whoever asks says who he is and what he
 * wants; credential, rights and effect are one transaction, and the answer comes
 * when it is on the disk. The process that parses what the network sends has no
 * way to the data but these operations.
 *
 * An operation is a name ("run.create"), a JSON object of arguments (checked by
 * the operation's table, see store/ops.h) and an answer: a status with HTTP's
 * numbers and a JSON object. doc/STORE.md lists them. */
struct store;

enum store_kind {
	STORE_SQLITE, /* data_dir/porthole.db, WAL, 0600 */
	STORE_RAM,    /* nothing is kept: tests */
};

struct store_config {
	enum store_kind kind;
	const char *data_dir;    /* made 0700 when missing; STORE_SQLITE */
	const char *hmac_secret; /* of existing runners; NULL: they are refused */
	const struct log *log;   /* of the store process, whose lines go to our standard error */
};

enum { STORE_ERROR_MAX = 512 };

/* Forks the store process and waits until the database is open. NULL: `error`
 * says what is wrong and what to do (locked by another gateway, made by a newer
 * Porthole, folder open to others, disk full ...). Before any thread and loop. */
struct store *store_start(const struct store_config *config, char error[STORE_ERROR_MAX]);
/* Ends the process when what it was asked is done (2 s at most), waits for it. */
void store_stop(struct store *s); /* NULL is fine */

/* Something was committed: {"kind", ...}. Kinds and members are in doc/STORE.md:
 * event, command_queued, command_completed, run_changed, run_deleted,
 * client_changed, revoked {"session"|"user"|"run"|"ticket"|"client": id}. */
typedef void store_notice_fn(void *ctx, const char *kind, struct json_ref body);
typedef void store_lost_fn(void *ctx); /* the process is gone: the gateway must end */

/* Who attaches takes the place of who did before. */
MUST_USE int store_attach(struct store *s, struct loop *l, store_notice_fn *on_notice,
	store_lost_fn *on_lost, void *ctx);

enum store_who_kind {
	STORE_NOBODY,  /* no credential: login, set-up, redeeming a ticket */
	STORE_LOCAL,   /* the administration socket or the command line: an administrator */
	STORE_GATEWAY, /* the loop process about its own doings (tunnels, metrics) */
	STORE_SESSION, /* a session token, from the cookie or as a bearer */
	STORE_SIGNED,  /* an agent's signed request */
	STORE_KEY,     /* an HTTP signature by a registered SSH key */
};

/* Texts are borrowed for the call; NULL or "" where there is none. */
struct store_who {
	enum store_who_kind kind;
	const char *address; /* of the peer: penalties and audit */
	const char *session;
	/* of a request: both signatures cover them */
	const char *method, *path; /* path without the query */
	const char *target;        /* with it */
	/* STORE_SIGNED */
	const char *body_sha256, *timestamp, *nonce, *run_id, *capability_token, *signature;
	const char *agent_id;     /* X-Agent-Id: which key; none: the shared secret */
	const char *client_token; /* X-Client-Token */
	/* STORE_KEY */
	const char *authorization, *date;
};

/* 200, 400 (arguments), 401, 403, 404, 409, 429 (wait `retryAfter` seconds),
 * 503 (busy, full). `answer` is borrowed; of an error {"error": sentence, ...}. */
typedef void store_answer_fn(void *ctx, int status, struct json_ref answer);

/* Takes `args` (NULL: none). The answer comes once, never from inside; answers of
 * one asker keep their order only where one waited for the other. Returns an id
 * > 0, or ERR_NOMEM, ERR_LIMIT (4096 wait: say 503). */
MUST_USE int store_ask(struct store *s, const char *op, const struct store_who *who,
	struct json *args, store_answer_fn *on_answer, void *ctx);
void store_forget(
	struct store *s, int id); /* no call comes any more; it may be done all the same */
/* Without a loop: waits for the answer (10 s at most; an import: an hour) and returns
 * its status. The caller drops *answer. */
int store_ask_now(struct store *s, const char *op, const struct store_who *who, struct json *args,
	struct json **answer);
