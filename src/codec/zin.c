#include "codec/zin.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "codec/zmem.h"

void zin_fini(struct zin *s)
{
	if (s->open)
		inflateEnd(&s->z);
	free(s->data);
	*s = (struct zin){ 0 };
}

void zin_reset(struct zin *s)
{
	if (s->open)
		inflateReset(&s->z);
}

int zin_begin(struct zin *s, const uint8_t *p, size_t n)
{
	if (n > UINT_MAX)
		return ERR_LIMIT;
	if (!s->data && !(s->data = malloc(ZIN_MOST)))
		return ERR_NOMEM;
	if (!s->open) {
		s->z = (z_stream){ .zalloc = zmem_alloc, .zfree = zmem_free };
		if (inflateInit(&s->z) != Z_OK)
			return ERR_NOMEM;
		s->open = true;
	}
	s->z.next_in = (uint8_t *)(uintptr_t)p;
	s->z.avail_in = (unsigned)n;
	s->at = s->len = 0;
	s->err = OK;
	return OK;
}

/* Inflates once into the free part of .data. Any status but "more" ends it:
 * Z_OK always means progress, and a stream that ends has no more to say. */
static int inflate_some(struct zin *s)
{
	s->z.next_out = s->data + s->len;
	s->z.avail_out = (unsigned)(ZIN_MOST - s->len);
	int status = inflate(&s->z, Z_SYNC_FLUSH);
	size_t len = ZIN_MOST - s->z.avail_out;
	bool grew = len > s->len;
	s->len = len;
	if (status == Z_MEM_ERROR)
		return ERR_NOMEM;
	return (status == Z_OK || status == Z_STREAM_END) && grew ? OK : ERR_PROTO;
}

const uint8_t *zin_bytes(struct zin *s, size_t n)
{
	if (s->err == OK && n > ZIN_MOST)
		s->err = ERR_LIMIT;
	if (s->err == OK && s->len - s->at < n) {
		memmove(s->data, s->data + s->at, s->len - s->at);
		s->len -= s->at;
		s->at = 0;
		while (s->err == OK && s->len < n)
			s->err = inflate_some(s);
	}
	if (s->err)
		return NULL;
	const uint8_t *p = s->data + s->at;
	s->at += n;
	return p;
}

int zin_end(struct zin *s)
{
	if (s->err)
		return s->err;
	if (s->at != s->len)
		return ERR_PROTO;
	/* What is left may only be the marks of a flush. */
	s->len = s->at = 0;
	while (s->z.avail_in > 0) {
		unsigned before = s->z.avail_in;
		s->z.next_out = s->data;
		s->z.avail_out = 1;
		int status = inflate(&s->z, Z_SYNC_FLUSH);
		if (s->z.avail_out == 0 || s->z.avail_in == before ||
			(status != Z_OK && status != Z_STREAM_END))
			return ERR_PROTO;
	}
	return OK;
}

int zin_parse(struct rd *in, uint64_t pixels, const uint8_t **p, size_t *n)
{
	struct rd r = *in;
	*n = rd_u32(&r);
	/* Five bytes a pixel are ZRLE at its worst, before compression. */
	if (*n > pixels * 8 + 65536)
		return ERR_LIMIT;
	*p = rd_bytes(&r, *n);
	if (rd_ok(&r))
		return ERR_AGAIN;
	*in = r;
	return OK;
}
