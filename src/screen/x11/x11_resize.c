#include "screen/x11/x11_resize.h"

#include <stdio.h>
#include <string.h>
#include <xcb/randr.h>

enum { DPI = 96, REFRESH_HZ = 60 };

static void finish(struct x11_resize *r, enum screen_resized result)
{
	r->busy = false;
	if (result != SCREEN_RESIZED_OK && !r->made)
		r->made = r->old_made; /* it was not replaced */
	r->done(r->ctx, result);
}

static void on_size(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_resize *r = ctx;
	const xcb_get_geometry_reply_t *g = reply;
	(void)error;
	bool ok = g && g->width == r->w && g->height == r->h;
	finish(r, ok ? SCREEN_RESIZED_OK : SCREEN_RESIZED_NO_RESOURCES);
}

static uint32_t millimetres(int px)
{
	return (uint32_t)(px * 254 / (DPI * 10)) + 1; /* RANDR refuses 0 */
}

static void set_screen_size(struct x11_resize *r, int w, int h)
{
	xcb_randr_set_screen_size(r->conn->xcb, r->conn->root, (uint16_t)w, (uint16_t)h,
		millimetres(w), millimetres(h));
}

/* The screen must hold the CRTC at every step: it grows to hold old and new,
 * the CRTC changes, the rest of the screen goes. What fails shows in the size
 * that the server has in the end. */
static void on_old_size(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_resize *r = ctx;
	const xcb_get_geometry_reply_t *g = reply;
	xcb_connection_t *x = r->conn->xcb;
	(void)error;
	int w = g && g->width > r->w ? g->width : r->w;
	int h = g && g->height > r->h ? g->height : r->h;
	xcb_randr_add_output_mode(x, r->output, r->mode);
	if (g && (w > g->width || h > g->height))
		set_screen_size(r, w, h);
	xcb_randr_set_crtc_config(x, r->crtc, XCB_CURRENT_TIME, r->config_time, 0, 0, r->mode,
		XCB_RANDR_ROTATION_ROTATE_0, 1, &r->output);
	if (w > r->w || h > r->h)
		set_screen_size(r, r->w, r->h);
	if (r->old_made && r->old_made != r->mode) {
		xcb_randr_delete_output_mode(x, r->output, r->old_made);
		xcb_randr_destroy_mode(x, r->old_made);
	}
	x11_conn_expect(r->conn, xcb_get_geometry(x, r->conn->root).sequence, on_size, r);
}

static void use_mode(struct x11_resize *r, uint32_t mode)
{
	struct x11_conn *c = r->conn;
	r->mode = mode;
	x11_conn_expect(c, xcb_get_geometry(c->xcb, c->root).sequence, on_old_size, r);
}

static void on_mode_made(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_resize *r = ctx;
	const xcb_randr_create_mode_reply_t *m = reply;
	(void)error;
	if (!m) {
		finish(r, SCREEN_RESIZED_NO_RESOURCES);
		return;
	}
	r->made = m->mode;
	use_mode(r, m->mode);
}

static void make_mode(struct x11_resize *r)
{
	char name[32];
	uint16_t w = (uint16_t)r->w, h = (uint16_t)r->h;
	int len = snprintf(name, sizeof(name), "porthole-%dx%d", r->w, r->h);
	xcb_randr_mode_info_t info = {
		.width = w,
		.height = h,
		.dot_clock = (uint32_t)w * h * REFRESH_HZ,
		.hsync_start = w,
		.hsync_end = w,
		.htotal = w,
		.vsync_start = h,
		.vsync_end = h,
		.vtotal = h,
		.name_len = (uint16_t)len,
	};
	struct x11_conn *c = r->conn;
	x11_conn_expect(c,
		xcb_randr_create_mode(c->xcb, c->root, info, (uint32_t)len, name).sequence,
		on_mode_made, r);
}

static void on_range(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_resize *r = ctx;
	const xcb_randr_get_screen_size_range_reply_t *g = reply;
	(void)error;
	r->fits = g && r->w >= g->min_width && r->h >= g->min_height && r->w <= g->max_width &&
		  r->h <= g->max_height;
}

static void on_resources(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_resize *r = ctx;
	const xcb_randr_get_screen_resources_current_reply_t *s = reply;
	(void)error;
	if (!s || !r->fits || !s->num_crtcs || !s->num_outputs) {
		finish(r, SCREEN_RESIZED_NO_RESOURCES);
		return;
	}
	r->crtc = xcb_randr_get_screen_resources_current_crtcs(s)[0];
	r->output = xcb_randr_get_screen_resources_current_outputs(s)[0];
	r->config_time = s->config_timestamp;
	const xcb_randr_mode_info_t *modes = xcb_randr_get_screen_resources_current_modes(s);
	for (int i = 0; i < xcb_randr_get_screen_resources_current_modes_length(s); i++) {
		if (modes[i].width == r->w && modes[i].height == r->h) {
			if (modes[i].id == r->old_made)
				r->made = r->old_made;
			use_mode(r, modes[i].id);
			return;
		}
	}
	make_mode(r);
}

void x11_resize_init(struct x11_resize *r, struct x11_conn *c, x11_resize_done *done, void *ctx)
{
	*r = (struct x11_resize){ .conn = c, .done = done, .ctx = ctx };
}

void x11_resize_start(struct x11_resize *r, int w, int h)
{
	struct x11_conn *c = r->conn;
	r->busy = true;
	r->w = w;
	r->h = h;
	r->old_made = r->made;
	r->made = 0;
	x11_conn_expect(c, xcb_randr_get_screen_size_range(c->xcb, c->root).sequence, on_range, r);
	x11_conn_expect(c, xcb_randr_get_screen_resources_current(c->xcb, c->root).sequence,
		on_resources, r);
}
