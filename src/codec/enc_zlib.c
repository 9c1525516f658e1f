#include <assert.h>
#include <stdlib.h>

#include "codec/encoder.h"
#include "codec/wire.h"
#include "codec/zout.h"

/* rfbproto, "Zlib Encoding": a length and one deflate stream over Raw data. */

extern const struct encoder_ops enc_zlib_ops;

enum { PIECE = 2048 }; /* pixels packed at once */

struct zlib {
	struct encoder enc;
	struct zout zout;
	uint8_t bytes[PIECE * 4];
};

static struct zlib *zlib(struct encoder *self)
{
	assert(self->ops == &enc_zlib_ops);
	return (struct zlib *)self;
}

static struct encoder *create(void)
{
	struct zlib *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->enc.ops = &enc_zlib_ops;
	return &e->enc;
}

static void destroy(struct encoder *self)
{
	zout_fini(&zlib(self)->zout);
	free(zlib(self));
}

static int put_row(struct zlib *e, const struct wire_pixel *p, const uint32_t *px, int n, bool last,
	struct buf *out)
{
	int err = OK;
	for (int i = 0; i < n && !err; i += PIECE) {
		int some = n - i < PIECE ? n - i : PIECE;
		wire_pixel_put(p, e->bytes, px + i, (size_t)some);
		err = zout_write(
			&e->zout, e->bytes, (size_t)some * p->bytes, last && i + some == n, out);
	}
	return err;
}

static int encode(struct encoder *self, const struct encoder_job *job, struct buf *out)
{
	struct zlib *e = zlib(self);
	struct wire_pixel p;
	wire_pixel_init(&p, job->convert);
	wire_put_header(out, job->at, enc_zlib_ops.wire_id);
	size_t start = out->len;
	buf_put_u32(out, 0);
	if (buf_ok(out))
		return buf_ok(out);
	int level = zout_level(job->settings->compress);
	int err = zout_begin(&e->zout, level, Z_DEFAULT_STRATEGY, out);
	for (int y = 0; y < job->at.h && !err; y++)
		err = put_row(
			e, &p, pix_view_at(&job->value, 0, y), job->at.w, y == job->at.h - 1, out);
	if (err)
		return err;
	buf_set_u32(out, start, (uint32_t)(out->len - start - 4));
	return 1;
}

const struct encoder_ops enc_zlib_ops = {
	.name = "zlib",
	.wire_id = 6,
	.scope = ENCODER_VIEWER,
	.create = create,
	.destroy = destroy,
	.encode = encode,
};
