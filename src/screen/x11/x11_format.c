#include "screen/x11/x11_format.h"

#include <stdio.h>
#include <string.h>

static const xcb_visualtype_t *root_visual(const xcb_screen_t *screen)
{
	xcb_depth_iterator_t d = xcb_screen_allowed_depths_iterator(screen);
	for (; d.rem; xcb_depth_next(&d)) {
		xcb_visualtype_iterator_t v = xcb_depth_visuals_iterator(d.data);
		for (; v.rem; xcb_visualtype_next(&v)) {
			if (v.data->visual_id == screen->root_visual)
				return v.data;
		}
	}
	return NULL;
}

static int bits_per_pixel(const xcb_setup_t *setup, int depth)
{
	xcb_format_iterator_t it = xcb_setup_pixmap_formats_iterator(setup);
	for (; it.rem; xcb_format_next(&it)) {
		if (it.data->depth == depth)
			return it.data->bits_per_pixel;
	}
	return 0;
}

static bool channel_init(struct x11_format *f, int i, uint32_t mask)
{
	if (!mask)
		return false;
	int shift = __builtin_ctz(mask), to = 16 - 8 * i;
	uint32_t max = mask >> shift;
	f->channel[i].shift = shift;
	f->channel[i].mask = max;
	if (max >= 1024 || (max & (max + 1)))
		return false;
	for (uint32_t v = 0; v <= max; v++)
		f->channel[i].value[v] = (v * 255 + max / 2) / max << to;
	return true;
}

int x11_format_init(struct x11_format *f, const xcb_setup_t *setup, const xcb_screen_t *screen,
	char *error, size_t error_size)
{
	const uint16_t one = 1;
	bool little = *(const uint8_t *)&one;
	const xcb_visualtype_t *v = root_visual(screen);
	int bpp = bits_per_pixel(setup, screen->root_depth);
	*f = (struct x11_format){ .bytes = bpp / 8 };
	f->swapped = (setup->image_byte_order == XCB_IMAGE_ORDER_LSB_FIRST) != little;
	bool ok = v && (bpp == 16 || bpp == 32) && v->_class >= XCB_VISUAL_CLASS_TRUE_COLOR &&
		  channel_init(f, 0, v->red_mask) && channel_init(f, 1, v->green_mask) &&
		  channel_init(f, 2, v->blue_mask);
	if (!ok) {
		snprintf(error, error_size,
			"this display has %d colour bits in a form that cannot be shared: "
			"start it with a depth of 24",
			screen->root_depth);
		return ERR_PROTO;
	}
	f->native = bpp == 32 && !f->swapped && v->red_mask == 0xff0000 &&
		    v->green_mask == 0xff00 && v->blue_mask == 0xff;
	return OK;
}

size_t x11_format_stride(const struct x11_format *f, int w)
{
	return ((size_t)w * (size_t)f->bytes + 3) & ~(size_t)3;
}

static uint32_t convert(const struct x11_format *f, uint32_t v)
{
	uint32_t out = 0;
	for (int i = 0; i < 3; i++)
		out |= f->channel[i].value[v >> f->channel[i].shift & f->channel[i].mask];
	return out;
}

static void row_16(const struct x11_format *f, uint32_t *to, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t v;
		memcpy(&v, from + 2 * i, sizeof(v));
		to[i] = convert(f, f->swapped ? __builtin_bswap16(v) : v);
	}
}

static void row_32(const struct x11_format *f, uint32_t *to, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t v;
		memcpy(&v, from + 4 * i, sizeof(v));
		to[i] = convert(f, f->swapped ? __builtin_bswap32(v) : v);
	}
}

void x11_format_row(const struct x11_format *f, uint32_t *to, const void *from, size_t n)
{
	if (f->native)
		memcpy(to, from, n * sizeof(*to));
	else if (f->bytes == 2)
		row_16(f, to, from, n);
	else
		row_32(f, to, from, n);
}
