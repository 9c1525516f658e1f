#include "codec/zout.h"

#include <limits.h>

#include "codec/zmem.h"

/* What zlib itself would put first: deflate, a window of 32 KB or less, fastest.
 * The end of the stream with its checksum never comes, so deflate runs raw and
 * saves the time for that sum. */
static const uint8_t zlib_header[] = { 0x78, 0x01 };

/* Half of zlib's largest window: no picture of bench_codec gets larger by it,
 * and each stream saves 64 KB. */
enum { WINDOW_BITS = 14, MEM_LEVEL = 8, ROOM = 1024 };

/* What level 2 saves over 1 costs more time than a network that is not slow
 * takes for it; above 7 nothing is gained at all (bench_codec). */
static const uint8_t levels[10] = { 0, 1, 1, 2, 3, 4, 5, 5, 6, 7 };
enum { FAST = 2 };

int zout_level(int compress)
{
	return levels[compress < 0 ? FAST : compress];
}

bool zout_fast(int compress)
{
	return compress <= FAST;
}

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
		if (deflateInit2(&s->z, level, Z_DEFLATED, -WINDOW_BITS, MEM_LEVEL, strategy) !=
			Z_OK)
			return ERR_NOMEM;
		s->open = true;
		buf_put(out, zlib_header, sizeof(zlib_header));
	}
	s->level = level;
	s->strategy = strategy;
	return buf_ok(out);
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
