#pragma once
#include <stdint.h>

#include "pix/rect.h"
#include "pix/view.h"

/* All of r, which must lie inside `to`, in one colour. */
void paint_fill(const struct pix_canvas *to, struct rect r, uint32_t rgb);
