#include "gateway/store/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 };

struct arena_block {
	struct arena_block *older;
	max_align_t data[];
};

void arena_fini(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->older;
		free(b);
	}
	*a = (struct arena){ 0 };
}

void *arena_take(struct arena *a, size_t n)
{
	const size_t unit = sizeof(max_align_t);
	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + unit - 1) / unit * unit;
	if (n > a->left) {
		size_t room = n > BLOCK ? n : BLOCK;
		struct arena_block *b = malloc(sizeof(*b) + room);
		if (!b)
			return NULL;
		b->older = a->blocks;
		a->blocks = b;
		a->next = (char *)b->data;
		a->left = room;
		a->total += room;
	}
	void *p = a->next;
	a->next += n;
	a->left -= n;
	return p;
}

char *arena_text(struct arena *a, const char *text, size_t n)
{
	char *copy = n < SIZE_MAX ? arena_take(a, n + 1) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

char *arena_print(struct arena *a, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	char *text = n < 0 ? NULL : arena_take(a, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(args);
	return text;
}
