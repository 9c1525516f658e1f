#include <string.h>

#include "base/clock.h"
#include "desktop/desktop_private.h"
#include "desktop/soft_cursor.h"
#include "rfb/encoding.h"
#include "rfb/server_msg.h"

/* One FramebufferUpdate: what is new besides pixels, then pixels. */

enum { REASON_THIS_VIEWER = 1 };

enum {
	/* Pixels converted to a viewer's format at a time: 1 MB of them. */
	SLICE_PIXELS = 256 * 1024,
	/* Rectangles of one update; more are joined to their bounding box. */
	RECTS_MAX = 500,
};

static struct encoder *encoder_of(struct viewer *v)
{
	for (size_t i = 0; i < ARRAY_LEN(v->encoders); i++) {
		if (!v->encoders[i])
			v->encoders[i] = v->encoding->create();
		if (!v->encoders[i] || v->encoders[i]->ops == v->encoding)
			return v->encoders[i];
	}
	return NULL;
}

/* Room for w x h pixels, kept from one use to the next. */
static int make_canvas(struct buf *b, struct rect r, struct pix_canvas *out)
{
	buf_reset(b);
	uint8_t *room = buf_room(b, (size_t)r.w * (size_t)r.h * sizeof(uint32_t));
	*out = (struct pix_canvas){ (uint32_t *)(void *)room, r.w, r.w, r.h };
	return buf_ok(b);
}

static int blend_cursor(struct viewer *v, struct rect r, struct pix_view *rgb)
{
	struct pix_canvas to;
	int err = make_canvas(&v->desktop->blended, r, &to);
	if (err)
		return err;
	for (int y = 0; y < r.h; y++)
		memcpy(pix_canvas_at(&to, 0, y), pix_view_at(rgb, 0, y),
			(size_t)r.w * sizeof(uint32_t));
	soft_cursor_blend(v->desktop, r, &to);
	*rgb = pix_canvas_view(&to);
	return OK;
}

static int encode(struct viewer *v, struct encoder *e, struct rect r)
{
	struct desktop *d = v->desktop;
	struct pix_view frame = pix_canvas_view(&d->shadow);
	struct encoder_job job = {
		.rgb = pix_view_sub(&frame, r),
		.convert = &v->convert,
		.settings = &v->settings,
		.at = r,
	};
	int err = soft_cursor_over(v, r) ? blend_cursor(v, r, &job.rgb) : OK;
	job.value = job.rgb;
	if (!err && encoder_needs_value(e, &v->convert)) {
		struct pix_canvas to;
		err = make_canvas(&d->scratch, r, &to);
		if (!err) {
			pix_convert_view(&v->convert, &job.rgb, &to);
			job.value = pix_canvas_view(&to);
		}
	}
	return err ? err : encoder_encode(e, &job, &v->out);
}

/* A rectangle whose pixels must be converted goes in slices, so that the
 * converted copy stays small. Returns the number of rectangles or an err. */
static int put_pixels(struct viewer *v, struct encoder *e, struct rect r)
{
	int rows = encoder_needs_value(e, &v->convert) ? SLICE_PIXELS / r.w : r.h;
	int n = 0;
	for (int y = r.y, end = r.y + r.h; y < end; y += rows) {
		int part =
			encode(v, e, (struct rect){ r.x, y, r.w, end - y < rows ? end - y : rows });
		if (part < 0)
			return part;
		n += part;
	}
	return n;
}

static void put_cursor(struct viewer *v)
{
	const struct cursor *c = &v->desktop->cursor;
	struct buf *out = &v->out;
	/* The forms with an alpha channel first. */
	if (v->features & FEATURE_ALPHA_CURSOR)
		rfb_put_cursor_with_alpha(out, c->argb, c->w, c->h, c->hot_x, c->hot_y);
	else if (v->features & FEATURE_VMWARE_CURSOR)
		rfb_put_vmware_cursor(out, c->argb, c->w, c->h, c->hot_x, c->hot_y);
	else if (v->features & FEATURE_CURSOR)
		rfb_put_cursor(out, &v->convert, c->argb, c->w, c->h, c->hot_x, c->hot_y);
	else
		rfb_put_xcursor(out, c->argb, c->w, c->h, c->hot_x, c->hot_y);
}

