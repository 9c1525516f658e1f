#include <string.h>

#include "base/clock.h"
#include "desktop/desktop_private.h"
#include "desktop/soft_cursor.h"
#include "rfb/encoding.h"
#include "rfb/ext_clipboard.h"
#include "rfb/server_msg.h"

/* What a running viewer says. Messages change the viewer's state here; what
 * they lead to is sent by update.c when a frame comes. */

typedef int handle_fn(struct viewer *v);

static int on_set_pixel_format(struct viewer *v)
{
	if (!pix_format_valid(&v->msg.format))
		return ERR_PROTO;
	pix_convert_init(&v->convert, &v->msg.format);
	viewer_damage_all(v); /* pixels of a coarser format must not stay */
	if (!v->msg.format.true_colour)
		rfb_put_colour_map_bgr233(&v->out);
	/* Cursor pixels are in the viewer's format too. */
	if (v->features & FEATURE_ANY_CURSOR)
		v->news |= NEWS_CURSOR;
	return OK;
}

static int on_set_encodings(struct viewer *v)
{
	v->choice = (struct viewer_choice){ .settings = { .quality = -1, .compress = -1 } };
	return OK;
}

static const struct {
	int32_t encoding;
	unsigned feature;
} features[] = {
	{ RFB_COPY_RECT, FEATURE_COPY_RECT },
	{ RFB_DESKTOP_SIZE, FEATURE_DESKTOP_SIZE },
	{ RFB_EXTENDED_DESKTOP_SIZE, FEATURE_EXTENDED_DESKTOP_SIZE },
	{ RFB_DESKTOP_NAME, FEATURE_DESKTOP_NAME },
	{ RFB_FENCE, FEATURE_FENCE },
	{ RFB_CONTINUOUS_UPDATES, FEATURE_CONTINUOUS },
	{ RFB_QEMU_KEY, FEATURE_QEMU_KEY },
	{ RFB_EXTENDED_MOUSE, FEATURE_MOUSE },
	{ RFB_QEMU_LED, FEATURE_QEMU_LED },
	{ RFB_VMWARE_LED, FEATURE_VMWARE_LED },
	{ RFB_EXTENDED_CLIPBOARD, FEATURE_EXT_CLIPBOARD },
	{ RFB_CURSOR, FEATURE_CURSOR },
	{ RFB_XCURSOR, FEATURE_XCURSOR },
	{ RFB_CURSOR_WITH_ALPHA, FEATURE_ALPHA_CURSOR },
	{ RFB_VMWARE_CURSOR, FEATURE_VMWARE_CURSOR },
};

static void take_encoding(struct viewer_choice *c, int32_t encoding)
{
	if (encoding >= RFB_QUALITY_0 && encoding <= RFB_QUALITY_9)
		c->settings.quality = encoding - RFB_QUALITY_0;
	if (encoding >= RFB_COMPRESS_0 && encoding <= RFB_COMPRESS_9)
		c->settings.compress = encoding - RFB_COMPRESS_0;
	for (size_t i = 0; i < ARRAY_LEN(features); i++)
		if (features[i].encoding == encoding)
			c->features |= features[i].feature;
	if (!c->encoding)
		c->encoding = encoder_find(encoding);
}

/* What a viewer was to be told of features that it does not list any more. */
static void take_back(struct viewer *v)
{
	static const struct {
		unsigned features, news;
	} rows[] = {
		{ FEATURE_ANY_CURSOR, NEWS_CURSOR },
		{ FEATURE_DESKTOP_NAME, NEWS_NAME },
		{ FEATURE_QEMU_LED | FEATURE_VMWARE_LED, NEWS_LEDS },
		{ FEATURE_QEMU_KEY, NEWS_QEMU_KEY_ACK },
		{ FEATURE_MOUSE, NEWS_MOUSE_ACK },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!(v->news & rows[i].news) || v->features & rows[i].features)
			continue;
		v->news &= ~rows[i].news;
		v->announced &= ~rows[i].features;
	}
}

