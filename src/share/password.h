#pragma once
#include <stddef.h>
#include <stdint.h>

#include "desktop/desktop.h"
#include "net/child.h"

/* VncAuth passwords live in the supervisor: the file's first line lets control,
 * the second, when there is one, lets view. The process that talks to the
 * network knows neither; it sends challenge and response and gets a right. */
struct password_store {
	char control[9], view[9]; /* VncAuth uses 8 bytes */
	bool has_view;
};

/* The supervisor's child_handler; ctx is a zeroed struct password_store. */
size_t password_serve(void *ctx, const uint8_t *in, size_t n, uint8_t *out);

/* Before the loop: has the supervisor read the file. OK, or ERR_AUTH with a
 * sentence in `error` (file missing, open to others, empty). */
MUST_USE int password_load(struct child *c, const char *path, char *error, size_t cap);

/* The two messages of a check, for child_ask(). */
enum { PASSWORD_CHECK = 1 + 16 + 16 };
void password_put_check(
	uint8_t out[PASSWORD_CHECK], const uint8_t challenge[16], const uint8_t response[16]);
enum desktop_rights password_rights(const uint8_t *answer, size_t n);
