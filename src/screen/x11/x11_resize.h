#pragma once
#include "screen/screen.h"
#include "screen/x11/x11_conn.h"

/* Gives a virtual desktop another size through RANDR 1.2: a mode of that size,
 * the CRTC and the screen, in an order in which the CRTC always fits. */

typedef void x11_resize_done(void *ctx, enum screen_resized result);

struct x11_resize {
	struct x11_conn *conn; /* borrowed */
	bool busy, fits;
	int w, h;
	uint32_t output, crtc, mode, config_time;
	uint32_t made, old_made; /* modes of our own making: for now, before; 0: none */
	x11_resize_done *done;
	void *ctx;
};

void x11_resize_init(struct x11_resize *r, struct x11_conn *c, x11_resize_done *done, void *ctx);
/* Only when not busy; needs conn->randr >= 102. Calls `done` when it is over. */
void x11_resize_start(struct x11_resize *r, int w, int h);
