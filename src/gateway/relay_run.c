#include <stdlib.h>
#include <string.h>

#include "gateway/relay_private.h"

/* FNV-1a. Keys are ids that the store gave and addresses; nobody chooses them freely
 * enough to make a long chain worth the trouble. */
size_t relay_bucket(const char *key)
{
	uint32_t h = 2166136261u;
	for (; *key; key++)
		h = (h ^ (uint8_t)*key) * 16777619u;
	return h % RELAY_BUCKETS;
}

struct relay_run *relay_run_find(const struct relay *r, const char *id)
{
	struct relay_run *run = r->runs[relay_bucket(id)];
	while (run && strcmp(run->id, id) != 0)
		run = run->next;
	return run;
}

struct relay_run *relay_run_get(struct relay *r, const char *id)
{
	struct relay_run *run = relay_run_find(r, id);
	if (run)
		return run;
	size_t n = strlen(id) + 1;
	run = calloc(1, sizeof(*run) + n);
	if (!run)
		return NULL;
	struct relay_run **bucket = &r->runs[relay_bucket(id)];
	run->relay = r;
	run->since_ms = relay_now_ms();
	memcpy(run->id, id, n);
	run->next = *bucket;
	*bucket = run;
	return run;
}

void relay_run_drop_empty(struct relay_run *run)
{
	if (run->link || run->tunnels)
		return;
	struct relay_run **at = &run->relay->runs[relay_bucket(run->id)];
	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	free(run);
}

struct relay_tunnel *relay_run_tunnel(const struct relay_run *run, const char *channel)
{
	struct relay_tunnel *t = run ? run->tunnels : NULL;
	while (t && strcmp(t->id, channel) != 0)
		t = t->next;
	return t;
}

struct relay_tunnel *relay_run_runner(const struct relay_run *run)
{
	struct relay_tunnel *t = run ? run->tunnels : NULL;
	while (t && !t->is_runner)
		t = t->next;
	return t;
}

static struct relay_address *find_address(const struct relay *r, const char *text)
{
	struct relay_address *a = r->addresses[relay_bucket(text)];
	while (a && strcmp(a->text, text) != 0)
		a = a->next;
	return a;
}

struct relay_address *relay_address_take(struct relay *r, const char *text)
{
	struct relay_address *a = find_address(r, text);
	if (!a) {
		size_t n = strlen(text) + 1;
		a = calloc(1, sizeof(*a) + n);
		if (!a)
			return NULL;
		struct relay_address **bucket = &r->addresses[relay_bucket(text)];
		memcpy(a->text, text, n);
		a->next = *bucket;
		*bucket = a;
	}
	a->n++;
	return a;
}

void relay_address_drop(struct relay *r, struct relay_address *a)
{
	if (!a || --a->n > 0)
		return;
	struct relay_address **at = &r->addresses[relay_bucket(a->text)];
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free(a);
}

int relay_address_count(const struct relay *r, const char *text)
{
	const struct relay_address *a = find_address(r, text);
	return a ? a->n : 0;
}
