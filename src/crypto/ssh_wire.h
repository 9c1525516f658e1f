#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "base/rd.h"

/* Values of the SSH protocol, RFC 4251 section 5. A value that is not well formed
 * counts as a short read, so that rd_ok() tells of both. */

/* The bytes of a string, borrowed; empty when there is none. */
struct rd ssh_wire_string(struct rd *r);
/* The magnitude of an mpint that must be positive and as short as can be. */
struct rd ssh_wire_mpint(struct rd *r);
/* Is what the reader has left exactly this text? */
bool ssh_wire_is(const struct rd *r, const char *text);

void ssh_wire_put_string(struct buf *b, const void *data, size_t n);
/* The magnitude may have leading zeros. */
void ssh_wire_put_mpint(struct buf *b, const uint8_t *magnitude, size_t n);
