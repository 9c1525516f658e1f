#pragma once
#include "pix/format.h"
#include "pix/view.h"

/* Conversion between the internal 0x00RRGGBB and a viewer's pixel *values*: the
 * number its format gives a colour, one uint32_t each, host order. Encoders
 * work on such values and write them with as many bytes as the wire wants, so
 * there is one copy of each encoder for every pixel format. */
struct pix_convert {
	struct pix_format format;
	bool identity; /* values equal the internal format: nothing to do */
	uint32_t red[256], green[256], blue[256]; /* channel byte -> its bits in the value */
	uint8_t red_back[256], green_back[256], blue_back[256]; /* see pix_convert_back */
};

/* `format` must be valid. A colour map format converts as BGR233. */
void pix_convert_init(struct pix_convert *c, const struct pix_format *format);
/* One colour to the viewer's value. */
uint32_t pix_convert_one(const struct pix_convert *c, uint32_t rgb);
/* One value back to 0x00RRGGBB (8-bit channels rounded up from fewer bits). */
uint32_t pix_convert_back(const struct pix_convert *c, uint32_t value);
/* All of `from` into `to`, which has at least its size. */
void pix_convert_view(const struct pix_convert *c, const struct pix_view *from,
	const struct pix_canvas *to);
