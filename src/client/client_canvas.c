#include <stdlib.h>

#include "client/client_private.h"

void client_canvas_fini(struct client *c)
{
	free(c->canvas.px);
	free(c->coded.px);
	c->canvas = c->coded = (struct pix_canvas){ 0 };
}

static bool make_canvas(struct pix_canvas *canvas, int w, int h)
{
	uint32_t *px = calloc((size_t)w * (size_t)h, sizeof(*px));
	*canvas = (struct pix_canvas){ px, w, w, h };
	return px != NULL;
}

int client_resize(struct client *c, int w, int h)
{
	if (w == c->canvas.w && h == c->canvas.h)
		return OK;
	if (w < 1 || h < 1)
		return client_fail(c, ERR_PROTO, "an empty framebuffer, %dx%d", w, h);
	if (w > CLIENT_SIDE_MAX || h > CLIENT_SIDE_MAX ||
		(int64_t)w * h * 4 > (int64_t)CLIENT_BYTES_MAX)
		return client_fail(c, ERR_LIMIT, "a framebuffer of %dx%d", w, h);

	client_canvas_fini(c);
	c->canvas.w = c->canvas.stride = w;
	c->canvas.h = h;
	if (c->no_decode)
		return OK;
	if (!make_canvas(&c->canvas, w, h))
		return client_fail(c, ERR_NOMEM, "no memory for %dx%d", w, h);
	if (!c->asked.true_colour && !make_canvas(&c->coded, w, h))
		return client_fail(c, ERR_NOMEM, "no memory for %dx%d", w, h);
	return OK;
}

const struct pix_canvas *client_target(const struct client *c)
{
	return c->coded.px ? &c->coded : &c->canvas;
}

void client_painted(struct client *c, struct rect r)
{
	if (!c->coded.px)
		return;
	for (int y = r.y; y < r.y + r.h; y++) {
		const uint32_t *from = pix_canvas_at(&c->coded, r.x, y);
		uint32_t *to = pix_canvas_at(&c->canvas, r.x, y);
		for (int x = 0; x < r.w; x++)
			to[x] = c->map[pix_convert_one(&c->convert, from[x]) & 0xff];
	}
}
