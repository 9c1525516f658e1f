#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "crypto/ssh_key.h"

/* A private key from a file: OpenSSH, PKCS#1, SEC1 or PKCS#8, encrypted or not,
 * of the types of ssh_key.h. What was secret is overwritten before it is freed. */
struct ssh_private;

enum { SSH_PRIVATE_PASSPHRASE = 1024, SSH_PRIVATE_FILE_MAX = 32 * 1024 };

/* Called when a passphrase is needed, and again (up to 3 times) after a wrong
 * one; `attempt` counts from 0. Writes the passphrase and an ending 0 into `out`
 * (SSH_PRIVATE_PASSPHRASE bytes, overwritten afterwards), or returns false to give
 * up. */
typedef bool (*ssh_private_ask)(void *data, int attempt, char *out);

/* Blocking: reads a file and may derive a key for some 100 ms. `ask` may be NULL:
 * encrypted files are then refused. On failure (ERR_IO not readable, ERR_PROTO not
 * a key of ours, ERR_AUTH no right passphrase, ERR_NOMEM) `error` is a sentence. */
MUST_USE int ssh_private_load(const char *path, ssh_private_ask ask, void *data,
	struct ssh_private **key, char *error, size_t error_cap);
/* NULL is fine. */
void ssh_private_destroy(struct ssh_private *key);

/* The public half, owned by the private one. */
const struct ssh_key *ssh_private_public(const struct ssh_private *key);
/* OK, ERR_NOMEM or ERR_IO. */
MUST_USE int ssh_private_sign(
	const struct ssh_private *key, const void *data, size_t n, struct ssh_signature *out);
