#include "screen/x11/x11_grab.h"

#include <stdlib.h>
#include <string.h>

/* A request costs server and us about as much as moving this many pixels. */
enum { REQUEST_PIXELS = 8192 };
/* Staging is small enough to stay in the cache between server and us; a reply
 * is small enough that xcb, which reads a reply to its end, is not held up. */
enum { STAGE_BYTES = 2 << 20, REPLY_BYTES = 64 << 10 };

static int area_of(struct rect r)
{
	return r.w * r.h;
}

/* How many pixels more it is to bring the two as one. */
static int join_cost(struct rect a, struct rect b)
{
	return area_of(rect_union(a, b)) - area_of(a) - area_of(b);
}

static void add_todo(struct x11_grab *g, struct rect r)
{
	int best = -1, cost = 0;
	for (int i = 0; i < g->n_todo; i++) {
		int c = join_cost(g->todo[i], r);
		if (best < 0 || c < cost) {
			best = i;
			cost = c;
		}
	}
	if (best >= 0 && (cost < REQUEST_PIXELS || g->n_todo == X11_GRAB_RECTS))
		g->todo[best] = rect_union(g->todo[best], r);
	else
		g->todo[g->n_todo++] = r;
}

static void plan(struct x11_grab *g)
{
	g->n_todo = g->next = 0;
	for (size_t i = 0; i < region_count(&g->area); i++)
		add_todo(g, region_at(&g->area, i));
}

/* Rows that lie in the image as in the frame, and of which every pixel is asked for. */
static bool can_go_in_place(const struct x11_grab *g, struct rect r)
{
	return g->frame_shm.mem && r.w == g->frame.w && region_contains(&g->area, r);
}

static void copy_rect(
	struct x11_grab *g, const struct x11_piece *p, const void *from, struct rect r)
{
	size_t stride = x11_format_stride(g->format, p->rect.w);
	const uint8_t *row = from;
	row += stride * (size_t)(r.y - p->rect.y) +
	       (size_t)g->format->bytes * (size_t)(r.x - p->rect.x);
	for (int y = r.y; y < r.y + r.h; y++, row += stride)
		x11_format_row(g->format, pix_canvas_at(&g->frame, r.x, y), row, (size_t)r.w);
}

static void copy_piece(struct x11_grab *g, const struct x11_piece *p, const void *from)
{
	for (size_t i = 0; i < region_count(&g->area); i++) {
		struct rect r = rect_intersect(region_at(&g->area, i), p->rect);
		if (!rect_empty(r))
			copy_rect(g, p, from, r);
	}
}

static void send_round(struct x11_grab *g);

static void answered(struct x11_grab *g, int err)
{
	g->n_answers++;
	if (g->err == OK)
		g->err = err;
	if (g->n_answers < g->n_pieces)
		return;
	if (g->err == OK && g->next < g->n_todo)
		send_round(g);
	else
		g->done(g->ctx, g->err);
}

static void on_shm_image(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_grab *g = ctx;
	const struct x11_piece *p = &g->pieces[g->n_answers];
	if (reply && !p->in_place)
		copy_piece(g, p, (const uint8_t *)g->stage.mem + p->offset);
	answered(g, reply ? OK : error ? ERR_AGAIN : ERR_IO);
}

static void on_image(void *ctx, const void *reply, const xcb_generic_error_t *error)
{
	struct x11_grab *g = ctx;
	const struct x11_piece *p = &g->pieces[g->n_answers];
	const xcb_get_image_reply_t *r = reply;
	size_t size = x11_format_stride(g->format, p->rect.w) * (size_t)p->rect.h;
	int err = r ? OK : error ? ERR_AGAIN : ERR_IO;
	if (r && (size_t)r->length * 4 < size)
		err = ERR_AGAIN;
	else if (r)
		copy_piece(g, p, xcb_get_image_data(r));
	answered(g, err);
}

