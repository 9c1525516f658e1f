#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xcb/randr.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>

#include "base/clock.h"
#include "kinds.h"
#include "screen/x11/x11.h"
#include "screen/x11/x11_layout.h"

/* What only the X11 screen has to show, against real servers. */

enum { REST_MS = 150, GRAB_MS = 5000, PING_MS = 10, LATE_MS = 1000 };

static void stop_server(struct harness *h)
{
	xvfb_stop(h->peer);
}

static void truth_of_root(struct harness *h, const struct pix_canvas *to)
{
	xvfb_look(h->peer, 0, 0, to);
}

static const struct kind of_root = { "x11", NULL, stop_server, NULL, truth_of_root };

static void share(struct harness *h, struct xvfb *x, struct x11_config config)
{
	char error[X11_ERROR_MAX];
	config.display = x->display;
	h->peer = x;
	h->screen = x11_create(h->loop, &config, &harness_events, h, error);
	if (!h->screen)
		fail_msg("%s", error);
}

static void start(struct harness *h, struct xvfb *x, const char *screen)
{
	xvfb_start(x, screen, NULL, NULL);
	harness_init(h, &of_root);
	share(h, x, (struct x11_config){ .allow_resize = true });
	harness_until(h, &h->n_layouts, 1);
}

/* Another client holds the server; viewers go on doing what they do. */
struct grab {
	struct harness *h;
	struct loop_timer *ping;
	xcb_connection_t *other;
	uint64_t began_us, last_us, longest_us;
	int moves;
	int frames; /* when the grab ended */
	int over;
};

static void on_ping(void *ctx)
{
	struct grab *g = ctx;
	struct harness *h = g->h;
	const struct screen_ops *ops = h->screen->ops;
	uint64_t now = clock_now_us();
	if (now - g->last_us > g->longest_us)
		g->longest_us = now - g->last_us;
	g->last_us = now;
	h->inside = true;
	for (int i = 0; i < 20; i++, g->moves++) {
		ops->pointer(h->screen, g->moves % 600, 100, g->moves % 7 ? 0 : 1);
		ops->key(h->screen, 'a' + (uint32_t)(g->moves % 20), 0, g->moves % 2 == 0);
	}
	ops->set_clipboard(h->screen, "text", 4);
	ops->want_clipboard(h->screen);
	h->inside = false;
	harness_want(h, true);
	if (now - g->began_us > GRAB_MS * 1000u) {
		g->frames = h->n_frames;
		xcb_ungrab_server(g->other);
		xcb_flush(g->other);
		g->over = 1;
		loop_stop(h->loop);
		return;
	}
	loop_timer_start(g->ping, PING_MS);
}

static void a_server_grab_delays_no_ping(void **state)
{
	(void)state;
	struct harness h;
	struct xvfb x;
	start(&h, &x, "640x480x24");
	harness_check_frame(&h, true);
	int n = h.n_frames;
	struct grab g = { .h = &h, .other = xcb_connect(x.display, NULL) };
	g.ping = loop_timer_create(h.loop, on_ping, &g);
	xcb_grab_server(g.other);
	free(xcb_get_input_focus_reply(g.other, xcb_get_input_focus(g.other), NULL));
	g.began_us = g.last_us = clock_now_us();
	loop_timer_start(g.ping, 0);
	harness_until(&h, &g.over, 1);
	assert_int_equal(g.frames, n);
	assert_true(g.longest_us < LATE_MS * 1000u);

	/* Afterwards all goes on, and the last position asked for is where it ends. */
	h.screen->ops->pointer(h.screen, 321, 123, 0);
	harness_rest(&h, 500);
	assert_true(h.n_frames > n);
	int px, py;
	unsigned mask;
	xvfb_pointer(&x, &px, &py, &mask);
	assert_int_equal(px, 321);
	assert_int_equal(py, 123);
	assert_int_equal(mask & 0x1f00, 0);
	harness_check_frame(&h, true);
	loop_timer_destroy(g.ping);
	xcb_disconnect(g.other);
	harness_stop(&h);
}

