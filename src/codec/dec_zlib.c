#include <assert.h>
#include <stdlib.h>

#include "codec/decoder.h"
#include "codec/wire.h"
#include "codec/zin.h"

/* rfbproto, "Zlib Encoding". */

extern const struct decoder_ops dec_zlib_ops;

enum { PIECE = ZIN_MOST / 4 }; /* pixels */

struct zlib {
	struct decoder dec;
	struct zin zin;
};

static struct zlib *zlib(struct decoder *self)
{
	assert(self->ops == &dec_zlib_ops);
	return (struct zlib *)self;
}

static struct decoder *create(void)
{
	struct zlib *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->dec.ops = &dec_zlib_ops;
	return &d->dec;
}

static void destroy(struct decoder *self)
{
	zin_fini(&zlib(self)->zin);
	free(zlib(self));
}

static void read_row(struct zin *z, const struct wire_pixel *p, uint32_t *px, int n)
{
	for (int i = 0; i < n; i += PIECE) {
		int some = n - i < PIECE ? n - i : PIECE;
		const uint8_t *from = zin_bytes(z, (size_t)some * p->bytes);
		if (!from)
			return;
		wire_pixel_get(p, from, px + i, (size_t)some);
	}
}

static int decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to)
{
	struct zin *z = &zlib(self)->zin;
	struct wire_pixel p;
	wire_pixel_init(&p, convert);
	const uint8_t *data;
	size_t len;
	int err = zin_parse(in, (uint64_t)at.w * (uint64_t)at.h, &data, &len);
	if (!err)
		err = zin_begin(z, data, len);
	if (err)
		return err;
	for (int y = 0; y < at.h && !z->err; y++)
		read_row(z, &p, pix_canvas_at(to, at.x, at.y + y), at.w);
	return zin_end(z);
}

const struct decoder_ops dec_zlib_ops = {
	.name = "zlib",
	.wire_id = 6,
	.create = create,
	.destroy = destroy,
	.decode = decode,
};
