#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"

/* The supervisor: a small process forked before the loop and before any
 * thread. It spawns, opens files and holds secrets (password files) for the
 * process that talks to the network, which has no need to do any of it. They
 * speak over a SOCK_SEQPACKET pair, one packet a request or an answer.
 *
 * When either side goes, so does the other: the supervisor ends all it spawned
 * (SIGTERM to each process group, SIGKILL 2 s later; also to what has detached
 * itself from one) when the pair closes, and the loop process is told by
 * on_lost. No callback comes from inside a call; child_destroy() is safe in all.
 * ERR_LIMIT from a request: too large, or too many are waiting. */
struct child;

enum { CHILD_PACKET_MAX = 60 * 1024 };

/* Runs in the supervisor for requests that net/ does not know (passwords):
 * reads `in`, fills `out` (CHILD_PACKET_MAX bytes) and returns its length.
 * `ctx` is the supervisor's own copy. */
typedef size_t child_handler(void *ctx, const uint8_t *in, size_t n, uint8_t *out);

/* Forks. Only descriptors 0 to 2 and the pair stay open in the supervisor.
 * NULL with errno when it cannot. Call before loop_create(). */
struct child *child_create(child_handler *handler, void *handler_ctx);
/* Answers arrive on this loop from now on. */
MUST_USE int child_attach(struct child *c, struct loop *l, void (*on_lost)(void *ctx), void *ctx);
/* Ends the supervisor and with it all it spawned, and waits for it (3 s at most). */
void child_destroy(struct child *c); /* NULL is fine */

/* Spawns a program in a process group of its own with standard input from
 * /dev/null. All strings are copied. `env`: NULL-ended "NAME=value" rows put
 * over the supervisor's environment ("NAME" alone removes it). `keep` descriptors stay open in the
 * new process under the numbers listed in `keep_as` (1 to 63). Output goes to our standard error
 * unless `quiet`. on_exit is called once: with the wait status when it has ended, or -1 with an
 * errno in `error` when it could not be started (EAGAIN: 64 are running) or the supervisor is lost.
 * Returns an id > 0 for child_signal(), or a negative err. */
struct child_spawn {
	const char *const *argv; /* argv[0] is looked up in PATH */
	const char *const *env;  /* may be NULL */
	const int *keep;
	const int *keep_as;
	int n_keep; /* at most 4 */
	bool quiet;
};
typedef void child_exit_fn(void *ctx, int status, int error);
MUST_USE int child_spawn(
	struct child *c, const struct child_spawn *what, child_exit_fn *on_exit, void *ctx);
void child_signal(struct child *c, int id, int signum); /* to its process group */

/* Opens a file in the supervisor: `flags` and `mode` as in open(2). `fd` is the
 * callee's, or -1 with an errno. */
typedef void child_open_fn(void *ctx, int fd, int error);
MUST_USE int child_open(struct child *c, const char *path, int flags, mode_t mode,
	child_open_fn *on_open, void *ctx);

/* A request for the handler. `answer` is borrowed for the call; n = 0 when the
 * supervisor is lost. */
typedef void child_answer_fn(void *ctx, const uint8_t *answer, size_t n);
MUST_USE int child_ask(
	struct child *c, const void *request, size_t n, child_answer_fn *on_answer, void *ctx);
/* The same before child_attach() and any other request: waits for the answer,
 * returns its length or a negative err. */
MUST_USE int child_ask_now(
	struct child *c, const void *request, size_t n, uint8_t *answer, size_t cap);
