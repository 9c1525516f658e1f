#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Who guesses must wait: five failures cost nothing, then 10 s, doubling to 15
 * minutes. An hour without a failure forgets. At most 64 K names are remembered,
 * those that failed last. In memory; times are in seconds of one clock. */
struct penalties;

enum { PENALTY_KEY = 192 };

struct penalties *penalties_create(void);    /* NULL: no memory */
void penalties_destroy(struct penalties *p); /* NULL is fine */

void penalties_fail(struct penalties *p, const char *name, long long now);
/* Seconds to wait; 0: may try. */
long long penalties_wait(const struct penalties *p, const char *name, long long now);
void penalties_forget(struct penalties *p, const char *name);
/* Whether it has failed in the last hour, and was not forgotten since. */
bool penalties_has_failed(const struct penalties *p, const char *name, long long now);

/* The name of a source: an IPv4 address, or an IPv6 network of 64 bits. */
void penalty_source(const char *address, char out[PENALTY_KEY]);
/* Of an account; and of an account as seen from a source. */
void penalty_account(const char *username, char out[PENALTY_KEY]);
void penalty_account_from(const char *username, const char *address, char out[PENALTY_KEY]);
