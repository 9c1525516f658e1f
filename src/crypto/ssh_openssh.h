#pragma once
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Private keys in OpenSSH's own format (its PROTOCOL.key): one key, plain or
 * encrypted with AES in CTR or CBC mode. */

bool ssh_openssh_is_one(const char *text, size_t n);
/* The key is the caller's (EVP_PKEY_free). ERR_AUTH when it is encrypted and the
 * passphrase is NULL or wrong; ERR_PROTO, ERR_LIMIT, ERR_NOMEM. *why is a sentence
 * (static) then. */
MUST_USE int ssh_openssh_parse(
	const char *text, size_t n, const char *passphrase, EVP_PKEY **key, const char **why);
