#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* One-time codes by time, RFC 6238: SHA-1, 6 digits, steps of 30 s. */

/* 160 random bits as base32 and an ending 0. OK or ERR_IO. */
enum { TOTP_SECRET_TEXT = 33 };
MUST_USE int totp_make_secret(char out[TOTP_SECRET_TEXT]);

/* The otpauth: URI that applications read as a QR code; issuer and user are
 * percent-encoded. OK or ERR_LIMIT when it does not fit. */
MUST_USE int totp_uri(
	const char *issuer, const char *user, const char *secret, char *out, size_t cap);

/* True when the code is that of the time step of unix_s or of one beside it;
 * *step is the step it belongs to, which the caller stores to refuse that step
 * and earlier ones later. The secret is base32, up to 64 bytes; one of fewer
 * than 10 bytes never matches. */
bool totp_check(const char *secret, const char *code, int64_t unix_s, int64_t *step);
