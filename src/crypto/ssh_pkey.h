#pragma once
#include <openssl/types.h>

#include "base/buf.h"
#include "base/rd.h"
#include "crypto/ssh_kind.h"

/* OpenSSL's keys from and to the encodings of SSH. */

enum { SSH_RSA_MIN = 2048, SSH_RSA_MAX = 8192 };

/* The fields after the type of a public key; the reader moves past them. The key
 * is the caller's (EVP_PKEY_free). OK, ERR_NOMEM, ERR_LIMIT or ERR_PROTO; *why is
 * then a sentence (static). */
MUST_USE int ssh_pkey_public(
	const struct ssh_kind *kind, struct rd *fields, EVP_PKEY **key, const char **why);
/* Likewise, the fields after the type of a private key in OpenSSH's format. */
MUST_USE int ssh_pkey_private(
	const struct ssh_kind *kind, struct rd *fields, EVP_PKEY **key, const char **why);

/* The kind of a key that came from elsewhere, NULL when it is none of ours. */
const struct ssh_kind *ssh_pkey_kind(const EVP_PKEY *key);
/* Appends the encoded public key. OK, ERR_PROTO, or buf_ok(). */
MUST_USE int ssh_pkey_put_public(const struct ssh_kind *kind, const EVP_PKEY *key, struct buf *out);
