#include "rfb/client_msg.h"

typedef int parse_fn(struct rd *r, unsigned ext, struct rfb_client_msg *m);

/* Every function below reads a whole message and leaves it to its caller to ask
 * whether the bytes were all there: a short read gives zeros, and zero is a
 * legal value wherever one is judged. */

static int parse_set_pixel_format(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	rd_skip(r, 3);
	pix_format_parse(r, &m->format);
	return OK;
}

static int parse_set_encodings(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	rd_skip(r, 1);
	m->body = rd_u16(r) * 4u;
	return OK;
}

static int parse_update_request(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	m->update.incremental = rd_u8(r) != 0;
	m->update.x = rd_u16(r);
	m->update.y = rd_u16(r);
	m->update.w = rd_u16(r);
	m->update.h = rd_u16(r);
	return OK;
}

static int parse_key_event(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	m->key.down = rd_u8(r) != 0;
	rd_skip(r, 2);
	m->key.keysym = rd_u32(r);
	m->key.code = 0;
	return OK;
}

static int parse_pointer_event(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	unsigned mask = rd_u8(r);
	m->pointer.x = rd_u16(r);
	m->pointer.y = rd_u16(r);
	/* With the extension bit 7 only says that one more byte follows. */
	if ((ext & RFB_EXT_MOUSE_BUTTONS) && (mask & 0x80))
		mask = (mask & 0x7f) | (rd_u8(r) & 3u) << 7;
	m->pointer.buttons = (uint16_t)mask;
	return OK;
}

static int parse_client_cut_text(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	rd_skip(r, 3);
	/* 64 bits, because -(-2^31) has no place in 32. */
	int64_t len = rd_s32(r);
	m->cut_text.extended = len < 0;
	if (len < 0) {
		if (!(ext & RFB_EXT_CLIPBOARD) || len > -4)
			return ERR_PROTO;
		len = -len;
	}
	if (len > INT32_MAX)
		return ERR_LIMIT;
	m->body = (uint32_t)len;
	return OK;
}

static int parse_enable_continuous(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	m->continuous.enable = rd_u8(r) != 0;
	m->continuous.x = rd_u16(r);
	m->continuous.y = rd_u16(r);
	m->continuous.w = rd_u16(r);
	m->continuous.h = rd_u16(r);
	return OK;
}

static int parse_fence(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	rd_skip(r, 3);
	return rfb_fence_parse(r, &m->fence);
}

static int parse_set_desktop_size(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	rd_skip(r, 1);
	m->desktop_size.w = rd_u16(r);
	m->desktop_size.h = rd_u16(r);
	m->desktop_size.n = rd_u8(r);
	rd_skip(r, 1);
	for (unsigned i = 0; i < m->desktop_size.n; i++)
		rfb_screen_parse(r, &m->desktop_size.screens[i]);
	return OK;
}

static int parse_qemu(struct rd *r, unsigned ext, struct rfb_client_msg *m)
{
	(void)ext;
	if (rd_u8(r) != 0)
		return ERR_PROTO;
	m->key.down = rd_u16(r) != 0;
	m->key.keysym = rd_u32(r);
	m->key.code = rd_u32(r);
	return OK;
}

static parse_fn *const parsers[256] = {
	[RFB_SET_PIXEL_FORMAT] = parse_set_pixel_format,
	[RFB_SET_ENCODINGS] = parse_set_encodings,
	[RFB_UPDATE_REQUEST] = parse_update_request,
	[RFB_KEY_EVENT] = parse_key_event,
	[RFB_POINTER_EVENT] = parse_pointer_event,
	[RFB_CLIENT_CUT_TEXT] = parse_client_cut_text,
	[RFB_ENABLE_CONTINUOUS_UPDATES] = parse_enable_continuous,
	[RFB_CLIENT_FENCE] = parse_fence,
	[RFB_SET_DESKTOP_SIZE] = parse_set_desktop_size,
	[RFB_QEMU_MESSAGE] = parse_qemu,
};

int rfb_client_msg_parse(struct rd *in, unsigned ext, struct rfb_client_msg *out)
{
	struct rd r = *in;
	uint8_t type = rd_u8(&r);
	if (rd_ok(&r))
		return ERR_AGAIN;
	if (!parsers[type])
		return ERR_PROTO;

	out->type = (enum rfb_client_type)type;
	out->body = 0;
	int err = parsers[type](&r, ext, out);
	if (!err)
		err = rd_ok(&r);
	if (!err)
		*in = r;
	return err;
}

