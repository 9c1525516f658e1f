#include "codec/encoder.h"

#include <stddef.h>

extern const struct encoder_ops enc_raw_ops, enc_rre_ops, enc_corre_ops, enc_hextile_ops,
	enc_zlib_ops, enc_tight_ops, enc_zrle_ops;

/* The one place that knows which encoders exist. */
static const struct encoder_ops *const all[] = {
	&enc_raw_ops,
	&enc_rre_ops,
	&enc_corre_ops,
	&enc_hextile_ops,
	&enc_zlib_ops,
	&enc_tight_ops,
	&enc_zrle_ops,
};

const struct encoder_ops *encoder_at(unsigned i)
{
	return i < ARRAY_LEN(all) ? all[i] : NULL;
}

const struct encoder_ops *encoder_find(int32_t wire_id)
{
	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		if (all[i]->wire_id == wire_id)
			return all[i];
	return NULL;
}

bool encoder_needs_value(const struct encoder *self, const struct pix_convert *convert)
{
	if (convert->identity)
		return false;
	return !self->ops->reads_rgb || !self->ops->reads_rgb(convert);
}

void encoder_destroy(struct encoder *self)
{
	if (self)
		self->ops->destroy(self);
}

int encoder_encode(struct encoder *self, const struct encoder_job *job, struct buf *out)
{
	return self->ops->encode(self, job, out);
}