/* Empty rectangles that only say "I can do this too". */
static int put_acks(struct viewer *v)
{
	int n = 0;
	if (v->news & NEWS_QEMU_KEY_ACK) {
		rfb_put_rect(&v->out, (struct rect){ 0 }, RFB_QEMU_KEY);
		n++;
	}
	if (v->news & NEWS_MOUSE_ACK) {
		rfb_put_rect(&v->out, (struct rect){ 0 }, RFB_EXTENDED_MOUSE);
		n++;
	}
	return n;
}

static int put_news(struct viewer *v)
{
	int n = put_acks(v);
	if (v->news & NEWS_CURSOR && v->desktop->cursor.known) {
		put_cursor(v);
		n++;
	}
	if (v->news & NEWS_NAME) {
		rfb_put_desktop_name(&v->out, v->desktop->name);
		n++;
	}
	if (v->news & NEWS_LEDS && v->features & FEATURE_QEMU_LED) {
		rfb_put_led_state(&v->out, (uint8_t)v->desktop->leds);
		n++;
	} else if (v->news & NEWS_LEDS) {
		rfb_put_vmware_led_state(&v->out, v->desktop->leds);
		n++;
	}
	v->news &= NEWS_LAYOUT;
	return n;
}

static int put_copy(struct viewer *v)
{
	if (!v->copies)
		return 0;
	v->copies = false;
	rfb_put_copy_rect(&v->out, v->copy.to, v->copy.to.x, v->copy.to.y - v->copy.dy);
	return 1;
}

static uint8_t screens_of(const struct screen_layout *l, struct rfb_screen out[SCREEN_OUTPUTS_MAX])
{
	for (int i = 0; i < l->n; i++) {
		const struct screen_output *o = &l->outputs[i];
		out[i] = (struct rfb_screen){ .id = o->id,
			.x = (uint16_t)o->area.x,
			.y = (uint16_t)o->area.y,
			.w = (uint16_t)o->area.w,
			.h = (uint16_t)o->area.h };
	}
	return (uint8_t)l->n;
}

static void put_extended_size(
	struct viewer *v, int reason, int result, const struct screen_layout *l)
{
	struct rfb_screen screens[SCREEN_OUTPUTS_MAX];
	uint8_t n = screens_of(l, screens);
	rfb_put_update(&v->out, 1);
	rfb_put_extended_desktop_size(
		&v->out, reason, result, (uint16_t)l->w, (uint16_t)l->h, screens, n);
}

/* Sizes go in updates of their own, without pixels (rfbproto,
 * "ExtendedDesktopSize"). True when the request is answered with that. */
static bool put_sizes(struct viewer *v)
{
	const struct screen_layout *now = &v->desktop->layout;
	bool resized = v->w != now->w || v->h != now->h;
	bool any = false;
	while (v->n_replies > 0 && v->replies[0].result != REPLY_LATER) {
		bool ok = v->replies[0].result == SCREEN_RESIZED_OK;
		put_extended_size(v, REASON_THIS_VIEWER, v->replies[0].result,
			ok ? now : &v->replies[0].layout);
		memmove(v->replies, v->replies + 1, sizeof(v->replies) - sizeof(v->replies[0]));
		v->n_replies--;
		any = true;
		if (ok) {
			v->w = now->w;
			v->h = now->h;
			resized = false;
		}
	}
	if (v->features & FEATURE_EXTENDED_DESKTOP_SIZE) {
		if (resized || v->news & NEWS_LAYOUT) {
			put_extended_size(v, v->layout_reason, 0, now);
			any = true;
		}
	} else if (v->features & FEATURE_DESKTOP_SIZE && resized) {
		rfb_put_update(&v->out, 1);
		rfb_put_desktop_size(&v->out, (uint16_t)now->w, (uint16_t)now->h);
		any = true;
	} else {
		resized = false; /* it cannot follow: it goes on seeing what fits */
	}
	v->news &= ~(unsigned)NEWS_LAYOUT;
	if (resized || (any && v->features & FEATURE_EXTENDED_DESKTOP_SIZE)) {
		v->w = now->w;
		v->h = now->h;
	}
	return any;
}

