#include "screen/x11/x11_pointer.h"

#include <xcb/xtest.h>

enum { BUTTONS = 9 };

static int clamp(int v, int n)
{
	return v < 0 ? 0 : v >= n ? n - 1 : v;
}

static void fake(struct x11_pointer *p, uint8_t type, uint8_t detail, int x, int y)
{
	xcb_test_fake_input(p->conn->xcb, type, detail, XCB_CURRENT_TIME, p->conn->root, (int16_t)x,
		(int16_t)y, 0);
}

static void set_buttons(struct x11_pointer *p, unsigned buttons)
{
	for (unsigned i = 0; i < BUTTONS; i++) {
		unsigned bit = 1u << i;
		if (!((buttons ^ p->buttons) & bit))
			continue;
		fake(p, buttons & bit ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, (uint8_t)(i + 1), 0,
			0);
	}
	p->buttons = buttons & ((1u << BUTTONS) - 1);
}

void x11_pointer_set(struct x11_pointer *p, struct rect area, int x, int y, unsigned buttons)
{
	fake(p, XCB_MOTION_NOTIFY, 0, area.x + clamp(x, area.w), area.y + clamp(y, area.h));
	set_buttons(p, buttons);
}

void x11_pointer_release_all(struct x11_pointer *p)
{
	set_buttons(p, 0);
}
