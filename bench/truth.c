#include "truth.h"

#include <math.h>
#include <stdlib.h>

static int square(uint32_t a, uint32_t b, int shift)
{
	int d = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);
	return d * d;
}

static void compare(const uint32_t *shown, const struct pix_canvas *seen, struct truth *t)
{
	enum { COLOUR = 0xffffff };
	double sum = 0;

	*t = (struct truth){ 0 };
	for (int y = 0; y < seen->h; y++) {
		const uint32_t *a = shown + (size_t)y * (size_t)seen->w;
		const uint32_t *b = pix_canvas_at(seen, 0, y);
		for (int x = 0; x < seen->w; x++) {
			if ((a[x] & COLOUR) == (b[x] & COLOUR))
				continue;
			if (t->wrong_pixels++ == 0) {
				t->x = x;
				t->y = y;
			}
			sum += square(a[x], b[x], 16) + square(a[x], b[x], 8) +
			       square(a[x], b[x], 0);
		}
	}
	t->exact = t->wrong_pixels == 0;
	if (!t->exact)
		t->psnr_db = 10 * log10(255.0 * 255.0 * 3 * seen->w * seen->h / sum);
}

int truth_compare(const struct xpaint *x, const struct pix_canvas *seen, struct truth *t)
{
	uint16_t w = x->screen->width_in_pixels, h = x->screen->height_in_pixels;
	xcb_get_image_reply_t *image = xcb_get_image_reply(x->conn,
		xcb_get_image(x->conn, XCB_IMAGE_FORMAT_Z_PIXMAP, x->screen->root, 0, 0, w, h,
			UINT32_MAX),
		NULL);
	int err = OK;

	if (!image)
		return ERR_IO;
	if (seen->w != w || seen->h != h ||
		xcb_get_image_data_length(image) < (int)(sizeof(uint32_t) * w * h))
		err = ERR_PROTO;
	else
		compare((const uint32_t *)(const void *)xcb_get_image_data(image), seen, t);
	free(image);
	return err;
}
