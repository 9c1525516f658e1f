#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

/* "HOST:PORT", "[IPv6]:PORT", ":PORT" or "PORT" (both: 127.0.0.1), or "unix:PATH".
 * HOST is numeric or "localhost"; names are not resolved here. */
struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

enum { ADDRESS_TEXT_MAX = 128 };

MUST_USE int address_parse(const char *text, struct address *out); /* OK or ERR_PROTO */
/* The same syntax back, for logs and URLs. */
void address_text(const struct address *a, char out[ADDRESS_TEXT_MAX]);
bool address_is_unix(const struct address *a);
/* Reachable from this machine only: a loopback address or a Unix socket. */
bool address_is_local(const struct address *a);
/* Stands for every address of this machine: 0.0.0.0 or [::]. */
bool address_is_any(const struct address *a);
int address_port(const struct address *a); /* 0 for a Unix socket */
void address_set_port(struct address *a, int port);

/* Whom an address without a port ("192.0.2.7", "fe80::1%eth0") is counted as: who has
 * one address of an IPv6 /64 has them all, and what is IPv4 in IPv6's clothes is IPv4.
 * Whatever is no address ("unix") is one source. */
enum { ADDRESS_SOURCE = 16 };
void address_source(const char *host, uint8_t out[ADDRESS_SOURCE]);
