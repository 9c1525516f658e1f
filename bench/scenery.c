#include "scenery.h"

#include <stdlib.h>

enum { LINE_MAX_CELLS = 255 };

static uint32_t next_random(struct stage *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->random >> 8;
}

void scenery_words(struct stage *s, char *to, int n)
{
	static const char letters[] = "etaoinshrdlucmfwypvbgkjqxz";
	int word = 0;
	for (int i = 0; i < n; i++) {
		/* Common letters more often: the smaller of two draws. */
		uint32_t a = next_random(s) % 26, b = next_random(s) % 26;
		bool space = word > 1 && next_random(s) % 6 == 0;
		to[i] = space ? ' ' : letters[a < b ? a : b];
		word = space ? 0 : word + 1;
	}
}

static void text_lines(struct stage *s, xcb_drawable_t to, struct rect r)
{
	char line[LINE_MAX_CELLS];
	int cells = r.w / XPAINT_CELL_W;
	for (int y = 0; y + XPAINT_CELL_H <= r.h; y += XPAINT_CELL_H) {
		/* Ragged, with an empty line now and then, as text is. */
		int n = next_random(s) % 8 ? cells - (int)(next_random(s) % 16) : 0;
		scenery_words(s, line, n);
		xpaint_text(&s->paint, to, r.x, r.y + y, line, n);
	}
}

/* A title bar and a page below it, with its top left corner at r. */
static void window_at(struct stage *s, xcb_drawable_t to, struct rect r)
{
	enum { MARGIN = 6 };
	struct rect bar = { r.x, r.y, r.w, SCENERY_BAR };
	struct rect page = { r.x, r.y + SCENERY_BAR, r.w, r.h - SCENERY_BAR };
	struct rect text = { page.x + MARGIN, page.y + MARGIN, page.w - 2 * MARGIN,
		page.h - 2 * MARGIN };
	xpaint_fill(&s->paint, to, bar, SCENERY_TITLE);
	xpaint_fill(&s->paint, to, page, SCENERY_PAPER);
	text_lines(s, to, text);
}

xcb_window_t scenery_text_window(struct stage *s, struct rect r)
{
	xcb_window_t w = xpaint_window(&s->paint, r, SCENERY_PAPER);
	window_at(s, w, (struct rect){ 0, 0, r.w, r.h });
	return w;
}

static void icon(struct stage *s, xcb_drawable_t to, int x, int y, uint32_t colour)
{
	enum { SIDE = 48, ROUNDS = 8 };
	for (int i = 0; i < ROUNDS; i++) {
		struct rect r = { x + i * 2, y + i * 2, SIDE - i * 4, SIDE - i * 4 };
		xpaint_fill(&s->paint, to, r, colour + (uint32_t)i * 0x0c0c0cu);
	}
}

static void paint_desktop(struct stage *s, xcb_drawable_t to)
{
	enum { WALL = 0x2d5f6e, PANEL = 0x20262c, PANEL_H = 32, ICONS = 8, ICON_STEP = 96 };
	struct rect all = { 0, 0, WORKLOAD_W, WORKLOAD_H };
	struct rect panel = { 0, WORKLOAD_H - PANEL_H, WORKLOAD_W, PANEL_H };

	xpaint_fill(&s->paint, to, all, WALL);
	for (int i = 0; i < ICONS; i++)
		icon(s, to, 24, 40 + i * ICON_STEP, 0x301838u + (uint32_t)i * 0x140a05u);
	window_at(s, to, (struct rect){ 140, 60, 760, 620 });
	window_at(s, to, (struct rect){ 980, 260, 820, 700 });
	xpaint_fill(&s->paint, to, panel, PANEL);
}

void scenery_desktop(struct stage *s)
{
	struct rect all = { 0, 0, WORKLOAD_W, WORKLOAD_H };
	xcb_connection_t *c = s->paint.conn;
	xcb_pixmap_t picture = xcb_generate_id(c);
	s->desktop = xpaint_window(&s->paint, all, 0);
	xcb_create_pixmap(
		c, s->paint.screen->root_depth, picture, s->desktop, WORKLOAD_W, WORKLOAD_H);
	paint_desktop(s, picture);
	/* As its background the X server repaints it by itself where it shows again. */
	xcb_change_window_attributes(c, s->desktop, XCB_CW_BACK_PIXMAP, &picture);
	xcb_clear_area(c, 0, s->desktop, 0, 0, 0, 0);
	xcb_free_pixmap(c, picture);
}

void scenery_photo(struct stage *s, struct rect r)
{
	struct nature photo;
	if (nature_init(&photo, r.w, r.h, 1))
		return;
	xpaint_image(&s->paint, s->desktop, r, photo.px);
	nature_fini(&photo);
}