static void send_piece(struct x11_grab *g, const struct x11_piece *p)
{
	struct x11_conn *c = g->conn;
	struct rect r = p->rect;
	int16_t x = (int16_t)(g->x + r.x), y = (int16_t)(g->y + r.y);
	uint16_t w = (uint16_t)r.w, h = (uint16_t)r.h;
	if (!g->shm) {
		xcb_get_image_cookie_t q = xcb_get_image(
			c->xcb, XCB_IMAGE_FORMAT_Z_PIXMAP, c->root, x, y, w, h, UINT32_MAX);
		x11_conn_expect(c, q.sequence, on_image, g);
		return;
	}
	xcb_shm_seg_t seg = p->in_place ? g->frame_shm.seg : g->stage.seg;
	xcb_shm_get_image_cookie_t q = xcb_shm_get_image(c->xcb, c->root, x, y, w, h, UINT32_MAX,
		XCB_IMAGE_FORMAT_Z_PIXMAP, seg, (uint32_t)p->offset);
	x11_conn_expect(c, q.sequence, on_shm_image, g);
}

/* The next piece of todo[next], at most `room` bytes; what it takes in staging. */
static size_t cut_piece(struct x11_grab *g, struct x11_piece *p, size_t room)
{
	struct rect *r = &g->todo[g->next];
	size_t stride = x11_format_stride(g->format, r->w);
	*p = (struct x11_piece){ .rect = *r };
	if (can_go_in_place(g, *r)) {
		p->in_place = true;
		p->offset = (size_t)r->y * (size_t)g->frame.stride * sizeof(uint32_t);
		g->next++;
		return 0;
	}
	size_t rows = room / stride;
	if (rows < (size_t)r->h)
		p->rect.h = (int)rows;
	r->y += p->rect.h;
	r->h -= p->rect.h;
	if (r->h == 0)
		g->next++;
	return stride * (size_t)p->rect.h;
}

/* Requests as many pieces as staging holds; the rest follows when they are here. */
static void send_round(struct x11_grab *g)
{
	size_t used = 0;
	g->n_pieces = g->n_answers = 0;
	while (g->next < g->n_todo && g->n_pieces < X11_GRAB_PIECES) {
		struct x11_piece *p = &g->pieces[g->n_pieces];
		size_t room = g->shm ? STAGE_BYTES - used : REPLY_BYTES;
		if (room < x11_format_stride(g->format, g->todo[g->next].w) && g->n_pieces)
			break;
		size_t bytes = cut_piece(g, p, room);
		if (!p->in_place)
			p->offset = used;
		used += bytes;
		g->n_pieces++;
	}
	/* Only now, because a reply counts itself against n_pieces. */
	for (int i = 0; i < g->n_pieces; i++)
		send_piece(g, &g->pieces[i]);
}

void x11_grab_init(struct x11_grab *g, struct x11_conn *c, const struct x11_format *f)
{
	*g = (struct x11_grab){ .conn = c, .format = f, .shm = c->has_shm };
	region_init(&g->area);
}

static void free_frame(struct x11_grab *g)
{
	if (g->frame_shm.mem)
		x11_shm_close(&g->frame_shm, g->conn);
	else
		free(g->frame.px);
	g->frame = (struct pix_canvas){ 0 };
}

void x11_grab_fini(struct x11_grab *g)
{
	if (!g->conn)
		return;
	free_frame(g);
	x11_shm_close(&g->stage, g->conn);
	region_fini(&g->area);
}

int x11_grab_set_area(struct x11_grab *g, struct rect area)
{
	size_t size = (size_t)area.w * (size_t)area.h * sizeof(uint32_t);
	struct x11_shm shm = { 0 };
	void *px = NULL;
	int err = OK;
	if (g->shm && !g->stage.mem)
		err = x11_shm_open(&g->stage, g->conn, STAGE_BYTES);
	if (err == OK && g->shm && g->format->native)
		err = x11_shm_open(&shm, g->conn, size);
	else if (err == OK && !(px = calloc(1, size)))
		err = ERR_NOMEM;
	if (err)
		return err;
	free_frame(g);
	g->frame_shm = shm;
	g->frame = (struct pix_canvas){ px ? px : shm.mem, area.w, area.w, area.h };
	g->x = area.x;
	g->y = area.y;
	return OK;
}

int x11_grab_without_shm(struct x11_grab *g)
{
	bool was = g->shm;
	struct rect area = { g->x, g->y, g->frame.w, g->frame.h };
	g->shm = false;
	int err = x11_grab_set_area(g, area);
	if (err)
		g->shm = was;
	else
		x11_shm_close(&g->stage, g->conn);
	return err;
}

void x11_grab_start(struct x11_grab *g, const struct region *what, x11_grab_done *done, void *ctx)
{
	region_copy(&g->area, what);
	g->done = done;
	g->ctx = ctx;
	g->err = OK;
	plan(g);
	send_round(g);
}
