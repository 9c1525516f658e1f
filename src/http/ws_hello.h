#pragma once
#include "base/buf.h"
#include "http/answer_head.h"
#include "http/upgrade.h"
#include "http/url.h"
#include "http/ws_dial.h"

/* The client's side of the WebSocket opening handshake, RFC 6455 section 4.1: what is
 * said and what is to be answered. Pure. */

/* The request, with `key` of 24 base64 digits. False: a field or the subprotocol is
 * not one. The buffer tells of memory and length. */
bool ws_hello_put(struct buf *out, const struct ws_dial_config *config, const struct url *url,
	const char *key);
/* NULL: a valid answer of 101, `protocol` is what was chosen (n 0: none). Else what is
 * wrong with it. */
const char *ws_hello_check(const struct answer_head *h, const char *key, const char *offered,
	struct http_text *protocol);
/* What is to be done about a refusal, by its status: a piece of a sentence. */
const char *ws_hello_advice(int status);
