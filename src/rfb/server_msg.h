#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"
#include "pix/format.h"
#include "pix/rect.h"
#include "rfb/client_msg.h"

/* Messages a server sends: RFC 6143 section 7.6 and rfbproto "Server to Client
 * Messages". Padding is always zero. */
enum rfb_server_type {
	RFB_FRAMEBUFFER_UPDATE = 0,
	RFB_SET_COLOUR_MAP = 1,
	RFB_BELL = 2,
	RFB_SERVER_CUT_TEXT = 3,
	RFB_END_OF_CONTINUOUS_UPDATES = 150,
	RFB_SERVER_FENCE = 248,
};

/* `name` is UTF-8; cut at 1024 bytes. */
void rfb_put_server_init(
	struct buf *out, uint16_t w, uint16_t h, const struct pix_format *f, const char *name);
/* Starts an update of n rectangles and returns where it starts, for rfb_set_update_count(). */
size_t rfb_put_update(struct buf *out, uint16_t n);
void rfb_set_update_count(struct buf *out, size_t start, uint16_t n);
void rfb_put_rect(struct buf *out, struct rect r, int32_t encoding);
/* The 256 colours of BGR233 (see pix/convert.h). */
void rfb_put_colour_map_bgr233(struct buf *out);
void rfb_put_bell(struct buf *out);
void rfb_put_server_cut_text(struct buf *out, const char *latin1, uint32_t len);
void rfb_put_end_of_continuous_updates(struct buf *out);

/* Whole rectangles (head and body) for an update: */
void rfb_put_copy_rect(struct buf *out, struct rect to, int from_x, int from_y);
void rfb_put_desktop_size(struct buf *out, uint16_t w, uint16_t h);
/* rfbproto "ExtendedDesktopSize": `reason` 0 server, 1 this client asked, 2 another
 * client; `result` as enum screen_resized. */
void rfb_put_extended_desktop_size(struct buf *out, int reason, int result, uint16_t w, uint16_t h,
	const struct rfb_screen *screens, uint8_t n);
void rfb_put_desktop_name(struct buf *out, const char *name);
void rfb_put_led_state(struct buf *out, uint8_t leds);         /* QEMU form */
void rfb_put_vmware_led_state(struct buf *out, uint32_t leds); /* VMware form */
void rfb_put_last_rect(struct buf *out);

/* Cursor shapes from premultiplied 0xAARRGGBB, w*h pixels without gaps; w = h =
 * 0 hides it. `convert` is the viewer's format (the form for it: value bytes as
 * in a Raw rectangle). */
struct pix_convert;
void rfb_put_cursor(struct buf *out, const struct pix_convert *convert, const uint32_t *argb, int w,
	int h, int hot_x, int hot_y); /* -239: alpha cut at one half */
void rfb_put_xcursor(struct buf *out, const uint32_t *argb, int w, int h, int hot_x,
	int hot_y); /* -240: two colours */
void rfb_put_cursor_with_alpha(struct buf *out, const uint32_t *argb, int w, int h, int hot_x,
	int hot_y); /* -314, in Raw */
void rfb_put_vmware_cursor(struct buf *out, const uint32_t *argb, int w, int h, int hot_x,
	int hot_y); /* type 1, straight (not premultiplied) RGBA as TigerVNC sends and noVNC draws
		     */
