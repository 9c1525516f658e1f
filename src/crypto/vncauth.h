#pragma once
#include <stdint.h>

enum { VNCAUTH_CHALLENGE = 16 };

/* The answer to a VNC Authentication challenge, RFC 6143 section 7.2.2: DES in
 * ECB mode, the key being the password's first 8 bytes (padded with 0) with the
 * bits of each byte reversed. */
void vncauth_response(const uint8_t challenge[VNCAUTH_CHALLENGE], const char *password,
	uint8_t out[VNCAUTH_CHALLENGE]);
