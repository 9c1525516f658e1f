#pragma once
#include <stdbool.h>

#include "pix/view.h"

struct desktop;
struct viewer;

/* The cursor for viewers that draw none themselves: blended into the pixels
 * that they are sent, where the last viewer's pointer was. */

/* The pointer is at x, y. Call around a change of shape as well. */
void soft_cursor_moved(struct desktop *d, int x, int y);
/* The viewer began or ceased to draw its own. */
void soft_cursor_changed(struct viewer *v);
/* The viewer needs it and r (frame coordinates) touches it. */
bool soft_cursor_over(const struct viewer *v, struct rect r);
/* Blends the cursor into `to`, which holds the frame's pixels under r. */
void soft_cursor_blend(const struct desktop *d, struct rect r, const struct pix_canvas *to);
