#include "codec/zout.h"

#include <limits.h>

#include "codec/zmem.h"

/* An encoder's rectangles are small beside zlib's largest window: half of it
 * costs 1 % of ratio and saves 64 KB a stream. */
enum { WINDOW_BITS = 14, MEM_LEVEL = 8, ROOM = 1024 };

void zout_fini(struct zout *s)
{
	if (s->open)
		deflateEnd(&s->z);
	s->open = false;
}

static int run(struct zout *s, int flush, struct buf *out)
{
	do {
		uint8_t *room = buf_room(out, ROOM);
		if (!room)
			return buf_ok(out);
		size_t n = out->cap - out->len;
		s->z.next_out = room;
		s->z.avail_out = n > UINT_MAX ? UINT_MAX : (unsigned)n;
		if (deflate(&s->z, flush) == Z_STREAM_ERROR)
			return ERR_NOMEM;
		buf_added(out, (size_t)(s->z.next_out - room));
	} while (s->z.avail_out == 0);
	return OK;
}

static int change(struct zout *s, int level, int strategy, struct buf *out)
{
	uint8_t *room = buf_room(out, ROOM);
	if (!room)
		return buf_ok(out);
	s->z.next_out = room;
	s->z.avail_out = ROOM;
	s->z.next_in = NULL;
	s->z.avail_in = 0;
	/* Everything before was flushed, so there is room for what this may put. */
	if (deflateParams(&s->z, level, strategy) != Z_OK)
		return ERR_NOMEM;
	buf_added(out, (size_t)(s->z.next_out - room));
	return OK;
}

int zout_begin(struct zout *s, int level, int strategy, struct buf *out)
{
	if (s->open && s->level == level && s->strategy == strategy)
		return OK;
	if (s->open) {
		int err = change(s, level, strategy, out);
		if (err)
			return err;
	} else {
		s->z = (z_stream){ .zalloc = zmem_alloc, .zfree = zmem_free };
		if (deflateInit2(&s->z, level, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, strategy) !=
			Z_OK)
			return ERR_NOMEM;
		s->open = true;
	}
	s->level = level;
	s->strategy = strategy;
	return OK;
}

int zout_write(struct zout *s, const void *p, size_t n, bool last, struct buf *out)
{
	const uint8_t *from = p;
	while (n > UINT_MAX) {
		s->z.next_in = (uint8_t *)(uintptr_t)from;
		s->z.avail_in = UINT_MAX;
		int err = run(s, Z_NO_FLUSH, out);
		if (err)
			return err;
		from += UINT_MAX;
		n -= UINT_MAX;
	}
	s->z.next_in = (uint8_t *)(uintptr_t)from;
	s->z.avail_in = (unsigned)n;
	return run(s, last ? Z_SYNC_FLUSH : Z_NO_FLUSH, out);
}
