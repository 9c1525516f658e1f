#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "base/err.h"

/* How the root window's pixels lie in an image. */
struct x11_format {
	bool native;  /* 32 bits, 8-8-8 at 16/8/0, our byte order: nothing to convert */
	bool swapped; /* the server's byte order is not ours */
	int bytes;    /* a pixel: 2 or 4 */
	struct {
		int shift;
		uint32_t mask;        /* after the shift */
		uint32_t value[1024]; /* channel -> its bits in 0x00RRGGBB */
	} channel[3];                 /* red, green, blue */
};

/* OK, or ERR_PROTO with a line for the user: an indexed or an odd format. */
MUST_USE int x11_format_init(struct x11_format *f, const xcb_setup_t *setup,
	const xcb_screen_t *screen, char *error, size_t error_size);

/* Bytes from one row to the next in an image w pixels wide. */
size_t x11_format_stride(const struct x11_format *f, int w);

/* n pixels from an image's row into 0x00RRGGBB. A native format keeps the top
 * byte, which the X server does not define. */
void x11_format_row(const struct x11_format *f, uint32_t *to, const void *from, size_t n);
