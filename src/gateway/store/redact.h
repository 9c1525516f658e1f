#pragma once
#include "gateway/store/arena.h"

/* A text with what looks like a secret replaced by [REDACTED]: values of names
 * that end in password, token, secret and the like, bearer tokens, keys whose
 * form is known, PEM blocks. Linear in the text's length. Returns `text` itself
 * when there is nothing, NULL when there is no memory. */
const char *redact_text(struct arena *a, const char *text);
