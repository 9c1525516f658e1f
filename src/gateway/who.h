#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "gateway/store/store.h"

struct http_exchange;

/* Who asks: from a request's fields to what the store checks. Nothing is checked
 * here but the form; what a request says of itself is not yet true. */

enum who_kinds {
	WHO_NOBODY = 1 << 0,  /* no credential is fine; those there are, are not looked at
			       * unless another kind is set too */
	WHO_SESSION = 1 << 1, /* the cookie "session" or "Authorization: Bearer" */
	WHO_SIGNED = 1 << 2,  /* an agent's X-Signature and its fellows */
	WHO_KEY = 1 << 3,     /* "Authorization: Signature", by an SSH key */
};

enum { WHO_ADDRESS_MAX = 64, WHO_TEXT_MAX = 32 * 1024 };

struct who {
	struct store_who is; /* its texts are in `text`: do not copy the struct */
	bool by_cookie;      /* the browser adds it by itself */
	size_t used;
	char text[WHO_TEXT_MAX];
};

/* Takes the credential out of a request, of the kinds that go here. 0, or the status
 * to answer with a sentence (static) in *error:
 * 400: a signed request with a query, with an X- field that came twice, or multipart;
 * 401: no credential of these kinds;
 * 403: a cookie, and nothing that shows that a page of ours sent the request: where
 * something may change or a WebSocket opens, that is Origin (which http compared
 * already), "Sec-Fetch-Site: same-origin", or an X-Requested-With.
 * `proxies`: NULL-ended or NULL, see who_address(). */
int who_take(struct who *w, const struct http_exchange *x, const char *const *proxies,
	unsigned kinds, const char **error);

/* The peer's address: of the connection, or the last one of X-Forwarded-For that is
 * no proxy of ours when the connection comes from one. */
void who_address(
	const struct http_exchange *x, const char *const *proxies, char out[WHO_ADDRESS_MAX]);
/* The connection comes from a proxy of ours, or says that it came through one. */
bool who_is_forwarded(const struct http_exchange *x, const char *const *proxies);
