#pragma once
#include "net/loop.h"
#include "screen/screen.h"

/* A screen whose pictures come from a thread of its own, as they do from a
 * compositor: what a back end without a descriptor to poll looks like. */
struct screen *fake_create(struct loop *l, int w, int h, const struct screen_events *e, void *ctx);
/* Has the thread fill a rectangle; returns when it has. */
void fake_fill(struct screen *s, struct rect r, uint32_t rgb);
void fake_look(struct screen *s, const struct pix_canvas *to);
