#pragma once
#include "http/head.h"

/* The WebSocket opening handshake, RFC 6455 section 4. Pure. */
enum { UPGRADE_ACCEPT_TEXT = 29 }; /* 28 base64 digits and an ending 0 */

/* The request asks for a WebSocket; whether rightly, upgrade_check() says. */
bool upgrade_is_wanted(const struct http_request *r);
/* 0 and the value of Sec-WebSocket-Accept, or the status to refuse with: 400,
 * 405 (not GET), 426 (another version than 13). */
int upgrade_check(const struct http_request *r, char accept[UPGRADE_ACCEPT_TEXT]);

/* Sec-WebSocket-Accept for a key of 24 base64 digits. */
enum { UPGRADE_KEY_TEXT = 25 };
void upgrade_accept(const char *key, char accept[UPGRADE_ACCEPT_TEXT]);
