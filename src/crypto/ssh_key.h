#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* An SSH public key (RFC 4253 section 6.6, RFC 5656, RFC 8709): ssh-rsa of 2048
 * to 8192 bits, ecdsa-sha2-nistp256, -384 and -521, ssh-ed25519. Never changes
 * once made. */
struct ssh_key;

enum {
	SSH_KEY_LINE_MAX = 4096, /* characters of a line */
	SSH_KEY_BLOB_MAX = 2048, /* bytes of the encoded key */
	SSH_KEY_MD5 = 48,        /* characters with the ending 0 */
	SSH_KEY_SHA256 = 51,
	SSH_SIGNATURE_MAX = 1024,
};

/* A line of authorized_keys or a .pub file: "ssh-ed25519 AAAA... comment", with at
 * most one line end. Options before the type are refused. The key is the
 * caller's. OK, ERR_NOMEM, ERR_LIMIT or ERR_PROTO; `why` (may be NULL) is then a
 * sentence (static) for the user. */
MUST_USE int ssh_key_create(const char *line, size_t n, struct ssh_key **key, const char **why);
/* From the encoded key alone, as agents list it. */
MUST_USE int ssh_key_create_blob(
	const void *blob, size_t n, struct ssh_key **key, const char **why);
/* NULL is fine. */
void ssh_key_destroy(struct ssh_key *key);

/* "ssh-rsa", "ecdsa-sha2-nistp256", ... */
const char *ssh_key_type(const struct ssh_key *key);
int ssh_key_bits(const struct ssh_key *key);
/* The rest of the line, "" when there is none. Printable, at most 255 bytes. */
const char *ssh_key_comment(const struct ssh_key *key);
const uint8_t *ssh_key_blob(const struct ssh_key *key, size_t *n);

/* "aa:bb:...", and "SHA256:" with base64 without padding. */
void ssh_key_fingerprint_md5(const struct ssh_key *key, char out[SSH_KEY_MD5]);
void ssh_key_fingerprint_sha256(const struct ssh_key *key, char out[SSH_KEY_SHA256]);
/* A fingerprint as people write it ("aa:bb:...", 32 hex digits, either with
 * "MD5:" before it, "SHA256:...") in the form of the two above. ERR_PROTO when it
 * is none. */
MUST_USE int ssh_key_parse_fingerprint(const char *text, char out[SSH_KEY_SHA256]);
/* False also when the text is no fingerprint. */
bool ssh_key_matches(const struct ssh_key *key, const char *fingerprint);

/* A signature as HTTP signatures carry it:
 *   RSA      rsa-sha256                  PKCS#1 v1.5
 *   ECDSA    ecdsa-sha256, -384, -512    DER, the hash fits the curve
 *   Ed25519  ed25519-sha512              64 bytes */
struct ssh_signature {
	const char *algorithm; /* static */
	size_t n;
	uint8_t bytes[SSH_SIGNATURE_MAX];
};

/* What the key's signatures are called in HTTP signatures. */
const char *ssh_key_algorithm(const struct ssh_key *key);
/* The algorithm must be the key's (rsa-sha512 and plain "ed25519" are known too).
 * OK, ERR_AUTH when the signature or the algorithm is not the key's, ERR_NOMEM. */
MUST_USE int ssh_key_verify(const struct ssh_key *key, const char *algorithm, const void *data,
	size_t n, const void *sig, size_t n_sig);
