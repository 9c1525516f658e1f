#include "gateway/store/penalty.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "net/address.h"

enum {
	FREE_FAILURES = 5,
	FIRST_S = 10,
	LONGEST_S = 15 * 60,
	FORGET_S = 60 * 60,
	ENTRIES = 64 * 1024,
	BUCKETS = 64 * 1024,
	NONE = 0, /* entries are numbered from 1 */
};

struct entry {
	uint8_t name[16]; /* of its SHA-256: names of any length, in little room */
	uint32_t next_in_bucket;
	uint32_t newer, older;
	uint32_t failures;
	long long last, until;
};

struct penalties {
	uint32_t buckets[BUCKETS];
	uint32_t n, newest, oldest;
	struct entry entries[ENTRIES + 1];
};

struct penalties *penalties_create(void)
{
	return calloc(1, sizeof(struct penalties)); /* the kernel gives pages as they fill */
}

void penalties_destroy(struct penalties *p)
{
	free(p);
}

static void digest(const char *name, uint8_t out[16])
{
	uint8_t hash[HASH_SHA256];
	hash_sha256(name, strlen(name), hash);
	memcpy(out, hash, 16);
}

static uint32_t bucket_of(const uint8_t name[16])
{
	return ((uint32_t)name[0] << 8 | name[1]) % BUCKETS;
}

static uint32_t find(const struct penalties *p, const uint8_t name[16])
{
	uint32_t at = p->buckets[bucket_of(name)];
	while (at != NONE && memcmp(p->entries[at].name, name, 16) != 0)
		at = p->entries[at].next_in_bucket;
	return at;
}

static void unlink_age(struct penalties *p, uint32_t at)
{
	struct entry *e = &p->entries[at];
	if (e->newer)
		p->entries[e->newer].older = e->older;
	else
		p->newest = e->older;
	if (e->older)
		p->entries[e->older].newer = e->newer;
	else
		p->oldest = e->newer;
}

static void link_newest(struct penalties *p, uint32_t at)
{
	struct entry *e = &p->entries[at];
	e->newer = NONE;
	e->older = p->newest;
	if (p->newest)
		p->entries[p->newest].newer = at;
	else
		p->oldest = at;
	p->newest = at;
}

static void unlink_bucket(struct penalties *p, uint32_t at)
{
	uint32_t *link = &p->buckets[bucket_of(p->entries[at].name)];
	while (*link != at)
		link = &p->entries[*link].next_in_bucket;
	*link = p->entries[at].next_in_bucket;
}

/* The entry of that name, as the newest; the oldest makes room for a new one. */
static struct entry *touch(struct penalties *p, const char *text)
{
	uint8_t name[16];
	digest(text, name);
	uint32_t at = find(p, name);
	if (at != NONE) {
		unlink_age(p, at);
	} else {
		at = p->n < ENTRIES ? ++p->n : p->oldest;
		if (p->entries[at].newer || p->entries[at].older || p->newest == at) {
			unlink_age(p, at);
			unlink_bucket(p, at);
		}
		p->entries[at] = (struct entry){ 0 };
		memcpy(p->entries[at].name, name, 16);
		p->entries[at].next_in_bucket = p->buckets[bucket_of(name)];
		p->buckets[bucket_of(name)] = at;
	}
	link_newest(p, at);
	return &p->entries[at];
}

void penalties_fail(struct penalties *p, const char *name, long long now)
{
	struct entry *e = touch(p, name);
	if (now - e->last > FORGET_S)
		e->failures = 0;
	e->last = now;
	if (e->failures < UINT32_MAX)
		e->failures++;
	if (e->failures < FREE_FAILURES)
		return;
	uint32_t doublings = e->failures - FREE_FAILURES;
	long long wait = doublings < 8 ? (long long)FIRST_S << doublings : LONGEST_S;
	e->until = now + (wait < LONGEST_S ? wait : LONGEST_S);
}

long long penalties_wait(const struct penalties *p, const char *name, long long now)
{
	uint8_t digested[16];
	digest(name, digested);
	uint32_t at = find(p, digested);
	long long wait = at != NONE ? p->entries[at].until - now : 0;
	/* A clock that was set back must not lock out for longer. */
	return wait > 0 && wait <= LONGEST_S ? wait : 0;
}

void penalties_forget(struct penalties *p, const char *name)
{
	uint8_t digested[16];
	digest(name, digested);
	uint32_t at = find(p, digested);
	if (at == NONE)
		return;
	p->entries[at].failures = 0;
	p->entries[at].until = 0;
}

bool penalties_has_failed(const struct penalties *p, const char *name, long long now)
{
	uint8_t digested[16];
	digest(name, digested);
	uint32_t at = find(p, digested);
	return at != NONE && p->entries[at].failures > 0 && now - p->entries[at].last <= FORGET_S;
}

void penalty_source(const char *address, char out[PENALTY_KEY])
{
	uint8_t source[ADDRESS_SOURCE];
	char text[2 * ADDRESS_SOURCE + 1];
	address_source(address, source);
	text_put_hex(source, sizeof(source), text);
	snprintf(out, PENALTY_KEY, "source %s", text);
}

/* Usernames are longer than a key's room: their hash is not. */
static void put_account(const char *username, char out[33])
{
	uint8_t name[16];
	digest(username, name);
	text_put_hex(name, sizeof(name), out);
}

void penalty_account(const char *username, char out[PENALTY_KEY])
{
	char name[33];
	put_account(username, name);
	snprintf(out, PENALTY_KEY, "account %s", name);
}

void penalty_account_from(const char *username, const char *address, char out[PENALTY_KEY])
{
	char name[33], source[PENALTY_KEY];
	put_account(username, name);
	penalty_source(address, source);
	snprintf(out, PENALTY_KEY, "account %s from %.100s", name, source);
}
