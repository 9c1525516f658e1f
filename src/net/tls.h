#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/loop.h"
#include "net/stream.h"

/* TLS 1.2 and 1.3 over any stream, as server and as client. */

/* What many connections share: certificates, or whom to trust. Counted and
 * immutable, any thread. A reload makes a new one and drops the old one, which
 * goes with its last connection. */
struct tls_context;

enum { TLS_ERROR_MAX = 320 };

/* The certificate (with its chain) and its key, PEM, from files or from memory.
 * NULL: `error` (cap bytes) says what is wrong and what to do. */
struct tls_context *tls_context_server(
	const char *cert_path, const char *key_path, char *error, size_t cap);
struct tls_context *tls_context_server_pem(
	const void *cert, size_t n_cert, const void *key, size_t n_key, char *error, size_t cap);

struct tls_client_config {
	const char *ca_file; /* PEM; NULL: the system's */
	/* "sha256:" and 64 hex digits, of the certificate's public key info: exactly
	 * this key is trusted, whatever its name, date and issuer. NULL: none. */
	const char *pin;
	bool insecure; /* anybody is trusted */
};

struct tls_context *tls_context_client(
	const struct tls_client_config *config, char *error, size_t cap);

struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c); /* NULL is fine */

/* The stream inside TLS. Takes `below` on success; `ctx` is referenced. `early`
 * are bytes of the peer that came before. A handshake that fails or takes longer
 * than 15 s is told by on_end. What is sent before it is done waits (64 KiB at
 * most) and is dropped by a close. An end without close_notify is ERR_IO. NULL:
 * no memory. */
struct stream *tls_stream_server(struct loop *l, struct tls_context *ctx, struct stream *below,
	const uint8_t *early, size_t n_early);
/* `host`: whom to verify and to ask for, a name or a numeric address. */
struct stream *tls_stream_client(
	struct loop *l, struct tls_context *ctx, struct stream *below, const char *host);
/* `ready` is called once, when the handshake is done; the stream may be closed
 * there. Call it before the loop runs again. */
void tls_stream_on_ready(struct stream *s, void (*ready)(void *ctx), void *ctx);
/* One sentence about why the stream has ended and what to do, until it is closed.
 * NULL: nothing went wrong, or no TLS stream. */
const char *tls_stream_error(const struct stream *s);
