#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/child.h"

/* The packets between child.c and the supervisor (child_server.c). Both ends
 * are one binary, so integers have the machine's form. */
enum child_kind {
	/* requests */
	CHILD_SPAWN = 1, /* body: struct child_spawn_body and strings; descriptors to keep */
	CHILD_SIGNAL,    /* a: signal number; id: of the spawn request; no answer */
	CHILD_OPEN,      /* a: flags, b: mode; body: the path, ended by 0 */
	CHILD_ASK,       /* body: for the handler */
	/* answers, under the id of the request */
	CHILD_EXITED, /* a: wait status or -1, b: errno */
	CHILD_OPENED, /* b: errno; a descriptor when 0 */
	CHILD_ANSWER, /* body: of the handler */
};

enum { CHILD_FDS_MAX = 4, CHILD_STRINGS_MAX = 1024 };

struct child_head {
	int32_t kind;
	int32_t id;
	int32_t a, b;
};

/* Followed by n_argv and then n_env strings, each ended by 0. */
struct child_spawn_body {
	uint32_t n_argv, n_env;
	int32_t keep_as[CHILD_FDS_MAX];
	uint32_t quiet;
};

struct child_packet {
	struct child_head head;
	size_t n; /* of the body */
	int n_fds;
	int fds[CHILD_FDS_MAX]; /* the receiver's */
	uint8_t body[CHILD_PACKET_MAX];
};

/* `flags` as for sendmsg(2). OK, ERR_LIMIT when it is too large or would have
 * to wait, ERR_IO when the other side is gone. Descriptors stay the caller's. */
MUST_USE int child_packet_send(int pair, const struct child_head *head, const void *body, size_t n,
	const int *fds, int n_fds, int flags);
/* OK, ERR_AGAIN, ERR_PROTO for a packet that is not one (dropped), ERR_IO when
 * the other side is gone. */
MUST_USE int child_packet_recv(int pair, struct child_packet *out, int flags);
void child_packet_close_fds(struct child_packet *p);

/* The supervisor: serves the pair until the other side goes, ends everything it
 * spawned, exits. */
_Noreturn void child_server_run(int pair, child_handler *handler, void *handler_ctx);

/* Starts a program for a CHILD_SPAWN packet and returns its process id, or -1
 * with an errno in *error. */
pid_t child_exec(const struct child_packet *p, int *error);