/* How often a loop goes to sleep that has nothing but the timer of the rest. */
static int quiet(uint64_t ms)
{
	struct harness h;
	harness_init(&h, &of_root);
	int sleeps = harness_rest(&h, ms);
	h.peer = &(struct xvfb){ 0 };
	harness_stop(&h);
	return sleeps;
}

static void sleeps_while_nobody_wants_a_frame(void **state)
{
	(void)state;
	struct harness h;
	struct xvfb x;
	int least = quiet(100);
	start(&h, &x, "640x480x24");
	harness_check_frame(&h, true);
	harness_rest(&h, 500);
	/* A timer of the loop may be a turn too early. */
	assert_in_range(harness_rest(&h, 3000), least, least + 1);
	/* Drawn, but not wanted: one word of the server that there is something. */
	for (int i = 0; i < 50; i++)
		xvfb_fill(&x, (struct rect){ i, i, 50, 50 }, (uint32_t)i * 77777);
	assert_in_range(harness_rest(&h, 1000), least, least + 2);
	/* Wanted, but nothing is drawn. */
	harness_check_frame(&h, true);
	harness_want(&h, false);
	harness_rest(&h, 200);
	assert_in_range(harness_rest(&h, 3000), least, least + 1);
	harness_stop(&h);
}

static void a_dead_server_is_told_once(void **state)
{
	(void)state;
	for (int busy = 0; busy < 2; busy++) {
		struct harness h;
		struct xvfb x;
		start(&h, &x, "640x480x24");
		harness_check_frame(&h, true);
		if (busy)
			harness_want(&h, true);
		xvfb_kill(&x);
		if (busy)
			h.screen->ops->pointer(h.screen, 1, 1, 1);
		harness_until(&h, &h.n_gone, 1);
		assert_true(strlen(h.gone) > 0);
		/* The owner may call on before it has understood. */
		harness_want(&h, true);
		h.screen->ops->key(h.screen, 'a', 0, true);
		h.screen->ops->set_clipboard(h.screen, "x", 1);
		harness_rest(&h, REST_MS);
		assert_int_equal(h.n_gone, 1);
		harness_stop(&h);
	}
}

static void set_cursor(struct xvfb *x, uint16_t w, uint16_t h, bool empty)
{
	xcb_connection_t *c = x->client;
	xcb_pixmap_t mask = xcb_generate_id(c);
	xcb_gcontext_t gc = xcb_generate_id(c);
	xcb_cursor_t cursor = xcb_generate_id(c);
	uint32_t bit = empty ? 0 : 1;
	xcb_rectangle_t all = { 0, 0, w, h };
	xcb_create_pixmap(c, 1, mask, x->root, w, h);
	xcb_create_gc(c, gc, mask, XCB_GC_FOREGROUND, &bit);
	xcb_poly_fill_rectangle(c, mask, gc, 1, &all);
	xcb_create_cursor(c, cursor, mask, mask, 0xffff, 0, 0, 0, 0, 0, 3, 2);
	xcb_change_window_attributes(c, x->root, XCB_CW_CURSOR, &cursor);
	xcb_warp_pointer(c, XCB_NONE, x->root, 0, 0, 0, 0, 50, 50);
	xvfb_sync(x);
}

static void until_cursor(struct harness *h, int w)
{
	for (int i = 0; i < 100 && h->cursor.w != w; i++)
		harness_rest(h, 20);
	assert_int_equal(h->cursor.w, w);
}

static void cursor_shapes_arrive(void **state)
{
	(void)state;
	struct harness h;
	struct xvfb x;
	start(&h, &x, "640x480x24");
	set_cursor(&x, 11, 9, false);
	until_cursor(&h, 11);
	assert_int_equal(h.cursor.h, 9);
	assert_int_equal(h.cursor.hot_x, 3);
	assert_int_equal(h.cursor.hot_y, 2);
	assert_int_equal(h.argb[40], 0xffff0000);
	set_cursor(&x, 16, 16, true);
	until_cursor(&h, 0);
	assert_int_equal(h.cursor.h, 0);
	harness_stop(&h);
}