/* The features that are answered once, when they are first listed. */
static void announce(struct viewer *v, unsigned first)
{
	if (first & FEATURE_CONTINUOUS)
		rfb_put_end_of_continuous_updates(&v->out);
	if (first & FEATURE_FENCE)
		rfb_put_fence(&v->out, &(struct rfb_fence){ .flags = RFB_FENCE_REQUEST });
	if (first & FEATURE_QEMU_KEY)
		v->news |= NEWS_QEMU_KEY_ACK;
	if (first & FEATURE_MOUSE)
		v->news |= NEWS_MOUSE_ACK;
	if (first & FEATURE_DESKTOP_NAME)
		v->news |= NEWS_NAME;
	if (first & FEATURE_EXTENDED_DESKTOP_SIZE)
		v->news |= NEWS_LAYOUT;
	if (first & (FEATURE_QEMU_LED | FEATURE_VMWARE_LED) && v->desktop->leds_known)
		v->news |= NEWS_LEDS;
}

static int encodings_done(struct viewer *v)
{
	bool drew = v->features & FEATURE_ANY_CURSOR;
	int quality = v->settings.quality, better = v->choice.settings.quality;
	v->features = v->choice.features;
	v->settings = v->choice.settings;
	v->encoding = v->choice.encoding ? v->choice.encoding : encoder_find(RFB_RAW);
	if (drew != !!(v->features & FEATURE_ANY_CURSOR))
		soft_cursor_changed(v);
	if (quality >= 0 && (better < 0 || better > quality))
		viewer_damage_all(v); /* what does not change would stay blurred */
	take_back(v);
	announce(v, v->features & ~v->announced);
	v->announced |= v->features;
	if (v->features & FEATURE_ANY_CURSOR && v->desktop->cursor.known)
		v->news |= NEWS_CURSOR;
	if (v->features & FEATURE_EXT_CLIPBOARD)
		clipboard_announce(v);
	log_debug(v->desktop->log, "viewer %u: %s, quality %d, compression %d", v->id,
		v->encoding->name, v->settings.quality, v->settings.compress);
	frame_schedule(v->desktop);
	return OK;
}

static int on_update_request(struct viewer *v)
{
	struct rect r = { v->msg.update.x, v->msg.update.y, v->msg.update.w, v->msg.update.h };
	r = rect_clip(r, v->w, v->h);
	if (v->msg.update.incremental && v->continuous)
		return OK;
	region_add_rect(&v->requested, r);
	region_limit(&v->requested, REQUESTS_MAX);
	if (region_broken(&v->requested)) {
		region_clear(&v->requested);
		region_add_rect(&v->requested, (struct rect){ 0, 0, v->w, v->h });
	}
	if (!v->msg.update.incremental) {
		region_add_rect(&v->dirty, r);
		region_limit(&v->dirty, DIRTY_MAX);
		if (v->features & FEATURE_EXTENDED_DESKTOP_SIZE && !(v->news & NEWS_LAYOUT)) {
			v->news |= NEWS_LAYOUT;
			v->layout_reason = 0;
		}
	}
	frame_schedule(v->desktop);
	return OK;
}

static bool may_control(const struct viewer *v)
{
	return v->control && v->desktop->screen && v->desktop->screen->caps & SCREEN_CAP_INPUT;
}

/* What the input leads to is captured without waiting for the frame rate. */
static void hurry(struct desktop *d)
{
	d->hurry = true;
	if (loop_timer_active(d->tick))
		frame_schedule(d);
}

static int on_key(struct viewer *v)
{
	if (!may_control(v))
		return OK;
	held_key(&v->held, v->desktop->screen, v->msg.key.keysym, v->msg.key.code, v->msg.key.down);
	hurry(v->desktop);
	return OK;
}

static int on_pointer(struct viewer *v)
{
	if (!may_control(v))
		return OK;
	held_pointer(&v->held, v->desktop->screen, v->msg.pointer.x, v->msg.pointer.y,
		v->msg.pointer.buttons, viewer_others_buttons(v));
	soft_cursor_moved(v->desktop, v->msg.pointer.x, v->msg.pointer.y);
	hurry(v->desktop);
	frame_schedule(v->desktop);
	return OK;
}

static int on_cut_text(struct viewer *v)
{
	buf_reset(&v->cut);
	v->cut_dropped = !v->control || v->body > CUT_TEXT_MAX;
	return OK;
}

static int cut_text_done(struct viewer *v)
{
	if (!v->cut_dropped)
		clipboard_from_viewer(v);
	buf_fini(&v->cut);
	buf_init(&v->cut, CUT_TEXT_MAX);
	return OK;
}

static int on_continuous(struct viewer *v)
{
	v->continuous = v->msg.continuous.enable;
	v->continuous_area = (struct rect){ v->msg.continuous.x, v->msg.continuous.y,
		v->msg.continuous.w, v->msg.continuous.h };
	if (!v->continuous)
		rfb_put_end_of_continuous_updates(&v->out);
	frame_schedule(v->desktop);
	return OK;
}

