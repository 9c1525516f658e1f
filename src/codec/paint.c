#include "codec/paint.h"

void paint_fill(const struct pix_canvas *to, struct rect r, uint32_t rgb)
{
	for (int y = r.y; y < r.y + r.h; y++) {
		uint32_t *px = pix_canvas_at(to, r.x, y);
		for (int x = 0; x < r.w; x++)
			px[x] = rgb;
	}
}
