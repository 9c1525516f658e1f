#include "pix/convert.h"
#include "rfb/encoding.h"
#include "rfb/server_msg.h"

static uint8_t alpha_of(uint32_t argb)
{
	return (uint8_t)(argb >> 24);
}

static bool is_opaque(uint32_t argb)
{
	return alpha_of(argb) >= 0x80;
}

static uint32_t straight_channel(uint32_t v, uint32_t alpha)
{
	uint32_t s = (v * 255 + alpha / 2) / alpha;
	return s > 255 ? 255 : s;
}

/* Premultiplied to straight alpha. Nothing is left of a fully transparent colour. */
static uint32_t straight(uint32_t argb)
{
	uint32_t a = alpha_of(argb);
	if (a == 0)
		return 0;
	return a << 24 | straight_channel(argb >> 16 & 0xff, a) << 16 |
	       straight_channel(argb >> 8 & 0xff, a) << 8 | straight_channel(argb & 0xff, a);
}

static bool is_dark(uint32_t argb)
{
	uint32_t c = straight(argb);
	uint32_t r = c >> 16 & 0xff, g = c >> 8 & 0xff, b = c & 0xff;
	return r * 30 + g * 59 + b * 11 < 128 * 100;
}

static bool is_dark_and_opaque(uint32_t argb)
{
	return is_opaque(argb) && is_dark(argb);
}

/* w*h bits, most significant first, each row filled up to a byte. */
static void put_bitmap(struct buf *out, const uint32_t *argb, int w, int h, bool (*bit)(uint32_t))
{
	for (int y = 0; y < h; y++) {
		const uint32_t *row = argb + (ptrdiff_t)y * w;
		for (int x = 0; x < w; x += 8) {
			unsigned byte = 0;
			for (int i = 0; i < 8 && x + i < w; i++)
				byte |= bit(row[x + i]) ? 0x80u >> i : 0u;
			buf_put_u8(out, (uint8_t)byte);
		}
	}
}

static void put_value(struct buf *out, const struct pix_format *f, uint32_t v)
{
	if (f->bpp == 8) {
		buf_put_u8(out, (uint8_t)v);
	} else if (f->bpp == 16) {
		uint16_t swapped = (uint16_t)((v & 0xff) << 8 | (v >> 8 & 0xff));
		buf_put_u16(out, f->big_endian ? (uint16_t)v : swapped);
	} else {
		buf_put_u32(out, f->big_endian ? v : __builtin_bswap32(v));
	}
}

static void put_rgba(struct buf *out, uint32_t argb)
{
	buf_put_u32(out, argb << 8 | argb >> 24);
}

void rfb_put_cursor(struct buf *out, const struct pix_convert *convert, const uint32_t *argb, int w,
	int h, int hot_x, int hot_y)
{
	rfb_put_rect(out, (struct rect){ hot_x, hot_y, w, h }, RFB_CURSOR);
	for (int i = 0; i < w * h; i++) {
		uint32_t rgb = is_opaque(argb[i]) ? straight(argb[i]) & 0xffffff : 0;
		put_value(out, &convert->format, pix_convert_one(convert, rgb));
	}
	put_bitmap(out, argb, w, h, is_opaque);
}

void rfb_put_xcursor(struct buf *out, const uint32_t *argb, int w, int h, int hot_x, int hot_y)
{
	static const uint8_t black_on_white[6] = { 0, 0, 0, 255, 255, 255 };

	rfb_put_rect(out, (struct rect){ hot_x, hot_y, w, h }, RFB_XCURSOR);
	if (w * h == 0)
		return;
	buf_put(out, black_on_white, sizeof(black_on_white));
	put_bitmap(out, argb, w, h, is_dark_and_opaque);
	put_bitmap(out, argb, w, h, is_opaque);
}

void rfb_put_cursor_with_alpha(
	struct buf *out, const uint32_t *argb, int w, int h, int hot_x, int hot_y)
{
	rfb_put_rect(out, (struct rect){ hot_x, hot_y, w, h }, RFB_CURSOR_WITH_ALPHA);
	buf_put_u32(out, RFB_RAW);
	for (int i = 0; i < w * h; i++)
		put_rgba(out, argb[i]);
}

void rfb_put_vmware_cursor(
	struct buf *out, const uint32_t *argb, int w, int h, int hot_x, int hot_y)
{
	enum { TYPE_ALPHA = 1 };

	rfb_put_rect(out, (struct rect){ hot_x, hot_y, w, h }, RFB_VMWARE_CURSOR);
	buf_put_u8(out, TYPE_ALPHA);
	buf_put_zero(out, 1);
	for (int i = 0; i < w * h; i++)
		put_rgba(out, straight(argb[i]));
}