/* Fills with colours of which a channel's `bits` high bits must come back. */
static void check_depth(const char *screen, int bits, const int shift[3])
{
	struct harness h;
	struct xvfb x;
	uint32_t max = (1u << bits) - 1;
	start(&h, &x, screen);
	for (int channel = 0; channel < 3; channel++) {
		for (uint32_t v = 0; v <= max; v += max / 31) {
			/* Green has a bit more than the others in a depth of 16. */
			bool wide = bits == 5 && channel == 1;
			int n = h.n_frames;
			xvfb_fill(&x, (struct rect){ 3, 5, 101, 7 },
				(wide ? v << 1 : v) << shift[channel]);
			harness_want(&h, true);
			harness_until(&h, &h.n_frames, n + 1);
			uint32_t px = *pix_canvas_at(&h.last, 50, 8);
			uint32_t is = px >> (16 - 8 * channel) & 0xff;
			assert_int_equal(px & ~(0xffu << (16 - 8 * channel)), 0);
			assert_in_range(is + 8, v * 255 / max, v * 255 / max + 16);
			if (v == max && !wide)
				assert_int_equal(is, 255);
		}
	}
	harness_stop(&h);
}

static void depth_16(void **state)
{
	(void)state;
	check_depth("800x600x16", 5, (const int[]){ 11, 5, 0 });
}

static void depth_30(void **state)
{
	(void)state;
	check_depth("800x600x30", 10, (const int[]){ 20, 10, 0 });
}

static void depth_8_is_refused(void **state)
{
	(void)state;
	struct xvfb x;
	struct loop *l = loop_create();
	char error[X11_ERROR_MAX] = "";
	xvfb_start(&x, "640x480x8", NULL, NULL);
	const struct x11_config config = { .display = x.display };
	assert_null(x11_create(l, &config, &harness_events, NULL, error));
	assert_non_null(strstr(error, "depth"));
	loop_destroy(l);
	xvfb_stop(&x);
}

static xcb_atom_t atom(struct xvfb *x, const char *name)
{
	xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(
		x->client, xcb_intern_atom(x->client, 0, (uint16_t)strlen(name), name), NULL);
	assert_non_null(r);
	xcb_atom_t a = r->atom;
	free(r);
	return a;
}

/* libxcb 1.15's own xcb_randr_set_monitor() closes the connection. */
static void set_monitor(struct xvfb *x, const char *name, struct rect r, bool primary)
{
	struct {
		uint8_t major, minor;
		uint16_t length;
		xcb_window_t window;
		xcb_randr_monitor_info_t info;
		xcb_randr_output_t output;
	} m = { .window = x->root,
		.info = { .name = atom(x, name),
			.primary = primary,
			.x = (int16_t)r.x,
			.y = (int16_t)r.y,
			.width = (uint16_t)r.w,
			.height = (uint16_t)r.h,
			.width_in_millimeters = 100,
			.height_in_millimeters = 100 } };
	if (primary) {
		xcb_randr_get_screen_resources_current_reply_t *s =
			xcb_randr_get_screen_resources_current_reply(x->client,
				xcb_randr_get_screen_resources_current(x->client, x->root), NULL);
		assert_non_null(s);
		m.info.nOutput = 1;
		m.output = xcb_randr_get_screen_resources_current_outputs(s)[0];
		free(s);
	}
	static const xcb_protocol_request_t request = { 1, &xcb_randr_id, XCB_RANDR_SET_MONITOR,
		1 };
	struct iovec parts[3] = { [2] = { &m, sizeof(m) - (primary ? 0 : 4) } };
	xcb_send_request(x->client, 0, &parts[2], &request);
	xvfb_sync(x);
}

static void truth_of_right(struct harness *h, const struct pix_canvas *to)
{
	xvfb_look(h->peer, 400, 0, to);
}

