#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* bcrypt_pbkdf, which turns a passphrase into the key of an encrypted OpenSSH file.
 * Blocking: some 10 ms for each round and 32 bytes of key. OK, ERR_NOMEM, or
 * ERR_LIMIT for 0 or more than SSH_BCRYPT_ROUNDS_MAX rounds, no salt or one over
 * SSH_BCRYPT_SALT_MAX bytes, or a key over SSH_BCRYPT_KEY_MAX. */
enum { SSH_BCRYPT_ROUNDS_MAX = 2048, SSH_BCRYPT_SALT_MAX = 64, SSH_BCRYPT_KEY_MAX = 64 };
MUST_USE int ssh_bcrypt_key(const char *passphrase, const uint8_t *salt, size_t n_salt,
	uint32_t rounds, uint8_t *key, size_t n_key);
