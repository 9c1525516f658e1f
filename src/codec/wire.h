#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"
#include "pix/convert.h"
#include "pix/rect.h"
#include "pix/view.h"

/* How one kind of pixel lies on the wire: PIXEL, CPIXEL (RFC 6143 section
 * 7.7.6) or TPIXEL (rfbproto, Tight encoding) of a viewer's format. */
struct wire_pixel {
	const struct pix_convert *convert; /* borrowed */
	uint8_t bytes;                     /* 1 to 4 */
	uint8_t drop;                      /* low bits that are always 0 and not sent: 0 or 8 */
	bool big_endian;
	bool rgb; /* what is put are internal pixels, not values: bytes R, G, B */
};

void wire_pixel_init(struct wire_pixel *p, const struct pix_convert *c);
void wire_pixel_init_cpixel(struct wire_pixel *p, const struct pix_convert *c);
void wire_pixel_init_tpixel(struct wire_pixel *p, const struct pix_convert *c);

/* Writes n pixels: n * bytes bytes. */
void wire_pixel_put(const struct wire_pixel *p, uint8_t *to, const uint32_t *from, size_t n);
/* Reads n pixels as they lie, undoing no conversion. */
void wire_pixel_load(const struct wire_pixel *p, const uint8_t *from, uint32_t *to, size_t n);
/* Reads n pixels into internal ones. */
void wire_pixel_get(const struct wire_pixel *p, const uint8_t *from, uint32_t *to, size_t n);
/* Reads one internal pixel; 0 when `in` is short (rd_ok). */
uint32_t wire_pixel_read(const struct wire_pixel *p, struct rd *in);

/* The 12 bytes before each rectangle's payload, RFC 6143 section 7.6.1. */
void wire_put_header(struct buf *out, struct rect r, int32_t encoding);
/* All pixels of `v`, row by row. */
void wire_put_view(struct buf *out, const struct wire_pixel *p, const struct pix_view *v);