static int on_fence(struct viewer *v)
{
	/* Updates are written whole and in order, so every fence is in sync as it
	 * comes. Of answers to ours, those of update.c have a byte. */
	if (!(v->msg.fence.flags & RFB_FENCE_REQUEST)) {
		if (v->msg.fence.len == 1) {
			pace_answered(&v->pace, v->msg.fence.payload[0], clock_now_us());
			frame_schedule(v->desktop);
		}
		return OK;
	}
	v->msg.fence.flags &= RFB_FENCE_BLOCK_BEFORE | RFB_FENCE_BLOCK_AFTER | RFB_FENCE_SYNC_NEXT;
	rfb_put_fence(&v->out, &v->msg.fence);
	return OK;
}

static int on_set_desktop_size(struct viewer *v)
{
	if (!(v->features & FEATURE_EXTENDED_DESKTOP_SIZE))
		return OK; /* it could not be answered */
	size_request(v->desktop, v, &v->msg);
	if (v->state == VIEWER_RUNNING)
		frame_schedule(v->desktop);
	return OK;
}

static int handle(struct viewer *v)
{
	switch (v->msg.type) {
	case RFB_SET_PIXEL_FORMAT: return on_set_pixel_format(v);
	case RFB_SET_ENCODINGS: return on_set_encodings(v);
	case RFB_UPDATE_REQUEST: return on_update_request(v);
	case RFB_KEY_EVENT:
	case RFB_QEMU_MESSAGE: return on_key(v);
	case RFB_POINTER_EVENT: return on_pointer(v);
	case RFB_CLIENT_CUT_TEXT: return on_cut_text(v);
	case RFB_ENABLE_CONTINUOUS_UPDATES: return on_continuous(v);
	case RFB_CLIENT_FENCE: return on_fence(v);
	case RFB_SET_DESKTOP_SIZE: return on_set_desktop_size(v);
	}
	return ERR_PROTO;
}

/* Bulk bytes of the message at hand: never more than its sink may hold. */
static int take_body(struct viewer *v, struct rd *in)
{
	if (v->msg.type == RFB_SET_ENCODINGS) {
		while (v->body > 0 && in->left >= 4) {
			take_encoding(&v->choice, rd_s32(in));
			v->body -= 4;
		}
	} else {
		size_t part = in->left < v->body ? in->left : v->body;
		const uint8_t *bytes = rd_bytes(in, part);
		if (!v->cut_dropped)
			buf_put(&v->cut, bytes, part);
		v->body -= (uint32_t)part;
		if (buf_ok(&v->cut))
			return buf_ok(&v->cut);
	}
	return v->body > 0 ? ERR_AGAIN : OK;
}

static int body_done(struct viewer *v)
{
	switch (v->msg.type) {
	case RFB_SET_ENCODINGS: return encodings_done(v);
	case RFB_CLIENT_CUT_TEXT: return cut_text_done(v);
	default: return OK;
	}
}

static unsigned extensions(const struct viewer *v)
{
	/* A viewer speaks an extension only after it was told that we do. */
	unsigned ext = 0;
	if (v->announced & FEATURE_MOUSE && !(v->news & NEWS_MOUSE_ACK))
		ext |= RFB_EXT_MOUSE_BUTTONS;
	if (v->announced & FEATURE_EXT_CLIPBOARD)
		ext |= RFB_EXT_CLIPBOARD;
	return ext;
}

static int read_one(struct viewer *v, struct rd *in)
{
	int err = rfb_client_msg_parse(in, extensions(v), &v->msg);
	if (err)
		return err;
	v->body = v->msg.body;
	err = handle(v);
	if (!err && v->body == 0)
		err = body_done(v);
	return err;
}

int viewer_msg_read(struct viewer *v, struct rd *in)
{
	int err = OK;
	while (!err && v->state == VIEWER_RUNNING && (in->left > 0)) {
		if (v->body > 0) {
			err = take_body(v, in);
			if (!err)
				err = body_done(v);
		} else {
			err = read_one(v, in);
		}
		if (v->out.len > 64 * 1024)
			viewer_flush(v);
	}
	if (v->state == VIEWER_RUNNING)
		clipboard_answer(v);
	if (v->out.len > 0)
		viewer_flush(v);
	return err;
}
