#include <stdlib.h>

#include "codec/encoder.h"
#include "codec/wire.h"

/* RFC 6143 section 7.7.1. */

extern const struct encoder_ops enc_raw_ops;

static struct encoder *create(void)
{
	struct encoder *e = calloc(1, sizeof(*e));
	if (e)
		e->ops = &enc_raw_ops;
	return e;
}

static void destroy(struct encoder *self)
{
	free(self);
}

static int encode(struct encoder *self, const struct encoder_job *job, struct buf *out)
{
	(void)self;
	struct wire_pixel pixel;
	wire_pixel_init(&pixel, job->convert);
	wire_put_header(out, job->at, enc_raw_ops.wire_id);
	wire_put_view(out, &pixel, &job->value);
	return buf_ok(out) ? buf_ok(out) : 1;
}

const struct encoder_ops enc_raw_ops = {
	.name = "raw",
	.wire_id = 0,
	.scope = ENCODER_BLOCK,
	.create = create,
	.destroy = destroy,
	.encode = encode,
};
