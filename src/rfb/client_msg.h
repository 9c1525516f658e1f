#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rd.h"
#include "pix/format.h"

/* Messages a viewer sends: RFC 6143 section 7.5 and rfbproto "Client to Server
 * Messages". Pure: bytes in, one value out; and back, for the client. */
enum rfb_client_type {
	RFB_SET_PIXEL_FORMAT = 0,
	RFB_SET_ENCODINGS = 2,
	RFB_UPDATE_REQUEST = 3,
	RFB_KEY_EVENT = 4,
	RFB_POINTER_EVENT = 5,
	RFB_CLIENT_CUT_TEXT = 6,
	RFB_ENABLE_CONTINUOUS_UPDATES = 150,
	RFB_CLIENT_FENCE = 248,
	RFB_SET_DESKTOP_SIZE = 251,
	RFB_QEMU_MESSAGE = 255, /* submessage 0, extended key event, only */
};

enum {
	RFB_FENCE_MAX = 64,                            /* payload bytes */
	RFB_SCREENS_MAX = 255,                         /* of SetDesktopSize: what a U8 can count */
	RFB_CLIENT_MSG_MAX = 8 + RFB_SCREENS_MAX * 16, /* longest message without its bulk body */
};

enum rfb_fence_flag {
	RFB_FENCE_BLOCK_BEFORE = 1u << 0,
	RFB_FENCE_BLOCK_AFTER = 1u << 1,
	RFB_FENCE_SYNC_NEXT = 1u << 2,
};
#define RFB_FENCE_REQUEST 0x80000000u

struct rfb_fence {
	uint32_t flags; /* as on the wire */
	uint8_t len;    /* <= RFB_FENCE_MAX */
	uint8_t payload[RFB_FENCE_MAX];
};

struct rfb_screen {
	uint32_t id;
	uint16_t x, y, w, h;
	uint32_t flags;
};

struct rfb_client_msg {
	enum rfb_client_type type;
	/* Bytes of bulk body that follow the parsed head on the wire: 4 for each
	 * encoding of SetEncodings, the text of ClientCutText. Otherwise 0. */
	uint32_t body;
	union {
		struct pix_format format; /* not judged: ask pix_format_valid() */
		struct {
			bool incremental;
			uint16_t x, y, w, h;
		} update;
		struct {
			bool down;
			uint32_t keysym;
			uint32_t code; /* XT scan code of the QEMU message, else 0 */
		} key;
		struct {
			uint16_t buttons; /* bits 0..8, see screen.h; 7 and 8 back, forward */
			uint16_t x, y;
		} pointer;
		struct {
			bool extended; /* length was negative: extended clipboard */
		} cut_text;
		struct {
			bool enable;
			uint16_t x, y, w, h;
		} continuous;
		struct rfb_fence fence;
		struct {
			uint16_t w, h;
			uint8_t n;
			struct rfb_screen screens[RFB_SCREENS_MAX];
		} desktop_size;
	};
};

/* Extensions that change how a message reads. */
enum { RFB_EXT_MOUSE_BUTTONS = 1 << 0, RFB_EXT_CLIPBOARD = 1 << 1 };

/* Decodes one message from the front of `in`; for one with a bulk body the head
 * only. On OK the cursor has moved past it; on ERR_AGAIN nothing was consumed.
 * ERR_PROTO: unknown type, a fence over 64 bytes, an extended cut text of under
 * 4 bytes or without RFB_EXT_CLIPBOARD. ERR_LIMIT: cut text longer than 2^31 - 1.
 * What a length is allowed to be is the caller's to decide, before the body. */
MUST_USE int rfb_client_msg_parse(struct rd *in, unsigned ext, struct rfb_client_msg *out);

/* The client's side: appends messages. */
void rfb_put_set_pixel_format(struct buf *out, const struct pix_format *f);
void rfb_put_set_encodings(struct buf *out, const int32_t *encodings, uint16_t n);
void rfb_put_update_request(
	struct buf *out, bool incremental, uint16_t x, uint16_t y, uint16_t w, uint16_t h);
void rfb_put_key_event(struct buf *out, bool down, uint32_t keysym);
void rfb_put_qemu_key_event(struct buf *out, bool down, uint32_t keysym, uint32_t code);
/* `extended`: the server acknowledged extended mouse buttons (bits 7 and 8). */
void rfb_put_pointer_event(
	struct buf *out, bool extended, uint16_t buttons, uint16_t x, uint16_t y);
void rfb_put_client_cut_text(struct buf *out, const char *latin1, uint32_t len);
void rfb_put_enable_continuous_updates(
	struct buf *out, bool enable, uint16_t x, uint16_t y, uint16_t w, uint16_t h);
void rfb_put_set_desktop_size(
	struct buf *out, uint16_t w, uint16_t h, const struct rfb_screen *screens, uint8_t n);
/* A fence reads the same in both directions. `f->len` <= RFB_FENCE_MAX. */
void rfb_put_fence(struct buf *out, const struct rfb_fence *f);

/* Pieces that messages of both directions share. The readers leave rd_ok() to
 * the caller; a fence of over 64 bytes is ERR_PROTO. */
MUST_USE int rfb_fence_parse(struct rd *r, struct rfb_fence *f); /* from `flags` on */
void rfb_screen_parse(struct rd *r, struct rfb_screen *s);
void rfb_put_screens(struct buf *out, const struct rfb_screen *screens, uint8_t n);