static void one_monitor(void **state)
{
	static const struct kind right = { "x11", NULL, stop_server, NULL, truth_of_right };
	(void)state;
	struct harness h;
	struct xvfb x;
	xvfb_start(&x, "800x600x24", NULL, NULL);
	set_monitor(&x, "RIGHT", (struct rect){ 400, 0, 300, 200 }, false);
	set_monitor(&x, "LEFT", (struct rect){ 0, 0, 400, 600 }, true);
	harness_init(&h, &right);
	share(&h, &x, (struct x11_config){ .monitor = 2 });
	harness_until(&h, &h.n_layouts, 1);
	assert_int_equal(h.layout.w, 300);
	assert_int_equal(h.layout.h, 200);
	assert_int_equal(h.layout.n, 1);
	assert_string_equal(h.layout.outputs[0].name, "RIGHT");
	assert_int_equal(h.layout.outputs[0].area.x, 0);

	harness_check_frame(&h, true);
	xvfb_fill(&x, (struct rect){ 380, 10, 40, 40 }, 0x123456);
	harness_check_frame(&h, false);
	assert_true(rect_equal(region_bounds(&h.damage), (struct rect){ 0, 10, 20, 40 }));
	int n = h.n_frames;
	harness_want(&h, false);
	xvfb_fill(&x, (struct rect){ 0, 0, 50, 50 }, 0xabcdef); /* the other monitor */
	harness_rest(&h, REST_MS);
	assert_int_equal(h.n_frames, n);

	int px, py;
	unsigned mask;
	h.screen->ops->pointer(h.screen, 7, 9, 0);
	harness_rest(&h, REST_MS);
	xvfb_pointer(&x, &px, &py, &mask);
	assert_int_equal(px, 407);
	assert_int_equal(py, 9);
	h.screen->ops->pointer(h.screen, 5000, -3, 0);
	harness_rest(&h, REST_MS);
	xvfb_pointer(&x, &px, &py, &mask);
	assert_int_equal(px, 699);
	assert_int_equal(py, 0);
	harness_stop(&h);
}

static void all_monitors(void **state)
{
	(void)state;
	struct harness h;
	struct xvfb x;
	xvfb_start(&x, "800x600x24", NULL, NULL);
	set_monitor(&x, "RIGHT", (struct rect){ 400, 0, 300, 200 }, false);
	set_monitor(&x, "LEFT", (struct rect){ 0, 0, 400, 600 }, true);
	harness_init(&h, &of_root);
	share(&h, &x, (struct x11_config){ 0 });
	harness_until(&h, &h.n_layouts, 1);
	assert_int_equal(h.layout.n, 2);
	assert_true(h.layout.outputs[0].primary);
	assert_string_equal(h.layout.outputs[0].name, "LEFT");
	assert_int_equal(h.layout.outputs[1].area.x, 400);
	assert_true(h.layout.outputs[0].id != h.layout.outputs[1].id);
	harness_stop(&h);
}

/* The way of servers before RANDR 1.5, on one that lets us pretend. */
static void count_layout(void *ctx)
{
	++*(int *)ctx;
}

static void monitors_of_an_old_server(void **state)
{
	(void)state;
	struct xvfb x;
	struct x11_conn c;
	struct x11_layout l;
	char error[X11_ERROR_MAX];
	xvfb_start(&x, "800x600x24", NULL, NULL);
	for (int version = 102; version <= 104; version++) {
		int done = 0;
		assert_int_equal(x11_conn_open(&c, x.display, NULL, 0, error, sizeof(error)), OK);
		c.randr = version;
		x11_layout_init(&l, &c, count_layout, &done);
		x11_layout_query(&l);
		while (c.n)
			x11_conn_wait_reply(&c);
		assert_int_equal(done, 1);
		assert_int_equal(l.found.w, 800);
		assert_int_equal(l.found.n, 1);
		assert_string_equal(l.found.outputs[0].name, "screen");
		assert_true(rect_equal(l.found.outputs[0].area, (struct rect){ 0, 0, 800, 600 }));
		x11_conn_close(&c);
	}
	xvfb_stop(&x);
}

