#include "screen/x11/x11_capture.h"

#include <xcb/damage.h>
#include <xcb/xfixes.h>

#include "base/clock.h"

/* More rectangles than this are not worth the time to go through them again
 * and again: they are joined until fewer are left. */
enum { PARTS_MAX = 512, BAND = 64 };

static struct rect whole(const struct x11_capture *c)
{
	return (struct rect){ 0, 0, c->grab->frame.w, c->grab->frame.h };
}

static bool wanted_is_damaged(const struct x11_capture *c)
{
	for (size_t i = 0; i < region_count(&c->pending); i++) {
		if (region_intersects(&c->wanted, region_at(&c->pending, i)))
			return true;
	}
	return false;
}

static void deliver(struct x11_capture *c)
{
	struct region swap = c->given;
	c->given = c->pending;
	c->pending = swap;
	region_clear(&c->pending);
	c->armed = c->at_once = false;
	c->lent = true;
	const struct screen_frame f = { pix_canvas_view(&c->grab->frame), &c->given,
		clock_now_us() };
	c->events->on_frame(c->ctx, &f);
}

/* What was known when the work under way began is not enough any more. */
static bool start_over(struct x11_capture *c)
{
	bool again = c->stale || !c->armed || c->held;
	c->stale = false;
	c->state = X11_CAPTURE_IDLE;
	if (again)
		x11_capture_step(c);
	return again;
}

static void on_grabbed(void *ctx, int err)
{
	struct x11_capture *c = ctx;
	if (start_over(c))
		return;
	if (err == ERR_AGAIN) {
		c->held = true;
		c->events->on_refused(c->ctx);
	} else if (err == OK && (c->at_once || wanted_is_damaged(c))) {
		deliver(c);
	}
	/* ERR_IO: the connection is broken, which its owner sees by himself. */
}

/* Rectangles of the same band of rows become one. */
static void coarsen(struct region *r)
{
	struct region bands;
	region_init(&bands);
	struct rect b = region_bounds(r);
	for (int y = b.y; y < b.y + b.h; y += BAND) {
		struct region part;
		region_init(&part);
		region_copy(&part, r);
		region_intersect_rect(&part, (struct rect){ b.x, y, b.w, BAND });
		region_add_rect(&bands, region_bounds(&part));
		region_fini(&part);
	}
	region_copy(r, &bands);
	region_fini(&bands);
}

/* The server's rectangles are root coordinates; ours begin at the frame. */
static void add_parts(struct x11_capture *c, const xcb_xfixes_fetch_region_reply_t *reply)
{
	const xcb_rectangle_t *parts = xcb_xfixes_fetch_region_rectangles(reply);
	int n = xcb_xfixes_fetch_region_rectangles_length(reply);
	for (int done = 0; done < n;) {
		struct rect rects[256];
		size_t k = 0;
		for (; done < n && k < ARRAY_LEN(rects); done++, k++)
			rects[k] = (struct rect){ parts[done].x - c->grab->x,
				parts[done].y - c->grab->y, parts[done].width, parts[done].height };
		struct region some;
		region_init(&some);
		region_set_rects(&some, rects, k);
		region_add(&c->pending, &some);
		region_fini(&some);
	}
	region_intersect_rect(&c->pending, whole(c));
	if (region_count(&c->pending) > PARTS_MAX)
		coarsen(&c->pending);
	if (region_broken(&c->pending)) {
		region_fini(&c->pending);
		region_add_rect(&c->pending, whole(c));
	}
}

static void on_parts(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_capture *c = ctx;
	(void)error;
	if (reply)
		add_parts(c, reply);
	if (start_over(c))
		return;
	if (!c->at_once && !wanted_is_damaged(c))
		return;
	if (region_empty(&c->pending)) {
		deliver(c);
		return;
	}
	c->state = X11_CAPTURE_GRABBING;
	x11_grab_start(c->grab, &c->pending, on_grabbed, c);
}

/* The reply to FetchRegion is also the round trip that must lie between
 * DamageSubtract and a grab, without which a change can be lost. */
static void fetch(struct x11_capture *c)
{
	xcb_connection_t *x = c->conn->xcb;
	c->subtracted = xcb_damage_subtract(x, c->damage, XCB_NONE, c->parts).sequence;
	c->notified = c->stale = false;
	c->state = X11_CAPTURE_FETCHING;
	x11_conn_expect(c->conn, xcb_xfixes_fetch_region(x, c->parts).sequence, on_parts, c);
}

void x11_capture_step(struct x11_capture *c)
{
	if (c->armed && !c->lent && !c->held && c->state == X11_CAPTURE_IDLE &&
		(c->notified || c->at_once || wanted_is_damaged(c)))
		fetch(c);
}

void x11_capture_init(struct x11_capture *c, struct x11_conn *conn, struct x11_grab *grab,
	const struct x11_capture_events *events, void *ctx)
{
	*c = (struct x11_capture){ .conn = conn, .grab = grab, .events = events, .ctx = ctx };
	region_init(&c->wanted);
	region_init(&c->pending);
	region_init(&c->given);
	c->parts = xcb_generate_id(conn->xcb);
	xcb_xfixes_create_region(conn->xcb, c->parts, 0, NULL);
	/* One event when something is drawn, then none until DamageSubtract: the
	 * server does not wake us for what nobody wants. */
	c->damage = xcb_generate_id(conn->xcb);
	xcb_damage_create(conn->xcb, c->damage, conn->root, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
}

void x11_capture_fini(struct x11_capture *c)
{
	if (!c->conn)
		return;
	region_fini(&c->wanted);
	region_fini(&c->pending);
	region_fini(&c->given);
}

void x11_capture_want(struct x11_capture *c, const struct region *region, bool now)
{
	c->armed = region != NULL;
	c->at_once = region && now;
	c->stale = c->at_once && c->state != X11_CAPTURE_IDLE;
	if (region)
		region_copy(&c->wanted, region);
	else
		region_clear(&c->wanted);
}

void x11_capture_release(struct x11_capture *c)
{
	c->lent = false;
}

bool x11_capture_event(struct x11_capture *c, const xcb_generic_event_t *ev)
{
	if ((ev->response_type & 0x7f) != c->conn->damage_event + XCB_DAMAGE_NOTIFY)
		return false;
	/* What happened before the last subtraction has been fetched with it. */
	if ((int32_t)(ev->full_sequence - c->subtracted) >= 0)
		c->notified = true;
	return true;
}

void x11_capture_hold(struct x11_capture *c)
{
	c->held = true;
}

bool x11_capture_at_rest(const struct x11_capture *c)
{
	return c->held && !c->lent && c->state == X11_CAPTURE_IDLE;
}

void x11_capture_resume(struct x11_capture *c, bool renewed)
{
	c->held = false;
	if (renewed)
		region_add_rect(&c->pending, whole(c));
	region_intersect_rect(&c->pending, whole(c));
}