int rfb_fence_parse(struct rd *r, struct rfb_fence *f)
{
	f->flags = rd_u32(r);
	f->len = rd_u8(r);
	if (f->len > RFB_FENCE_MAX)
		return ERR_PROTO;
	for (unsigned i = 0; i < f->len; i++)
		f->payload[i] = rd_u8(r);
	return OK;
}

void rfb_screen_parse(struct rd *r, struct rfb_screen *s)
{
	s->id = rd_u32(r);
	s->x = rd_u16(r);
	s->y = rd_u16(r);
	s->w = rd_u16(r);
	s->h = rd_u16(r);
	s->flags = rd_u32(r);
}

void rfb_put_screens(struct buf *out, const struct rfb_screen *screens, uint8_t n)
{
	for (unsigned i = 0; i < n; i++) {
		buf_put_u32(out, screens[i].id);
		buf_put_u16(out, screens[i].x);
		buf_put_u16(out, screens[i].y);
		buf_put_u16(out, screens[i].w);
		buf_put_u16(out, screens[i].h);
		buf_put_u32(out, screens[i].flags);
	}
}

void rfb_put_set_pixel_format(struct buf *out, const struct pix_format *f)
{
	buf_put_u8(out, RFB_SET_PIXEL_FORMAT);
	buf_put_zero(out, 3);
	pix_format_put(out, f);
}

void rfb_put_set_encodings(struct buf *out, const int32_t *encodings, uint16_t n)
{
	buf_put_u8(out, RFB_SET_ENCODINGS);
	buf_put_zero(out, 1);
	buf_put_u16(out, n);
	for (unsigned i = 0; i < n; i++)
		buf_put_u32(out, (uint32_t)encodings[i]);
}

void rfb_put_update_request(
	struct buf *out, bool incremental, uint16_t x, uint16_t y, uint16_t w, uint16_t h)
{
	buf_put_u8(out, RFB_UPDATE_REQUEST);
	buf_put_u8(out, incremental);
	buf_put_u16(out, x);
	buf_put_u16(out, y);
	buf_put_u16(out, w);
	buf_put_u16(out, h);
}

void rfb_put_key_event(struct buf *out, bool down, uint32_t keysym)
{
	buf_put_u8(out, RFB_KEY_EVENT);
	buf_put_u8(out, down);
	buf_put_zero(out, 2);
	buf_put_u32(out, keysym);
}

void rfb_put_qemu_key_event(struct buf *out, bool down, uint32_t keysym, uint32_t code)
{
	buf_put_u8(out, RFB_QEMU_MESSAGE);
	buf_put_u8(out, 0);
	buf_put_u16(out, down);
	buf_put_u32(out, keysym);
	buf_put_u32(out, code);
}

void rfb_put_pointer_event(struct buf *out, bool extended, uint16_t buttons, uint16_t x, uint16_t y)
{
	unsigned high = buttons >> 7 & 3u;
	bool longer = extended && high;
	unsigned mask = extended ? (buttons & 0x7fu) | (longer ? 0x80u : 0u) : buttons & 0xffu;

	buf_put_u8(out, RFB_POINTER_EVENT);
	buf_put_u8(out, (uint8_t)mask);
	buf_put_u16(out, x);
	buf_put_u16(out, y);
	if (longer)
		buf_put_u8(out, (uint8_t)high);
}

void rfb_put_client_cut_text(struct buf *out, const char *latin1, uint32_t len)
{
	buf_put_u8(out, RFB_CLIENT_CUT_TEXT);
	buf_put_zero(out, 3);
	buf_put_u32(out, len);
	buf_put(out, latin1, len);
}

void rfb_put_enable_continuous_updates(
	struct buf *out, bool enable, uint16_t x, uint16_t y, uint16_t w, uint16_t h)
{
	buf_put_u8(out, RFB_ENABLE_CONTINUOUS_UPDATES);
	buf_put_u8(out, enable);
	buf_put_u16(out, x);
	buf_put_u16(out, y);
	buf_put_u16(out, w);
	buf_put_u16(out, h);
}

void rfb_put_set_desktop_size(
	struct buf *out, uint16_t w, uint16_t h, const struct rfb_screen *screens, uint8_t n)
{
	buf_put_u8(out, RFB_SET_DESKTOP_SIZE);
	buf_put_zero(out, 1);
	buf_put_u16(out, w);
	buf_put_u16(out, h);
	buf_put_u8(out, n);
	buf_put_zero(out, 1);
	rfb_put_screens(out, screens, n);
}

void rfb_put_fence(struct buf *out, const struct rfb_fence *f)
{
	buf_put_u8(out, RFB_CLIENT_FENCE);
	buf_put_zero(out, 3);
	buf_put_u32(out, f->flags);
	buf_put_u8(out, f->len);
	buf_put(out, f->payload, f->len);
}
