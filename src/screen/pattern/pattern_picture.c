#include "screen/pattern/pattern_picture.h"

enum { GLYPH_W = 8, GLYPH_H = 16, SCROLL_STEP = 4, VIDEO_STEP = 3, MARKER = 17, KEY_BOX = 64 };
enum { MARGIN = 16, STAMP_BIT = 8, STAMP_BITS = 32 };
enum { PAPER = 0xfdfdfd, INK = 0x101418, MARKER_COLOUR = 0xff3010 };

/* Colours one row: the n pixels from (x, y), relative to the area's corner. */
typedef void paint_fn(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n);

struct area {
	struct rect rect;
	paint_fn *paint;
};

enum { AREA_TEXT, AREA_VIDEO, AREA_SCROLL, AREA_WINDOW, AREA_KEY, AREA_STAMP, AREA_MARKER, AREAS };

static uint32_t mix(uint32_t a, uint32_t b)
{
	uint32_t v = a * 0x9e3779b1u ^ (b + 0x7f4a7c15u) * 0x85ebca6bu;
	v ^= v >> 15;
	v *= 0x2c1b3c6du;
	v ^= v >> 13;
	return v;
}

static void fill(uint32_t *px, uint32_t colour, int n)
{
	for (int i = 0; i < n; i++)
		px[i] = colour;
}

/* The 8 pixels of row y of a made-up letter: stems and bars, like real text. */
static unsigned glyph_row(uint32_t letter, int y)
{
	static const uint8_t shapes[8] = { 0x7e, 0x42, 0x40, 0x02, 0x3c, 0x18, 0x66, 0x42 };
	if (letter % 6 == 0 || y < 3 || y > 12)
		return 0;
	return shapes[letter >> (3 * ((y - 3) / 2) + 4) & 7];
}

static void paint_letter(uint32_t *px, uint32_t letter, int from, int n, int y)
{
	unsigned row = glyph_row(letter, y);
	for (int i = 0; i < n; i++)
		px[i] = row >> (GLYPH_W - 1 - from - i) & 1 ? INK : PAPER;
}

/* How many letters fit in one line, the last one perhaps cut. */
static int columns(struct rect area)
{
	return (area.w + GLYPH_W - 1) / GLYPH_W;
}

static uint32_t cells(struct rect area)
{
	return (uint32_t)columns(area) * (uint32_t)((area.h + GLYPH_H - 1) / GLYPH_H);
}

static struct rect cell_rect(struct rect area, uint32_t cell)
{
	int col = (int)(cell % (uint32_t)columns(area)),
	    row = (int)(cell / (uint32_t)columns(area));
	struct rect r = { area.x + col * GLYPH_W, area.y + row * GLYPH_H, GLYPH_W, GLYPH_H };
	return rect_intersect(r, area);
}

/* Every frame types one letter, over the old text once the page is full. */
static void paint_text(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n)
{
	uint32_t first = (uint32_t)(y / GLYPH_H) * (uint32_t)columns(area);
	while (n > 0) {
		uint32_t cell = first + (uint32_t)(x / GLYPH_W);
		uint32_t typed = p->frame > cell ? (p->frame - 1 - cell) / cells(area) + 1 : 0;
		int from = x % GLYPH_W, k = n < GLYPH_W - from ? n : GLYPH_W - from;
		paint_letter(px, mix(p->seed + typed, cell), from, k, y % GLYPH_H);
		px += k, x += k, n -= k;
	}
}

static void paint_scroll(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n)
{
	(void)area;
	uint64_t row = (uint64_t)p->frame * SCROLL_STEP + (uint64_t)y;
	uint32_t line = (uint32_t)(row / GLYPH_H);
	while (n > 0) {
		int from = x % GLYPH_W, k = n < GLYPH_W - from ? n : GLYPH_W - from;
		uint32_t letter = mix(mix(p->seed, line), (uint32_t)(x / GLYPH_W));
		paint_letter(px, letter, from, k, (int)(row % GLYPH_H));
		px += k, x += k, n -= k;
	}
}

/* A triangle wave of 0 to 127 and back. */
static uint32_t wave(uint32_t v)
{
	v &= 255;
	return v < 128 ? v : 255 - v;
}

static void paint_video(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n)
{
	(void)area;
	uint32_t pan = p->frame * VIDEO_STEP + p->seed, v = (uint32_t)y;
	uint32_t noise_row = mix(p->seed ^ p->frame, v);
	for (int i = 0; i < n; i++) {
		uint32_t u = (uint32_t)(x + i) + pan;
		uint32_t noise = mix(noise_row, (uint32_t)(x + i)) & 15;
		uint32_t red = wave(u / 2 + v) + 90 + noise;
		uint32_t green = wave(v * 2 - u / 3) + 60 + noise;
		uint32_t blue = wave(u + v / 2) + 40 + noise;
		px[i] = red << 16 | green << 8 | blue;
	}
}

static void paint_window(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n)
{
	(void)area, (void)x;
	fill(px, y < 20 ? 0x3a6ea5 : 0xd8dee4 - (mix(p->seed, 2) & 0x0f0f0f), n);
}

