#pragma once
#include <stdbool.h>
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

/* The two messages of a check, for child_ask(). The viewer's id travels along
 * and comes back, so nothing is to be remembered meanwhile. */
enum { PASSWORD_CHECK = 1 + 4 + 16 + 16 };
void password_put_check(uint8_t out[PASSWORD_CHECK], uint32_t viewer, const uint8_t challenge[16],
	const uint8_t response[16]);
/* False: the supervisor is lost and so is the answer. */
bool password_parse_answer(
	const uint8_t *answer, size_t n, uint32_t *viewer, enum desktop_rights *rights);
