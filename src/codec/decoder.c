#include "codec/decoder.h"

#include <stddef.h>

extern const struct decoder_ops dec_raw_ops, dec_copy_rect_ops, dec_rre_ops, dec_corre_ops,
	dec_hextile_ops, dec_zlib_ops, dec_tight_ops, dec_zrle_ops;

/* The one place that knows which decoders exist. */
static const struct decoder_ops *const all[] = {
	&dec_raw_ops,
	&dec_copy_rect_ops,
	&dec_rre_ops,
	&dec_corre_ops,
	&dec_hextile_ops,
	&dec_zlib_ops,
	&dec_tight_ops,
	&dec_zrle_ops,
};

const struct decoder_ops *decoder_find(int32_t wire_id)
{
	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		if (all[i]->wire_id == wire_id)
			return all[i];
	return NULL;
}

void decoder_destroy(struct decoder *self)
{
	if (self)
		self->ops->destroy(self);
}

int decoder_decode(struct decoder *self, struct rd *in, struct rect at,
	const struct pix_convert *convert, const struct pix_canvas *to)
{
	return self->ops->decode(self, in, at, convert, to);
}
