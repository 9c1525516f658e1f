#pragma once
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "net/tls.h"
#include "net/tls_direct.h"

/* What the files of TLS share; nobody else includes this. */

enum { TLS_PIN_LEN = 32, TLS_PIN_TEXT_MAX = sizeof("sha256:") + 2 * TLS_PIN_LEN };

struct tls_context {
	SSL_CTX *ssl;
	BIO_METHOD *bio; /* of tls_wire.c */
	atomic_int refs;
	bool pinned;
	uint8_t pin[TLS_PIN_LEN];
};

struct tls_gather;

/* A server's: what OpenSSL tells in the handshake, until its end. */
struct tls_secrets {
	uint8_t theirs[TLS_DIRECT_SECRET_MAX], ours[TLS_DIRECT_SECRET_MAX];
	size_t n_theirs, n_ours;
};

/* OpenSSL between the bytes of a stream and the stream below it: no events and
 * no time. Zeroed is nothing. */
struct tls_wire {
	SSL *ssl;                    /* NULL: `direct` has taken over */
	struct tls_direct *direct;   /* of TLS 1.3, as a server; else NULL */
	struct tls_secrets *secrets; /* in such a handshake; else NULL */
	struct stream *below;        /* borrowed */
	struct tls_gather *gather;
	const uint8_t *in; /* sealed bytes at hand, borrowed; taken from the front */
	size_t in_len;
	int eof_err;
	bool eof;                 /* none come after those; eof_err says why */
	bool over;                /* nothing is left to read; over_err says why */
	bool unsent;              /* nothing can be sent any more */
	bool broken;              /* OpenSSL must not be called any more */
	bool shaken;              /* the handshake is done */
	int over_err;             /* OK: the peer has said good-bye */
	char *host;               /* of a client */
	char *error;              /* the sentence, NULL: none */
	uint8_t pin[TLS_PIN_LEN]; /* a client's: of the certificate that was shown */
};

/* False: no memory. tls_wire_fini() is due in any case. */
bool tls_wire_init(struct tls_wire *w, struct tls_context *ctx);
void tls_wire_fini(struct tls_wire *w);
/* Makes it a client of this host. False: no memory, or no host. */
bool tls_wire_set_host(struct tls_wire *w, const char *host);
/* OK when hands are shaken, ERR_AGAIN when more bytes are needed, else w->over. */
int tls_wire_shake(struct tls_wire *w);
/* As many plain bytes as are there and fit; may set w->over. */
size_t tls_wire_open(struct tls_wire *w, uint8_t *plain, size_t cap);
/* Sends the parts in full records. Room is the caller's to look for. */
MUST_USE int tls_wire_seal(struct tls_wire *w, const struct iovec *parts, size_t n);
/* How many plain bytes fit when `room` sealed ones do. */
size_t tls_wire_room(size_t room);
void tls_wire_good_bye(struct tls_wire *w);                     /* close_notify */
void tls_wire_keep_error(struct tls_wire *w, const char *text); /* the first stays */

/* Whether there is more to open without more sealed bytes. */
bool tls_wire_has_plain(const struct tls_wire *w);

void tls_wire_send_below(struct tls_wire *w, const void *data, size_t n);

/* tls_takeover.c. A server's connection in TLS 1.3 needs no more than its keys once
 * hands are shaken: `direct` takes over and `ssl` goes. Where that cannot be (another
 * version, small records, no memory) OpenSSL goes on. */
void tls_wire_take_over(struct tls_wire *w);
/* OpenSSL's callback for secrets, for a server's context. */
void tls_wire_on_secret(const SSL *ssl, const char *line);
void tls_wire_forget_secrets(struct tls_wire *w);
/* What the functions without _direct do. */
size_t tls_wire_open_direct(struct tls_wire *w, uint8_t *plain, size_t cap);
void tls_wire_seal_direct(struct tls_wire *w, const struct iovec *parts, size_t n);
void tls_wire_alert_direct(struct tls_wire *w, enum tls_alert alert);

/* How OpenSSL reaches the stream below. */
BIO_METHOD *tls_bio_method(void);

/* The hash that a pin names; false: no memory. */
bool tls_pin_of(X509 *cert, uint8_t out[TLS_PIN_LEN]);
void tls_pin_text(const uint8_t pin[TLS_PIN_LEN], char out[TLS_PIN_TEXT_MAX]);

/* The sentence for a handshake or connection that failed, right after the call
 * that did. */
void tls_explain(const struct tls_wire *w, char out[TLS_ERROR_MAX]);
