/* Workloads of text: nothing, typing, an echoed key, a scrolling page. */
#include "workload_list.h"

#include "scenery.h"

enum {
	LEFT = 200,
	TOP = 120,
	COLUMNS = 150,
	LINES = 56,
	MARGIN = 6,
	WIDTH = COLUMNS * XPAINT_CELL_W + 2 * MARGIN,
	HEIGHT = SCENERY_BAR + LINES * XPAINT_CELL_H + 2 * MARGIN,
	TEXT_TOP = SCENERY_BAR + MARGIN,
};

static void setup_idle(struct stage *s)
{
	scenery_photo(s, (struct rect){ 1000, 40, 640, 400 });
}

const struct workload workload_idle = {
	.name = "idle",
	.what = "a desktop where nothing changes",
	.setup = setup_idle,
};

static void setup_page(struct stage *s)
{
	s->window = scenery_text_window(s, (struct rect){ LEFT, TOP, WIDTH, HEIGHT });
	xpaint_marker(&s->paint, s->window, SCENERY_MARKER, SCENERY_MARKER, 0);
}

/* The next cell of the page; never the character that was there a page ago. */
static void draw_cell(struct stage *s, uint32_t frame)
{
	enum { EVERY = 7 }; /* cells onward for a character: a page is not full for long */
	uint32_t cell = frame * EVERY % (COLUMNS * LINES);
	char c = (char)('A' + frame % 26);
	int x = MARGIN + (int)(cell % COLUMNS) * XPAINT_CELL_W;
	int y = TEXT_TOP + (int)(cell / COLUMNS) * XPAINT_CELL_H;
	xpaint_text(&s->paint, s->window, x, y, &c, 1);
	xpaint_marker(&s->paint, s->window, SCENERY_MARKER, SCENERY_MARKER, frame);
}

const struct workload workload_typing = {
	.name = "typing",
	.what = "one character cell, 10 to 20 times a second",
	.min_us = 50000,
	.max_us = 100000,
	.lossless = true,
	.n_markers = 1,
	.markers = { { LEFT + SCENERY_MARKER, TOP + SCENERY_MARKER } },
	.setup = setup_page,
	.draw = draw_cell,
};

static void setup_echo(struct stage *s)
{
	setup_page(s);
	xcb_set_input_focus(s->paint.conn, XCB_INPUT_FOCUS_PARENT, s->window, XCB_CURRENT_TIME);
}

const struct workload workload_echo = {
	.name = "echo",
	.what = "a key press from the viewer, answered by one character cell",
	.keys = true,
	.lossless = true,
	.n_markers = 1,
	.markers = { { LEFT + SCENERY_MARKER, TOP + SCENERY_MARKER } },
	.setup = setup_echo,
	.draw = draw_cell,
};

static void setup_scroll(struct stage *s)
{
	struct rect bar = { 0, HEIGHT, WIDTH, SCENERY_BAR };
	s->window = scenery_text_window(s, (struct rect){ LEFT, TOP, WIDTH, HEIGHT + SCENERY_BAR });
	xpaint_fill(&s->paint, s->window, bar, SCENERY_TITLE);
	xpaint_marker(&s->paint, s->window, SCENERY_MARKER, SCENERY_MARKER, 0);
	xpaint_marker(&s->paint, s->window, SCENERY_MARKER, HEIGHT + SCENERY_MARKER, 0);
}

static void draw_scroll(struct stage *s, uint32_t frame)
{
	char line[COLUMNS];
	int last = TEXT_TOP + (LINES - 1) * XPAINT_CELL_H;
	scenery_words(s, line, COLUMNS);
	xcb_copy_area(s->paint.conn, s->window, s->window, s->paint.gc, MARGIN,
		TEXT_TOP + XPAINT_CELL_H, MARGIN, TEXT_TOP, COLUMNS * XPAINT_CELL_W,
		(LINES - 1) * XPAINT_CELL_H);
	xpaint_text(&s->paint, s->window, MARGIN, last, line, COLUMNS);
	xpaint_marker(&s->paint, s->window, SCENERY_MARKER, SCENERY_MARKER, frame);
	xpaint_marker(&s->paint, s->window, SCENERY_MARKER, HEIGHT + SCENERY_MARKER, frame);
}

const struct workload workload_scroll = {
	.name = "scroll",
	.what = "a terminal's page scrolled by a line, 30 times a second",
	.min_us = 33333,
	.max_us = 33333,
	.lossless = true,
	.n_markers = 2,
	.markers = { { LEFT + SCENERY_MARKER, TOP + SCENERY_MARKER },
		{ LEFT + SCENERY_MARKER, TOP + HEIGHT + SCENERY_MARKER } },
	.setup = setup_scroll,
	.draw = draw_scroll,
};
