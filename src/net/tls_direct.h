#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"
#include "base/rd.h"

/* The records of a TLS 1.3 connection after its handshake, RFC 8446 section 5, with
 * nothing of OpenSSL but the ciphers: its connection object would be 11 KB for as long
 * as the connection lasts, and copy every byte twice more. Only tls_*.c include this.
 * Pure: bytes in, bytes out. */

enum {
	TLS_DIRECT_SECRET_MAX = 48,   /* bytes */
	TLS_DIRECT_PLAIN_MAX = 16384, /* of one record */
	/* More than sealing adds to it, a key update before it included. */
	TLS_DIRECT_COST = 64,
	TLS_DIRECT_ALERT_MAX = 64,
};

enum tls_alert {
	TLS_CLOSE_NOTIFY = 0,
	TLS_UNEXPECTED_MESSAGE = 10,
	TLS_BAD_RECORD_MAC = 20,
	TLS_RECORD_OVERFLOW = 22,
	TLS_ILLEGAL_PARAMETER = 47,
	TLS_DECODE_ERROR = 50,
	TLS_INTERNAL_ERROR = 80,
};

struct tls_direct;

/* Where we are in a caller's parts. */
struct tls_cursor {
	const struct iovec *parts;
	size_t n, at; /* parts left, bytes of the first that are done */
};

/* `suite` as on the wire; both application traffic secrets, of the length of its hash
 * (`n_secret`), right after the handshake: no record was made with them. NULL: no memory,
 * or another suite. */
struct tls_direct *tls_direct_create(
	unsigned suite, const uint8_t *theirs, const uint8_t *ours, size_t n_secret);
void tls_direct_destroy(struct tls_direct *d); /* NULL is fine */

/* Opens records until `plain` has no room for the next (OK; `cap` is at least
 * TLS_DIRECT_PLAIN_MAX + 1), or all bytes are taken (ERR_AGAIN). The start of a record
 * is kept. ERR_IO: the peer ends the connection, see tls_direct_closed(). ERR_PROTO,
 * ERR_NOMEM: it cannot go on, see tls_direct_why(). In any case *n bytes are in `plain`. */
MUST_USE int tls_direct_open(
	struct tls_direct *d, struct rd *in, uint8_t *plain, size_t cap, size_t *n);
/* Whether it was ended in order. */
bool tls_direct_closed(const struct tls_direct *d);
/* What was wrong, half a sentence, and the alert to send about it. */
const char *tls_direct_why(const struct tls_direct *d, enum tls_alert *alert);

/* Seals as much as fits one record, returns its size; `out` has room for what it takes
 * and TLS_DIRECT_COST. 0: there was nothing left. ERR_NOMEM as a negative value: it
 * cannot go on. */
MUST_USE int tls_direct_seal(struct tls_direct *d, struct tls_cursor *c, uint8_t *out);
/* An alert, returns its size or a negative error. */
MUST_USE int tls_direct_seal_alert(
	struct tls_direct *d, enum tls_alert alert, uint8_t out[TLS_DIRECT_ALERT_MAX]);