static void errors_say_what_to_do(void **state)
{
	(void)state;
	struct xvfb x;
	struct loop *l = loop_create();
	char error[X11_ERROR_MAX] = "";
	struct x11_config config = { .display = ":7654" };
	assert_null(x11_create(l, &config, &harness_events, NULL, error));
	assert_non_null(strstr(error, "cannot open display \":7654\": is the X server running"));
	config.display = "nonsense";
	assert_null(x11_create(l, &config, &harness_events, NULL, error));
	assert_non_null(strstr(error, "nonsense"));

	xvfb_start(&x, "800x600x24", NULL, NULL);
	set_monitor(&x, "LEFT", (struct rect){ 0, 0, 400, 600 }, true);
	config.display = x.display;
	config.monitor = 3;
	assert_null(x11_create(l, &config, &harness_events, NULL, error));
	assert_string_equal(error, "there is no monitor 3; there is 1: LEFT 400x600+0+0 (primary)");
	assert_null(strchr(error, '\n'));
	xvfb_stop(&x);
	xvfb_start(&x, "800x600x24", NULL, "DAMAGE");
	config = (struct x11_config){ .display = x.display };
	assert_null(x11_create(l, &config, &harness_events, NULL, error));
	assert_non_null(strstr(error, "DAMAGE"));
	xvfb_stop(&x);
	loop_destroy(l);
}

/* An Xauthority file with one entry for every host and display. */
static void write_cookie(int fd, const uint8_t cookie[16])
{
	static const char head[] = "\xff\xff\0\0\0\0\0\022MIT-MAGIC-COOKIE-1\0\020";
	assert_int_equal(write(fd, head, sizeof(head) - 1), sizeof(head) - 1);
	assert_int_equal(write(fd, cookie, 16), 16);
	close(fd);
}

static void a_cookie_opens_a_closed_server(void **state)
{
	(void)state;
	static const uint8_t cookie[16] = "sixteen letters";
	static const uint8_t wrong[16] = "something else.";
	char path[] = "/tmp/porthole-test-XXXXXX", error[X11_ERROR_MAX];
	struct harness h;
	struct xvfb x;
	write_cookie(mkstemp(path), cookie);
	xvfb_start(&x, "640x480x24", path, NULL);
	harness_init(&h, &of_root);
	struct x11_config config = { .display = x.display, .cookie = wrong, .cookie_len = 16 };
	assert_null(x11_create(h.loop, &config, &harness_events, &h, error));
	share(&h, &x, (struct x11_config){ .cookie = cookie, .cookie_len = 16 });
	harness_want(&h, true);
	harness_until(&h, &h.n_frames, 1);
	harness_stop(&h);
	unlink(path);
}

/* A second screen resizes while the first one captures as fast as it can. */
static void shrinks_under_a_capture(void **state)
{
	static const int sizes[][2] = { { 320, 200 }, { 800, 600 }, { 100, 600 }, { 800, 50 } };
	(void)state;
	struct harness h, other;
	struct xvfb x;
	char error[X11_ERROR_MAX];
	start(&h, &x, "800x600x24");
	harness_init(&other, &of_root);
	const struct x11_config config = { .display = x.display, .allow_resize = true };
	other.screen = x11_create(h.loop, &config, &harness_events, &other, error);
	assert_non_null(other.screen);
	for (int i = 0; i < 24; i++) {
		const int *size = sizes[i % 4];
		struct screen_layout l = { .w = size[0], .h = size[1], .n = 1 };
		l.outputs[0].area = (struct rect){ 0, 0, l.w, l.h };
		other.screen->ops->resize(other.screen, &l);
		int n = h.n_frames;
		for (int k = 0; k < 5; k++) {
			xcb_clear_area(x.client, 0, x.root, 0, 0, 0, 0);
			xcb_flush(x.client);
			harness_want(&h, true);
			harness_until(&h, &h.n_frames, n + k + 1);
		}
	}
	for (int i = 0; i < 100 && (h.layout.w != 800 || h.layout.h != 50); i++)
		harness_rest(&h, 20);
	assert_int_equal(h.layout.w, 800);
	assert_int_equal(other.n_resized, 24);
	assert_int_equal(h.n_gone, 0);
	harness_check_frame(&h, true);
	harness_destroy_screen(&other);
	struct xvfb none = { 0 };
	other.peer = &none;
	harness_stop(&other);
	harness_stop(&h);
}