/* Where the viewer may be sent pixels. */
static void allowed(const struct viewer *v, struct region *out)
{
	region_copy(out, &v->requested);
	if (v->continuous)
		region_add_rect(out, rect_clip(v->continuous_area, v->w, v->h));
}

bool update_covers(const struct viewer *v, struct rect r)
{
	struct region where;
	region_init(&where);
	allowed(v, &where);
	bool covers = region_contains(&where, r);
	region_fini(&where);
	return covers;
}

/* Whether sending all of `box` costs hardly more than the region, which it bounds. A
 * few unchanged pixels are cheaper than the thin bands that they cut a picture into,
 * which are too thin for JPEG. */
static bool nearly_fills(const struct region *r, struct rect box)
{
	int64_t area = 0, all = (int64_t)box.w * box.h;
	for (size_t i = 0; i < region_count(r); i++)
		area += (int64_t)region_at(r, i).w * region_at(r, i).h;
	return area >= all - all / 16;
}

/* What of the damage may go out, as few enough rectangles. */
static void choose(const struct viewer *v, struct region *out)
{
	allowed(v, out);
	region_intersect(out, &v->dirty);
	const struct desktop *d = v->desktop;
	region_intersect_rect(
		out, rect_clip((struct rect){ 0, 0, v->w, v->h }, d->shadow.w, d->shadow.h));
	struct rect box = region_bounds(out);
	if (region_count(out) > 1 && nearly_fills(out, box) && update_covers(v, box)) {
		region_clear(out);
		region_add_rect(out, box);
	}
	region_limit(out, RECTS_MAX);
}

bool update_due(const struct viewer *v)
{
	struct region r;
	region_init(&r);
	choose(v, &r);
	bool due = !region_empty(&r) || region_broken(&r);
	region_fini(&r);
	return due;
}

static int put_region(struct viewer *v, const struct region *r)
{
	struct encoder *e = encoder_of(v);
	if (!e)
		return ERR_NOMEM;
	int n = 0;
	for (size_t i = 0; i < region_count(r); i++) {
		int part = put_pixels(v, e, region_at(r, i));
		if (part < 0)
			return part;
		n += part;
	}
	return n;
}

static void log_first(struct viewer *v)
{
	if (v->drew_first)
		return;
	v->drew_first = true;
	log_info(v->desktop->log, "viewer %u: %s, %dx%d, first frame after %llu ms", v->id,
		v->encoding->name, v->w, v->h,
		(unsigned long long)(clock_now_us() - v->joined_us) / 1000);
}

/* Its answer tells that the viewer has painted what went before it. */
static void put_fence(struct viewer *v)
{
	if (!viewer_paced(v))
		return;
	uint8_t number = pace_sent(&v->pace, clock_now_us());
	struct rfb_fence f = { .flags = RFB_FENCE_REQUEST, .len = 1, .payload = { number } };
	rfb_put_fence(&v->out, &f);
}

static void put_update(struct viewer *v)
{
	size_t start = rfb_put_update(&v->out, 0);
	int n_news = put_news(v) + put_copy(v);
	struct region r;
	region_init(&r);
	choose(v, &r);
	int n = put_region(v, &r);
	if (n >= 0 && n + n_news > UINT16_MAX)
		n = ERR_LIMIT;
	if (n < 0) {
		region_fini(&r);
		viewer_close(v, err_str(n));
		return;
	}
	if (n + n_news == 0) {
		buf_truncate(&v->out, start);
	} else {
		rfb_set_update_count(&v->out, start, (uint16_t)(n + n_news));
		region_subtract(&v->dirty, &r);
		region_clear(&v->requested);
		put_fence(v);
	}
	region_fini(&r);
	if (n > 0)
		log_first(v);
}

void update_send(struct viewer *v)
{
	v->out.max = viewer_queue_limit(v->desktop); /* the frame may have grown */
	if (put_sizes(v))
		region_clear(
			&v->requested); /* that was the answer; pixels wait for the next request */
	if (v->continuous || !region_empty(&v->requested))
		put_update(v);
	viewer_flush(v);
}
