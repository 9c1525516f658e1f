#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Bytes as text. Every put ends its text with a 0, which the sizes count. The
 * parsers are strict: one text for given bytes (but for the case of hex and
 * base32), ERR_PROTO for any other. The texts need no ending 0. */

#define TEXT_HEX_SIZE(n) (2 * (size_t)(n) + 1)
#define TEXT_BASE64_SIZE(n) (((size_t)(n) + 2) / 3 * 4 + 1)
#define TEXT_BASE32_SIZE(n) (((size_t)(n)*8 + 4) / 5 + 1)

/* Lower-case hex. */
void text_put_hex(const void *data, size_t n, char *out);
/* Either case; n_hex must be exactly 2 * n_out. OK or ERR_PROTO. */
MUST_USE int text_parse_hex(const char *hex, size_t n_hex, uint8_t *out, size_t n_out);

/* RFC 4648 section 4, with padding. */
void text_put_base64(const void *data, size_t n, char *out);
/* Padding required, the unused bits 0. ERR_LIMIT when it is more than cap. */
MUST_USE int text_parse_base64(const char *text, size_t n, uint8_t *out, size_t cap, size_t *n_out);

/* RFC 4648 section 6, without padding, as one-time code applications want it. */
void text_put_base32(const void *data, size_t n, char *out);
/* Either case; padding is optional but right when there is some. */
MUST_USE int text_parse_base32(const char *text, size_t n, uint8_t *out, size_t cap, size_t *n_out);
