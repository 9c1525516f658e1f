#include <stdio.h>
#include <string.h>

#include "screen/x11/x11_private.h"

void x11_describe_monitors(const struct screen_layout *layout, char *out, size_t size)
{
	size_t len = 0;
	out[0] = 0;
	for (int i = 0; i < layout->n && len < size; i++) {
		const struct screen_output *o = &layout->outputs[i];
		int n = snprintf(out + len, size - len, "%s%d: %s%s%dx%d%+d%+d%s", i ? ", " : "",
			i + 1, o->name, *o->name ? " " : "", o->area.w, o->area.h, o->area.x,
			o->area.y, o->primary ? " (primary)" : "");
		len += n > 0 ? (size_t)n : 0;
	}
}

static int fail(char *error, const char *what)
{
	snprintf(error, X11_ERROR_MAX, "%s", what);
	return ERR_IO;
}

static int check_extensions(const struct x11_conn *c, char *error)
{
	if (!c->has_damage)
		return fail(error,
			"this X server has no DAMAGE extension, which tells what changed "
			"on the screen: update or reconfigure it");
	if (!c->has_xfixes)
		return fail(error, "this X server has no XFIXES extension (version 2): update or "
				   "reconfigure it");
	return OK;
}

static int check_monitor(const struct x11 *x, char *error)
{
	const struct screen_layout *found = &x->layout.found;
	char list[X11_ERROR_MAX / 2];
	if (x->monitor >= 0 && x->monitor <= found->n)
		return OK;
	x11_describe_monitors(found, list, sizeof(list));
	snprintf(error, X11_ERROR_MAX, "there is no monitor %d; there is %s", x->monitor, list);
	return ERR_IO;
}

static void wait_for_layout(struct x11_layout *l)
{
	x11_layout_query(l);
	while (l->conn->n)
		x11_conn_wait_reply(l->conn);
}

static void paint_root(const struct x11_conn *c, uint32_t colour)
{
	xcb_change_window_attributes(c->xcb, c->screen->root, XCB_CW_BACK_PIXEL, &colour);
	xcb_clear_area(c->xcb, 0, c->screen->root, 0, 0, 0, 0);
}

int x11_open(struct x11 *x, const struct x11_config *config, char error[X11_ERROR_MAX])
{
	struct x11_conn *c = &x->conn;
	int err = x11_conn_open(
		c, config->display, config->cookie, config->cookie_len, error, X11_ERROR_MAX);
	if (err || (err = check_extensions(c, error)) != OK)
		return err;
	err = x11_format_init(&x->format, xcb_get_setup(c->xcb), c->screen, error, X11_ERROR_MAX);
	if (err)
		return err;
	if (config->background)
		paint_root(c, *config->background);
	x11_change_init(x);
	wait_for_layout(&x->layout);
	x->answered = false;
	if (x->layout.found.w == 0)
		return fail(error, "the X server closed the connection");
	if ((err = check_monitor(x, error)) != OK)
		return err;
	x->area = x->input.area = x11_layout_select(&x->layout.found, x->monitor, &x->shown);
	x11_grab_init(&x->grab, c, &x->format);
	if (x11_grab_set_area(&x->grab, x->area) != OK)
		return fail(error, "out of memory for the picture of the screen");
	return OK;
}