static void paint_key_box(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n)
{
	(void)area, (void)x, (void)y;
	fill(px, mix(p->keysym, p->keys) & 0xffffff, n);
}

static void paint_stamp(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n)
{
	(void)area, (void)y;
	for (int i = 0; i < n; i++)
		px[i] = p->frame >> (STAMP_BITS - 1 - (x + i) / STAMP_BIT) & 1 ? 0xffffff : 0;
}

static void paint_marker(
	const struct pattern_picture *p, struct rect area, uint32_t *px, int x, int y, int n)
{
	(void)area, (void)x, (void)y;
	fill(px, MARKER_COLOUR ^ (p->buttons * 0x203050 & 0xffffff), n);
}

static struct rect stamp_rect(int w, int h)
{
	if (w < STAMP_BIT * STAMP_BITS || h < 8 * STAMP_BIT)
		return (struct rect){ 0 };
	return (struct rect){ 0, h - STAMP_BIT, STAMP_BIT * STAMP_BITS, STAMP_BIT };
}

struct rect pattern_picture_key_box(const struct pattern_picture *p)
{
	struct rect r = { p->w / 2 + 2 * MARGIN, p->h / 2 + 3 * MARGIN, KEY_BOX, KEY_BOX };
	return rect_clip(r, p->w, p->h);
}

/* In painting order: the last one is on top. */
static void areas_of(const struct pattern_picture *p, struct area out[AREAS])
{
	int w = p->w / 2 - 3 * MARGIN / 2, h = p->h / 2 - 3 * MARGIN / 2;
	int right = p->w / 2 + MARGIN / 2, low = p->h / 2 + MARGIN / 2;
	struct rect marker = { p->x - MARKER / 2, p->y - MARKER / 2, MARKER, MARKER };
	out[AREA_TEXT] = (struct area){ { MARGIN, MARGIN, w, h }, paint_text };
	out[AREA_VIDEO] = (struct area){ { right, MARGIN, w, h }, paint_video };
	out[AREA_SCROLL] = (struct area){ { MARGIN, low, w, h }, paint_scroll };
	out[AREA_WINDOW] = (struct area){ { right, low, w, h }, paint_window };
	out[AREA_KEY] = (struct area){ pattern_picture_key_box(p), paint_key_box };
	out[AREA_STAMP] = (struct area){ stamp_rect(p->w, p->h), paint_stamp };
	out[AREA_MARKER] = (struct area){ rect_clip(marker, p->w, p->h), paint_marker };
}

void pattern_picture_draw(
	const struct pattern_picture *p, const struct pix_canvas *to, struct rect area)
{
	struct area areas[AREAS];
	areas_of(p, areas);
	area = rect_clip(area, p->w, p->h);
	for (int y = area.y; y < area.y + area.h; y++)
		fill(pix_canvas_at(to, area.x, y), 0x20303c + (p->seed & 0x0f0f0f), area.w);
	for (int i = 0; i < AREAS; i++) {
		struct rect all = areas[i].rect, r = rect_intersect(area, all);
		for (int y = r.y; y < r.y + r.h; y++)
			areas[i].paint(
				p, all, pix_canvas_at(to, r.x, y), r.x - all.x, y - all.y, r.w);
	}
}

static void add_typed(struct rect area, uint32_t from, uint32_t to, struct region *out)
{
	if (rect_empty(area))
		return;
	if (to < from || to - from >= cells(area)) {
		region_add_rect(out, area);
		return;
	}
	for (uint32_t f = from; f < to; f++)
		region_add_rect(out, cell_rect(area, f % cells(area)));
}

void pattern_picture_changes(
	const struct pattern_picture *a, const struct pattern_picture *b, struct region *out)
{
	if (a->w != b->w || a->h != b->h || a->seed != b->seed) {
		region_add_rect(out, (struct rect){ 0, 0, b->w, b->h });
		return;
	}
	struct area before[AREAS], after[AREAS];
	areas_of(a, before);
	areas_of(b, after);
	if (a->frame != b->frame) {
		add_typed(after[AREA_TEXT].rect, a->frame, b->frame, out);
		region_add_rect(out, after[AREA_VIDEO].rect);
		region_add_rect(out, after[AREA_SCROLL].rect);
		region_add_rect(out, after[AREA_STAMP].rect);
	}
	if (a->keysym != b->keysym || a->keys != b->keys)
		region_add_rect(out, after[AREA_KEY].rect);
	if (a->x != b->x || a->y != b->y || a->buttons != b->buttons) {
		region_add_rect(out, before[AREA_MARKER].rect);
		region_add_rect(out, after[AREA_MARKER].rect);
	}
}

bool pattern_picture_read_frame(const struct pix_view *view, uint32_t *frame)
{
	struct rect r = stamp_rect(view->w, view->h);
	if (rect_empty(r))
		return false;
	*frame = 0;
	for (int i = 0; i < STAMP_BITS; i++) {
		uint32_t px = *pix_view_at(
			view, r.x + i * STAMP_BIT + STAMP_BIT / 2, r.y + STAMP_BIT / 2);
		*frame = *frame << 1 | (px >> 15 & 1); /* green's top bit */
	}
	return true;
}
