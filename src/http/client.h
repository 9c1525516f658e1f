#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "net/loop.h"

/* An HTTP client on the loop (libcurl). Certificates are verified, HTTPS_PROXY and
 * NO_PROXY are honoured (libcurl reads them), redirects are not followed, no cookie
 * is kept, connections are reused. */
struct http_client;

struct http_client_config {
	const char *ca_file; /* NULL: the system's */
	const char *pin; /* "sha256:HEX" of the server's public key: trusted by it alone; or NULL */
	bool insecure;   /* any certificate */
};

struct http_client_request {
	const char *method, *url;
	const char *const *fields; /* "Name: value" rows, no value empty; NULL-ended, or NULL */
	const void *body;          /* copied */
	size_t n_body;
	unsigned timeout_ms; /* of the whole; 0: 30 s */
	size_t answer_max;   /* 0: 1 MB; a longer one fails */
};

struct http_client_answer {
	int status;       /* 0: there is none, see `error` */
	const char *body; /* ended by a 0 that is not counted */
	size_t n_body;
	const char *cookie; /* the value of the first Set-Cookie up to ';', or "" */
	long long date;     /* Unix seconds of the Date field, -1: none */
	const char *error;  /* a sentence: what failed and what to do; "" when there is an answer */
};

typedef void http_client_fn(void *ctx, const struct http_client_answer *a);

struct http_client *http_client_create(struct loop *l, const struct http_client_config *config);
/* Cancels what is under way, without calls. NULL is fine. */
void http_client_destroy(struct http_client *c);
/* on_done comes once and never from inside. Everything is copied. Returns an id > 0
 * for http_client_cancel(), or ERR_NOMEM, ERR_LIMIT (64 under way), ERR_PROTO (no
 * URL, field or pin). */
MUST_USE int http_client_send(struct http_client *c, const struct http_client_request *r,
	http_client_fn *on_done, void *ctx);
void http_client_cancel(struct http_client *c, int id); /* no call comes any more */
