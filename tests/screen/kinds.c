#include "kinds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"
#include "screen/pattern/pattern.h"
#include "screen/pattern/pattern_picture.h"
#include "screen/x11/x11.h"

enum { W = 640, H = 480, SEED = 7 };

static void pattern_start(struct harness *h)
{
	static const struct pattern_config config = { W, H, SEED, 0 };
	struct pattern_picture *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	*p = (struct pattern_picture){ .w = W, .h = H, .seed = SEED, .x = W / 2, .y = H / 2 };
	h->peer = p;
	h->screen = pattern_create(h->loop, &config, &harness_events, h);
}

static void pattern_stop(struct harness *h)
{
	free(h->peer);
}

static void pattern_draw(struct harness *h, int x, int y, uint32_t seed)
{
	struct pattern_picture *p = h->peer;
	p->x = x;
	p->y = y;
	p->buttons = seed & 0x1ff;
	h->inside = true;
	h->screen->ops->pointer(h->screen, x, y, p->buttons);
	h->inside = false;
}

static void pattern_truth(struct harness *h, const struct pix_canvas *to)
{
	struct pattern_picture *p = h->peer;
	p->w = to->w;
	p->h = to->h;
	pattern_picture_draw(p, to, (struct rect){ 0, 0, to->w, to->h });
}

const struct kind kind_pattern = { "pattern", pattern_start, pattern_stop, pattern_draw,
	pattern_truth };

static void start_x11(struct harness *h, const char *without)
{
	struct xvfb *x = calloc(1, sizeof(*x));
	assert_non_null(x);
	h->peer = x;
	xvfb_start(x, "640x480x24", NULL, without);
	char error[X11_ERROR_MAX];
	const struct x11_config config = { .display = x->display, .allow_resize = true };
	h->screen = x11_create(h->loop, &config, &harness_events, h, error);
	if (!h->screen)
		fail_msg("%s", error);
}

static void x11_start(struct harness *h)
{
	start_x11(h, NULL);
}

static void x11_start_without_shm(struct harness *h)
{
	start_x11(h, "MIT-SHM");
}

static void x11_start_without_randr(struct harness *h)
{
	start_x11(h, "RANDR");
}

static void x11_stop(struct harness *h)
{
	xvfb_stop(h->peer);
	free(h->peer);
}

static void x11_draw(struct harness *h, int x, int y, uint32_t seed)
{
	int w = (int)(seed % 37) + 1, hh = (int)(seed / 37 % 37) + 1;
	xvfb_fill(h->peer, (struct rect){ x - w / 2, y - hh / 2, w, hh }, seed * 2654435761u);
}

static void x11_truth(struct harness *h, const struct pix_canvas *to)
{
	xvfb_look(h->peer, 0, 0, to);
}

const struct kind kind_x11 = { "x11", x11_start, x11_stop, x11_draw, x11_truth };
const struct kind kind_x11_without_shm = { "x11 without shm", x11_start_without_shm, x11_stop,
	x11_draw, x11_truth };
const struct kind kind_x11_without_randr = { "x11 without randr", x11_start_without_randr, x11_stop,
	x11_draw, x11_truth };

static void fake_start(struct harness *h)
{
	h->screen = fake_create(h->loop, W, H, &harness_events, h);
}

static void fake_stop(struct harness *h)
{
	(void)h;
}

static void fake_draw(struct harness *h, int x, int y, uint32_t seed)
{
	struct rect r = { x - 8, y - 9, (int)(seed % 30) + 9, (int)(seed / 30 % 30) + 10 };
	fake_fill(h->screen, rect_clip(r, W, H), seed * 2654435761u & 0xffffff);
}

static void fake_truth(struct harness *h, const struct pix_canvas *to)
{
	fake_look(h->screen, to);
}

const struct kind kind_fake = { "fake", fake_start, fake_stop, fake_draw, fake_truth };
