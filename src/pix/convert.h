#pragma once
#include "pix/dsp.h"
#include "pix/format.h"
#include "pix/view.h"

/* Where one channel lies in a value, and the way there and back. */
struct pix_channel {
	uint8_t shift, bits;
	uint32_t value[256]; /* a channel byte -> its bits in the value, in place */
	uint8_t back[256];   /* the channel's (upper 8) bits -> a byte */
};

/* Conversion between the internal 0x00RRGGBB and a viewer's pixel *values*: the
 * number its format gives a colour, one uint32_t each, host order. Encoders
 * work on such values and write them with as many bytes as the wire wants, so
 * there is one copy of each encoder for every pixel format. */
struct pix_convert {
	struct pix_format format;
	bool identity; /* values equal the internal format: nothing to do */
	bool bytes;    /* each channel has 8 bits: shifting is enough */
	struct pix_dsp dsp;
	struct pix_channel red, green, blue;
};

/* `format` must be valid. A colour map format converts as BGR233. */
void pix_convert_init(struct pix_convert *c, const struct pix_format *format);
/* One colour to the viewer's value. */
uint32_t pix_convert_one(const struct pix_convert *c, uint32_t rgb);
/* One value back to 0x00RRGGBB (8-bit channels rounded up from fewer bits). */
uint32_t pix_convert_back(const struct pix_convert *c, uint32_t value);
/* n of each; `to` may be `from` itself. */
void pix_convert_row(const struct pix_convert *c, const uint32_t *from, uint32_t *to, size_t n);
void pix_convert_row_back(
	const struct pix_convert *c, const uint32_t *from, uint32_t *to, size_t n);
/* All of `from` into `to`, which has at least its size. */
void pix_convert_view(
	const struct pix_convert *c, const struct pix_view *from, const struct pix_canvas *to);
