#include "gateway/limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "crypto/hash.h"
#include "net/address.h"

enum {
	BUCKETS = 64 * 1024,
	HEADS = 64 * 1024,
	NAME = 16,
	SEED = 16,
	NONE = 0, /* the bucket of that number is never used */
};

/* A bucket is the moment when it will be full again. */
struct bucket {
	uint8_t name[NAME];
	uint64_t full_us;
	uint32_t next;         /* of the same head */
	uint32_t newer, older; /* by use */
};

struct limits {
	uint64_t step_us[LIMITS_KINDS]; /* what one takes */
	uint64_t room_us[LIMITS_KINDS]; /* what a whole bucket holds */
	uint8_t seed[SEED];             /* so that nobody can choose names that meet */
	uint32_t used, newest, oldest;
	uint32_t heads[HEADS];
	struct bucket buckets[BUCKETS + 1];
};

struct limits *limits_create(const struct limits_config *config)
{
	enum { MINUTE_US = 60 * 1000 * 1000, SECOND_US = 1000 * 1000 };
	unsigned per_min = config->address_per_min > 0 ? (unsigned)config->address_per_min : 100;
	unsigned per_s = config->agent_per_s > 0 ? (unsigned)config->agent_per_s : 500;
	struct limits *l = calloc(1, sizeof(*l)); /* pages that are not used cost nothing */
	if (!l)
		return NULL;
	l->step_us[LIMITS_ADDRESS] = l->step_us[LIMITS_REFUSED] = MINUTE_US / per_min;
	l->room_us[LIMITS_ADDRESS] = l->room_us[LIMITS_REFUSED] = MINUTE_US;
	l->step_us[LIMITS_AGENT] = SECOND_US / per_s;
	l->room_us[LIMITS_AGENT] = SECOND_US;
	if (random_bytes(l->seed, sizeof(l->seed))) {
		free(l);
		return NULL;
	}
	return l;
}

void limits_destroy(struct limits *l)
{
	free(l);
}

static void make_name(const struct limits *l, enum limits_kind kind, const char *address,
	const char *more, uint8_t out[NAME])
{
	uint8_t text[SEED + 1 + ADDRESS_SOURCE + 128] = { 0 }, hash[HASH_SHA256];
	size_t n = 0;
	memcpy(text, l->seed, SEED);
	n += SEED;
	text[n++] = (uint8_t)kind;
	address_source(address, text + n);
	n += ADDRESS_SOURCE;
	size_t n_more = more ? strnlen(more, 128) : 0;
	if (n_more > 0)
		memcpy(text + n, more, n_more);
	hash_sha256(text, n + n_more, hash);
	memcpy(out, hash, NAME);
}

static uint32_t *head_of(struct limits *l, const uint8_t name[NAME])
{
	uint32_t at;
	memcpy(&at, name, sizeof(at));
	return &l->heads[at % HEADS];
}

static uint32_t find(struct limits *l, const uint8_t name[NAME])
{
	uint32_t i = *head_of(l, name);
	while (i != NONE && memcmp(l->buckets[i].name, name, NAME) != 0)
		i = l->buckets[i].next;
	return i;
}

static void unlink_use(struct limits *l, uint32_t i)
{
	struct bucket *b = &l->buckets[i];
	if (b->newer != NONE)
		l->buckets[b->newer].older = b->older;
	else
		l->newest = b->older;
	if (b->older != NONE)
		l->buckets[b->older].newer = b->newer;
	else
		l->oldest = b->newer;
}

static void link_newest(struct limits *l, uint32_t i)
{
	l->buckets[i].newer = NONE;
	l->buckets[i].older = l->newest;
	if (l->newest != NONE)
		l->buckets[l->newest].newer = i;
	else
		l->oldest = i;
	l->newest = i;
}

static uint32_t take_oldest(struct limits *l)
{
	uint32_t i = l->oldest;
	uint32_t *at = head_of(l, l->buckets[i].name);
	while (*at != i)
		at = &l->buckets[*at].next;
	*at = l->buckets[i].next;
	unlink_use(l, i);
	return i;
}

static uint32_t add(struct limits *l, const uint8_t name[NAME])
{
	uint32_t i = l->used < BUCKETS ? ++l->used : take_oldest(l);
	uint32_t *head = head_of(l, name);
	struct bucket *b = &l->buckets[i];
	memcpy(b->name, name, NAME);
	b->full_us = 0;
	b->next = *head;
	*head = i;
	link_newest(l, i);
	return i;
}

static unsigned judge(
	const struct limits *l, enum limits_kind kind, uint64_t full_us, uint64_t now_us)
{
	uint64_t then = (full_us > now_us ? full_us : now_us) + l->step_us[kind];
	uint64_t most = now_us + l->room_us[kind];
	return then <= most ? 0 : (unsigned)((then - most + 999999) / 1000000);
}

unsigned limits_take(struct limits *l, enum limits_kind kind, const char *address, const char *more,
	uint64_t now_us)
{
	uint8_t name[NAME];
	make_name(l, kind, address, more, name);
	uint32_t i = find(l, name);
	if (i == NONE) {
		i = add(l, name);
	} else if (i != l->newest) {
		unlink_use(l, i);
		link_newest(l, i);
	}
	uint64_t *full = &l->buckets[i].full_us;
	unsigned wait = judge(l, kind, *full, now_us);
	if (wait == 0)
		*full = (*full > now_us ? *full : now_us) + l->step_us[kind];
	return wait;
}

unsigned limits_look(struct limits *l, enum limits_kind kind, const char *address, const char *more,
	uint64_t now_us)
{
	uint8_t name[NAME];
	make_name(l, kind, address, more, name);
	uint32_t i = find(l, name);
	return i == NONE ? 0 : judge(l, kind, l->buckets[i].full_us, now_us);
}