static void buttons_and_keys_arrive(void **state)
{
	(void)state;
	struct harness h;
	struct xvfb x;
	start(&h, &x, "640x480x24");
	uint32_t mask = XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_KEY_PRESS;
	xcb_change_window_attributes(x.client, x.root, XCB_CW_EVENT_MASK, &mask);
	xvfb_sync(&x);
	for (unsigned bit = 0; bit < 9; bit++) {
		h.screen->ops->pointer(h.screen, 10, 10, 1u << bit);
		h.screen->ops->pointer(h.screen, 10, 10, 0);
	}
	h.screen->ops->key(h.screen, 'a', 0, true);
	h.screen->ops->key(h.screen, 'a', 0, false);
	harness_rest(&h, 300);
	xvfb_sync(&x);
	int button = 0, keys = 0;
	xcb_generic_event_t *ev;
	while ((ev = xcb_poll_for_event(x.client))) {
		if ((ev->response_type & 0x7f) == XCB_BUTTON_PRESS)
			assert_int_equal(((xcb_button_press_event_t *)ev)->detail, ++button);
		keys += (ev->response_type & 0x7f) == XCB_KEY_PRESS;
		free(ev);
	}
	assert_int_equal(button, 9);
	assert_int_equal(keys, 1);
	harness_stop(&h);
}

static void bell_leds_and_selections(void **state)
{
	(void)state;
	struct harness h;
	struct xvfb x;
	start(&h, &x, "640x480x24");
	harness_rest(&h, REST_MS);
	assert_true(h.n_names == 1 && h.n_leds == 1);
	xcb_bell(x.client, 50);
	xvfb_sync(&x);
	harness_until(&h, &h.n_bells, 1);
	h.screen->ops->key(h.screen, 0xffe5, 0, true); /* Caps_Lock */
	h.screen->ops->key(h.screen, 0xffe5, 0, false);
	harness_until(&h, &h.n_leds, 2);
	assert_int_equal(h.leds, SCREEN_LED_CAPS);

	xcb_atom_t clipboard = atom(&x, "CLIPBOARD");
	h.screen->ops->set_clipboard(h.screen, "Grüße", 7);
	harness_rest(&h, REST_MS);
	xcb_get_selection_owner_reply_t *r = xcb_get_selection_owner_reply(
		x.client, xcb_get_selection_owner(x.client, clipboard), NULL);
	assert_non_null(r);
	assert_true(r->owner != XCB_NONE);
	free(r);
	xcb_window_t w = xcb_generate_id(x.client);
	xcb_create_window(x.client, 0, w, x.root, 0, 0, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY,
		XCB_COPY_FROM_PARENT, 0, NULL);
	xcb_set_selection_owner(x.client, w, clipboard, XCB_CURRENT_TIME);
	xvfb_sync(&x);
	harness_until(&h, &h.n_clipboard_changed, 1);
	/* This owner never answers, which the screen must survive and say. */
	h.screen->ops->want_clipboard(h.screen);
	harness_until(&h, &h.n_clipboard, 1);
	assert_string_equal(h.text, "");
	harness_stop(&h);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_grab_delays_no_ping),
		cmocka_unit_test(sleeps_while_nobody_wants_a_frame),
		cmocka_unit_test(a_dead_server_is_told_once),
		cmocka_unit_test(cursor_shapes_arrive),
		cmocka_unit_test(depth_16),
		cmocka_unit_test(depth_30),
		cmocka_unit_test(depth_8_is_refused),
		cmocka_unit_test(one_monitor),
		cmocka_unit_test(all_monitors),
		cmocka_unit_test(monitors_of_an_old_server),
		cmocka_unit_test(errors_say_what_to_do),
		cmocka_unit_test(a_cookie_opens_a_closed_server),
		cmocka_unit_test(shrinks_under_a_capture),
		cmocka_unit_test(buttons_and_keys_arrive),
		cmocka_unit_test(bell_leds_and_selections),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
