#pragma once
#include <stdbool.h>
#include <stdint.h>

/* How often somebody may ask: a bucket for each of the last 64 Ki names of each
 * kind of asking, of which the one not used for longest makes room for a new one.
 * Says nothing about wrong passwords, whose penalties are the store's. */
struct limits;

enum limits_kind {
	LIMITS_ADDRESS, /* requests without a credential; by address */
	LIMITS_REFUSED, /* requests whose credential was refused; by address */
	LIMITS_AGENT,   /* signed requests; by address and what the agent calls itself */
	LIMITS_KINDS,
};

struct limits_config {
	int address_per_min, agent_per_s; /* 0: 100 and 500 */
};

struct limits *limits_create(const struct limits_config *config); /* NULL: no memory, no random */
void limits_destroy(struct limits *l);                            /* NULL is fine */
/* Takes one from the bucket. 0, or in how many seconds there will be one. An IPv6
 * address stands for its /64. `more`: further text of the name, or NULL. */
unsigned limits_take(struct limits *l, enum limits_kind kind, const char *address, const char *more,
	uint64_t now_us);
/* The same without taking it. */
unsigned limits_look(struct limits *l, enum limits_kind kind, const char *address, const char *more,
	uint64_t now_us);
