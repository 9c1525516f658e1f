/* A server's rectangles into a decoder: the encoding's number, width - 1 and
 * height - 1 (a byte each), a PIXEL_FORMAT, then payloads of rectangles of that
 * size, one after the other. */
#include <stdlib.h>

#include "codec/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_all(struct decoder *d, struct rd *in, const struct pix_convert *convert,
	const struct pix_canvas *to)
{
	struct rect at = { 0, 0, to->w, to->h };
	size_t before;
	do {
		before = in->left;
		int err = decoder_decode(d, in, at, convert, to);
		if (err == ERR_AGAIN && in->left != before)
			abort();
		if (err)
			return;
	} while (in->left < before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	const struct decoder_ops *ops = decoder_find(rd_u8(&in));
	int w = rd_u8(&in) + 1, h = rd_u8(&in) + 1;
	struct pix_format format;
	pix_format_parse(&in, &format);
	if (!ops || rd_ok(&in) || !pix_format_valid(&format))
		return 0;

	struct pix_convert convert;
	pix_convert_init(&convert, &format);
	struct pix_canvas to = { calloc((size_t)(w * h), 4), w, w, h };
	struct decoder *d = ops->create();
	if (to.px && d)
		decode_all(d, &in, &convert, &to);
	decoder_destroy(d);
	free(to.px);
	return 0;
}
