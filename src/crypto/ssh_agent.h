#pragma once
#include <stddef.h>

#include "crypto/ssh_key.h"

/* A client of an SSH agent (draft-miller-ssh-agent). Blocking: each call takes 5 s
 * at most, a signature 60 s as the agent may ask its user. Not on a loop. */
struct ssh_agent;

/* `path` is a Unix socket's, as in SSH_AUTH_SOCK. OK, ERR_IO, ERR_NOMEM. */
MUST_USE int ssh_agent_open(const char *path, struct ssh_agent **agent);
/* Also destroys its keys. NULL is fine. */
void ssh_agent_close(struct ssh_agent *agent);

/* Asks for the keys; those of types we do not use are left out. OK, ERR_IO (also
 * after a time-out; close it then), ERR_LIMIT (a reply over 256 KB), ERR_PROTO. */
MUST_USE int ssh_agent_list(struct ssh_agent *agent);
/* The keys of the last list, in its order, owned by the agent until the next list;
 * NULL after the last. */
const struct ssh_key *ssh_agent_key(const struct ssh_agent *agent, size_t i);

/* Signs with the private half of the key, in the form of struct ssh_signature.
 * ERR_AUTH when the agent refuses, ERR_LIMIT over 60 KB of data, ERR_PROTO when the
 * answer is no signature by that key; ERR_IO and ERR_NOMEM as above. */
MUST_USE int ssh_agent_sign(struct ssh_agent *agent, const struct ssh_key *key, const void *data,
	size_t n, struct ssh_signature *out);
