#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"
#include "pix/view.h"

/* A viewer's pixel format, RFC 6143 section 7.4. */
struct pix_format {
	uint8_t bpp;   /* bits per pixel: 8, 16 or 32 */
	uint8_t depth; /* useful bits, 1 to bpp */
	bool big_endian;
	bool true_colour; /* false: 8 bpp colour map; we then send BGR233 as the map */
	uint16_t red_max, green_max, blue_max; /* 2^n - 1 */
	uint8_t red_shift, green_shift, blue_shift;
};

/* The internal format on the wire: 32 bpp, depth 24, little-endian, 16/8/0. */
extern const struct pix_format pix_format_native;

/* Only what RFC 6143 allows: bpp 8/16/32, max 2^n-1, shift + bits <= bpp, no
 * overlap of the three channels; a colour map only at 8 bpp. */
bool pix_format_valid(const struct pix_format *f);
bool pix_format_equal(const struct pix_format *a, const struct pix_format *b);
int pix_format_bytes(const struct pix_format *f); /* per pixel: 1, 2, 4 */

/* The 16 bytes of PIXEL_FORMAT. Parse does not judge: ask pix_format_valid(). */
void pix_format_put(struct buf *out, const struct pix_format *f);
void pix_format_parse(struct rd *in, struct pix_format *f);
