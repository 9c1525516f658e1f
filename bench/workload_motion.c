/* Workloads of pictures that move: a dragged window, a film in a window, a film on
 * all of the screen. */
#include "workload_list.h"

#include <math.h>

#include "marker.h"
#include "scenery.h"

enum {
	BADGE_LEFT = 8,
	BADGE_TOP = 8,
	DRAG_W = 640,
	DRAG_H = 480,
	VIDEO_W = 1280,
	VIDEO_H = 720,
	VIDEO_LEFT = (WORKLOAD_W - VIDEO_W) / 2,
	VIDEO_TOP = (WORKLOAD_H - VIDEO_H) / 2,
};

/* Where the dragged window is: round an ellipse in a few seconds, by fractions of a
 * hand's speed at its ends and about 15 pixels a frame between. */
static void drag_place(uint32_t frame, uint32_t at[2])
{
	double turn = (double)frame / 60 * 2;
	at[0] = (uint32_t)(WORKLOAD_W / 2 - DRAG_W / 2 + 480 * cos(turn));
	at[1] = (uint32_t)(WORKLOAD_H / 2 - DRAG_H / 2 + 220 * sin(turn));
}

static void setup_drag(struct stage *s)
{
	uint32_t at[2];
	drag_place(0, at);
	s->window = scenery_text_window(s, (struct rect){ (int)at[0], (int)at[1], DRAG_W, DRAG_H });
	s->badge = xpaint_window(
		&s->paint, (struct rect){ BADGE_LEFT, BADGE_TOP, MARKER_W, MARKER_H }, 0);
	xpaint_marker(&s->paint, s->badge, 0, 0, 0);
}

static void draw_drag(struct stage *s, uint32_t frame)
{
	uint32_t at[2];
	drag_place(frame, at);
	xcb_configure_window(
		s->paint.conn, s->window, XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y, at);
	xpaint_marker(&s->paint, s->badge, 0, 0, frame);
}

const struct workload workload_drag = {
	.name = "drag",
	.what = "a window of text dragged over a desktop, 60 times a second",
	.min_us = 16667,
	.max_us = 16667,
	.lossless = true,
	.n_markers = 1,
	.markers = { { BADGE_LEFT, BADGE_TOP } },
	.setup = setup_drag,
	.draw = draw_drag,
};

/* Into the window at its own size. The markers are part of the picture, at its
 * first and last pixels: a frame that was grabbed in two halves is noticed. */
static void draw_film(struct stage *s, uint32_t frame)
{
	const struct nature *f = s->film;
	uint16_t w = (uint16_t)f->w, h = (uint16_t)f->h;
	size_t at = (size_t)nature_frame(f, frame) * w * h;
	uint32_t *px = f->px + at;
	marker_paint(px, f->w, frame);
	marker_paint(px + (size_t)(f->h - MARKER_H) * (size_t)f->w + f->w - MARKER_W, f->w, frame);
	xcb_shm_put_image(s->paint.conn, s->window, s->paint.gc, w, h, 0, 0, w, h, 0, 0,
		s->paint.screen->root_depth, XCB_IMAGE_FORMAT_Z_PIXMAP, 0, s->film_seg,
		(uint32_t)(at * sizeof(*px)));
}

static void setup_video(struct stage *s)
{
	struct rect r = { VIDEO_LEFT, VIDEO_TOP, VIDEO_W, VIDEO_H };
	s->window = xpaint_window(&s->paint, r, 0);
	draw_film(s, 0);
}

static void setup_full(struct stage *s)
{
	s->window = xpaint_window(&s->paint, (struct rect){ 0, 0, WORKLOAD_W, WORKLOAD_H }, 0);
	draw_film(s, 0);
}

const struct workload workload_video = {
	.name = "video",
	.what = "a film of 1280x720 at 30 frames a second",
	.min_us = 33333,
	.max_us = 33333,
	.film_frames = 24,
	.film_w = VIDEO_W,
	.film_h = VIDEO_H,
	.n_markers = 2,
	.markers = { { VIDEO_LEFT, VIDEO_TOP },
		{ VIDEO_LEFT + VIDEO_W - MARKER_W, VIDEO_TOP + VIDEO_H - MARKER_H } },
	.setup = setup_video,
	.draw = draw_film,
};

const struct workload workload_full = {
	.name = "full",
	.what = "a film of 1920x1080 at 60 frames a second",
	.min_us = 16667,
	.max_us = 16667,
	.film_frames = 12,
	.film_w = WORKLOAD_W,
	.film_h = WORKLOAD_H,
	.n_markers = 2,
	.markers = { { 0, 0 }, { WORKLOAD_W - MARKER_W, WORKLOAD_H - MARKER_H } },
	.setup = setup_full,
	.draw = draw_film,
};
