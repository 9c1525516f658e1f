#pragma once
#include <curl/curl.h>

#include "base/buf.h"
#include "http/client.h"
#include "http/url.h"

/* One request of a client, and what has come of it: libcurl's options, bytes and
 * errors. It knows no loop and no other transfer. */
struct transfer {
	struct transfer *next;
	int id;
	http_client_fn *on_done;
	void *ctx;
	CURL *easy;
	struct curl_slist *fields;
	void *body; /* owned */
	size_t n_body;
	char host[URL_HOST_MAX + 8]; /* and port, for sentences */
	unsigned timeout_ms;
	struct buf answer;
	size_t answer_max;
	bool too_long, no_memory;
	size_t head_bytes;
	char cookie[4096];
	long long date;
	int status;
	char detail[CURL_ERROR_SIZE], error[640];
};

/* OK, ERR_PROTO (no URL, no field), or ERR_NOMEM. */
MUST_USE int transfer_create(const struct http_client_config *config,
	const struct http_client_request *r, struct transfer **out);
/* What came of it, to be told by transfer_answer(). */
void transfer_end(struct transfer *t, CURLcode code);
struct http_client_answer transfer_answer(struct transfer *t); /* borrows */
void transfer_destroy(struct transfer *t);                     /* not in a multi handle any more */
