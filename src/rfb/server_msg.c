#include "rfb/server_msg.h"

#include <string.h>

#include "rfb/encoding.h"

enum { NAME_MAX_BYTES = 1024 };

/* A U32 length and at most NAME_MAX_BYTES of UTF-8, never half a character. */
static void put_name(struct buf *out, const char *name)
{
	size_t n = strnlen(name, NAME_MAX_BYTES + 1);
	if (n > NAME_MAX_BYTES) {
		n = NAME_MAX_BYTES;
		while (n > 0 && ((uint8_t)name[n] & 0xc0) == 0x80)
			n--;
	}
	buf_put_u32(out, (uint32_t)n);
	buf_put(out, name, n);
}

void rfb_put_server_init(
	struct buf *out, uint16_t w, uint16_t h, const struct pix_format *f, const char *name)
{
	buf_put_u16(out, w);
	buf_put_u16(out, h);
	pix_format_put(out, f);
	put_name(out, name);
}

size_t rfb_put_update(struct buf *out, uint16_t n)
{
	size_t start = out->len;
	buf_put_u8(out, RFB_FRAMEBUFFER_UPDATE);
	buf_put_zero(out, 1);
	buf_put_u16(out, n);
	return start;
}

void rfb_set_update_count(struct buf *out, size_t start, uint16_t n)
{
	buf_set_u16(out, start + 2, n);
}

void rfb_put_rect(struct buf *out, struct rect r, int32_t encoding)
{
	buf_put_u16(out, (uint16_t)r.x);
	buf_put_u16(out, (uint16_t)r.y);
	buf_put_u16(out, (uint16_t)r.w);
	buf_put_u16(out, (uint16_t)r.h);
	buf_put_u32(out, (uint32_t)encoding);
}

void rfb_put_colour_map_bgr233(struct buf *out)
{
	buf_put_u8(out, RFB_SET_COLOUR_MAP);
	buf_put_zero(out, 1);
	buf_put_u16(out, 0);
	buf_put_u16(out, 256);
	for (unsigned i = 0; i < 256; i++) {
		buf_put_u16(out, (uint16_t)((i & 7) * 0xffff / 7));
		buf_put_u16(out, (uint16_t)((i >> 3 & 7) * 0xffff / 7));
		buf_put_u16(out, (uint16_t)((i >> 6 & 3) * 0xffff / 3));
	}
}

void rfb_put_bell(struct buf *out)
{
	buf_put_u8(out, RFB_BELL);
}

void rfb_put_server_cut_text(struct buf *out, const char *latin1, uint32_t len)
{
	buf_put_u8(out, RFB_SERVER_CUT_TEXT);
	buf_put_zero(out, 3);
	buf_put_u32(out, len);
	buf_put(out, latin1, len);
}

void rfb_put_end_of_continuous_updates(struct buf *out)
{
	buf_put_u8(out, RFB_END_OF_CONTINUOUS_UPDATES);
}

void rfb_put_copy_rect(struct buf *out, struct rect to, int from_x, int from_y)
{
	rfb_put_rect(out, to, RFB_COPY_RECT);
	buf_put_u16(out, (uint16_t)from_x);
	buf_put_u16(out, (uint16_t)from_y);
}

void rfb_put_desktop_size(struct buf *out, uint16_t w, uint16_t h)
{
	rfb_put_rect(out, (struct rect){ 0, 0, w, h }, RFB_DESKTOP_SIZE);
}

void rfb_put_extended_desktop_size(struct buf *out, int reason, int result, uint16_t w, uint16_t h,
	const struct rfb_screen *screens, uint8_t n)
{
	rfb_put_rect(out, (struct rect){ reason, result, w, h }, RFB_EXTENDED_DESKTOP_SIZE);
	buf_put_u8(out, n);
	buf_put_zero(out, 3);
	rfb_put_screens(out, screens, n);
}

void rfb_put_desktop_name(struct buf *out, const char *name)
{
	rfb_put_rect(out, (struct rect){ 0 }, RFB_DESKTOP_NAME);
	put_name(out, name);
}

void rfb_put_led_state(struct buf *out, uint8_t leds)
{
	rfb_put_rect(out, (struct rect){ 0 }, RFB_QEMU_LED);
	buf_put_u8(out, leds);
}

void rfb_put_vmware_led_state(struct buf *out, uint32_t leds)
{
	rfb_put_rect(out, (struct rect){ 0 }, RFB_VMWARE_LED);
	buf_put_u32(out, leds);
}

void rfb_put_last_rect(struct buf *out)
{
	rfb_put_rect(out, (struct rect){ 0 }, RFB_LAST_RECT);
}
