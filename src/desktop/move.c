#include "desktop/move.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	MIN_W = 64, /* smaller boxes are cheaper to send than to look into */
	MIN_H = 48,
	MAX_H = 4096,  /* rows looked at: bounds the tables on the heap to 160 KB */
	SAMPLES = 96,  /* pixels of a row that make its hash */
	SLOTS = 16384, /* of the table of rows; a power of two, well over MAX_H */
};

struct slot {
	uint32_t hash;
	int16_t row; /* in the old picture, -1: empty, -2: several rows */
};

struct search {
	uint32_t before[MAX_H], now[MAX_H];
	struct slot slots[SLOTS];
	uint16_t votes[2 * MAX_H];
};

/* The outer eighths are left out: scroll bars and borders do not scroll along. */
static void hash_rows(const struct pix_view *v, struct rect box, uint32_t *out)
{
	int x0 = box.x + box.w / 8, span = box.w - box.w / 4;
	int n = span < SAMPLES ? span : SAMPLES;
	for (int y = 0; y < box.h; y++) {
		const uint32_t *row = pix_view_at(v, x0, box.y + y);
		uint32_t h = 2166136261u;
		for (int i = 0; i < n; i++)
			h = (h ^ (row[i * span / n] & 0xffffffu)) * 0x9e3779b1u;
		out[y] = h ^ h >> 15;
	}
}

static struct slot *find_slot(struct search *s, uint32_t hash)
{
	uint32_t i = hash & (SLOTS - 1);
	while (s->slots[i].row != -1 && s->slots[i].hash != hash)
		i = (i + 1) & (SLOTS - 1);
	return &s->slots[i];
}

static void index_rows(struct search *s, int h)
{
	memset(s->slots, 0xff, sizeof(s->slots));
	for (int y = 0; y < h; y++) {
		struct slot *slot = find_slot(s, s->before[y]);
		slot->row = slot->row == -1 ? (int16_t)y : -2;
		slot->hash = s->before[y];
	}
}

/* Every row that had one place before and has moved votes for its distance. */
static int elect(struct search *s, int h)
{
	memset(s->votes, 0, sizeof(s->votes));
	for (int y = 0; y < h; y++) {
		int from = find_slot(s, s->now[y])->row;
		if (from >= 0 && from != y)
			s->votes[y - from + MAX_H]++;
	}
	int best = 0;
	for (int i = 1; i < 2 * MAX_H; i++)
		if (s->votes[i] > s->votes[best])
			best = i;
	return s->votes[best] >= 16 ? best - MAX_H : 0;
}

/* The longest stretch of rows that fit the distance, small gaps allowed. */
static bool stretch(const struct search *s, int h, int dy, int *top, int *n)
{
	int start = -1, gap = 0;
	*n = 0;
	for (int y = dy > 0 ? dy : 0; y < (dy < 0 ? h + dy : h); y++) {
		if (s->now[y] == s->before[y - dy]) {
			if (start < 0)
				start = y;
			gap = 0;
			if (y + 1 - start > *n) {
				*top = start;
				*n = y + 1 - start;
			}
		} else if (++gap > 8) {
			start = -1;
		}
	}
	return *n >= MIN_H / 2;
}

bool move_find(const struct pix_view *before, const struct pix_view *now, struct rect box,
	struct move *out)
{
	if (box.w < MIN_W || box.h < MIN_H || box.h > MAX_H)
		return false;
	struct search *s = malloc(sizeof(*s));
	if (!s)
		return false;
	hash_rows(before, box, s->before);
	hash_rows(now, box, s->now);
	index_rows(s, box.h);
	int dy = elect(s, box.h), top = 0, n = 0;
	bool found = dy != 0 && stretch(s, box.h, dy, &top, &n);
	if (found)
		*out = (struct move){ { box.x, box.y + top, box.w, n }, dy };
	free(s);
	return found;
}

void move_apply(const struct move *m, const struct pix_canvas *picture)
{
	size_t bytes = (size_t)m->to.w * sizeof(uint32_t);
	for (int i = 0; i < m->to.h; i++) {
		/* From the side it moves to, so that no row is overwritten unread. */
		int y = m->to.y + (m->dy > 0 ? m->to.h - 1 - i : i);
		memcpy(pix_canvas_at(picture, m->to.x, y),
			pix_canvas_at(picture, m->to.x, y - m->dy), bytes);
	}
}
