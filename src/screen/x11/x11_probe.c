#include "screen/x11/x11_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

enum { SHM_PROBE_BYTES = 4096 };

/* Each asks for the version that the X11 screen speaks; the answer may be lower. */
static bool ask_shm(xcb_connection_t *c, struct x11_probe_version *v)
{
	xcb_shm_query_version_reply_t *r =
		xcb_shm_query_version_reply(c, xcb_shm_query_version(c), NULL);
	if (!r)
		return false;
	v->major = r->major_version;
	v->minor = r->minor_version;
	free(r);
	return true;
}

static bool ask_damage(xcb_connection_t *c, struct x11_probe_version *v)
{
	xcb_damage_query_version_reply_t *r =
		xcb_damage_query_version_reply(c, xcb_damage_query_version(c, 1, 1), NULL);
	if (!r)
		return false;
	v->major = r->major_version;
	v->minor = r->minor_version;
	free(r);
	return true;
}

static bool ask_xfixes(xcb_connection_t *c, struct x11_probe_version *v)
{
	xcb_xfixes_query_version_reply_t *r =
		xcb_xfixes_query_version_reply(c, xcb_xfixes_query_version(c, 6, 0), NULL);
	if (!r)
		return false;
	v->major = r->major_version;
	v->minor = r->minor_version;
	free(r);
	return true;
}

static bool ask_xtest(xcb_connection_t *c, struct x11_probe_version *v)
{
	xcb_test_get_version_reply_t *r =
		xcb_test_get_version_reply(c, xcb_test_get_version(c, 2, 2), NULL);
	if (!r)
		return false;
	v->major = r->major_version;
	v->minor = r->minor_version;
	free(r);
	return true;
}

static bool ask_randr(xcb_connection_t *c, struct x11_probe_version *v)
{
	xcb_randr_query_version_reply_t *r =
		xcb_randr_query_version_reply(c, xcb_randr_query_version(c, 1, 5), NULL);
	if (!r)
		return false;
	v->major = r->major_version;
	v->minor = r->minor_version;
	free(r);
	return true;
}

static bool ask_xkb(xcb_connection_t *c, struct x11_probe_version *v)
{
	xcb_xkb_use_extension_reply_t *r =
		xcb_xkb_use_extension_reply(c, xcb_xkb_use_extension(c, 1, 0), NULL);
	if (!r)
		return false;
	v->major = r->serverMajor;
	v->minor = r->serverMinor;
	free(r);
	return true;
}

static const struct {
	const char *name;
	xcb_extension_t *id;
	bool (*ask)(xcb_connection_t *c, struct x11_probe_version *v);
} extensions[X11_PROBE_EXTENSIONS] = {
	[X11_PROBE_SHM] = { "MIT-SHM", &xcb_shm_id, ask_shm },
	[X11_PROBE_DAMAGE] = { "DAMAGE", &xcb_damage_id, ask_damage },
	[X11_PROBE_XFIXES] = { "XFIXES", &xcb_xfixes_id, ask_xfixes },
	[X11_PROBE_XTEST] = { "XTEST", &xcb_test_id, ask_xtest },
	[X11_PROBE_RANDR] = { "RANDR", &xcb_randr_id, ask_randr },
	[X11_PROBE_XKB] = { "XKEYBOARD", &xcb_xkb_id, ask_xkb },
};

const char *x11_probe_extension_name(enum x11_probe_extension e)
{
	return extensions[e].name;
}

static void probe_extensions(xcb_connection_t *c, struct x11_probe *p)
{
	for (int e = 0; e < X11_PROBE_EXTENSIONS; e++) {
		const xcb_query_extension_reply_t *r = xcb_get_extension_data(c, extensions[e].id);
		struct x11_probe_version *v = &p->extension[e];
		v->present = r && r->present && extensions[e].ask(c, v);
	}
	static const char xwayland[] = "XWAYLAND";
	xcb_query_extension_reply_t *r = xcb_query_extension_reply(
		c, xcb_query_extension(c, sizeof(xwayland) - 1, xwayland), NULL);
	p->xwayland = r && r->present;
	free(r);
}

/* Only a server on this machine can take a descriptor; asking tells. */
static bool takes_shm_fd(xcb_connection_t *c, const struct x11_probe_version *shm)
{
	if (!shm->present || (shm->major == 1 && shm->minor < 2))
		return false;
	int fd = memfd_create("porthole-probe", MFD_CLOEXEC);
	if (fd < 0)
		return false;
	if (ftruncate(fd, SHM_PROBE_BYTES)) {
		close(fd);
		return false;
	}
	xcb_shm_seg_t segment = xcb_generate_id(c);
	/* The descriptor is xcb's from here on. */
	xcb_void_cookie_t attach = xcb_shm_attach_fd_checked(c, segment, fd, false);
	xcb_generic_error_t *error = xcb_request_check(c, attach);
	bool ok = !error && !xcb_connection_has_error(c);
	if (ok)
		xcb_shm_detach(c, segment);
	free(error);
	return ok;
}

/* Moves the pointer by a pixel and back, in one go, and looks whether it moved. */
static bool takes_input(xcb_connection_t *c, xcb_window_t root)
{
	xcb_query_pointer_reply_t *before =
		xcb_query_pointer_reply(c, xcb_query_pointer(c, root), NULL);
	if (!before)
		return false;
	int16_t step = before->root_x > 0 ? -1 : 1;
	xcb_test_fake_input(c, XCB_MOTION_NOTIFY, true, 0, XCB_NONE, step, 0, 0);
	xcb_query_pointer_cookie_t look = xcb_query_pointer(c, root);
	xcb_test_fake_input(c, XCB_MOTION_NOTIFY, true, 0, XCB_NONE, (int16_t)-step, 0, 0);
	xcb_query_pointer_reply_t *after = xcb_query_pointer_reply(c, look, NULL);
	bool moved = after && after->root_x == before->root_x + step;
	free(before);
	free(after);
	return moved;
}

static void put_name(xcb_connection_t *c, xcb_atom_t atom, char out[SCREEN_NAME_MAX])
{
	xcb_get_atom_name_reply_t *r = xcb_get_atom_name_reply(c, xcb_get_atom_name(c, atom), NULL);
	if (r)
		snprintf(out, SCREEN_NAME_MAX, "%.*s", xcb_get_atom_name_name_length(r),
			xcb_get_atom_name_name(r));
	free(r);
}

static void put_monitor(
	xcb_connection_t *c, const xcb_randr_monitor_info_t *m, struct screen_output *o)
{
	o->area = (struct rect){ m->x, m->y, m->width, m->height };
	o->primary = m->primary;
	put_name(c, m->name, o->name);
}

/* The primary monitor goes first, the others keep the server's order. */
static void probe_monitors(xcb_connection_t *c, xcb_window_t root, struct screen_layout *layout)
{
	xcb_randr_get_monitors_reply_t *r =
		xcb_randr_get_monitors_reply(c, xcb_randr_get_monitors(c, root, true), NULL);
	if (!r)
		return;
	for (int primary = 1; primary >= 0; primary--) {
		xcb_randr_monitor_info_iterator_t it = xcb_randr_get_monitors_monitors_iterator(r);
		for (; it.rem && layout->n < SCREEN_OUTPUTS_MAX; xcb_randr_monitor_info_next(&it))
			if (!!it.data->primary == primary)
				put_monitor(c, it.data, &layout->outputs[layout->n++]);
	}
	free(r);
}

static void probe_screen(xcb_connection_t *c, int number, struct x11_probe *p)
{
	const xcb_setup_t *setup = xcb_get_setup(c);
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(setup);
	for (; it.rem > 1 && number > 0; number--)
		xcb_screen_next(&it);
	p->layout.w = it.data->width_in_pixels;
	p->layout.h = it.data->height_in_pixels;
	p->depth = it.data->root_depth;
	xcb_format_iterator_t f = xcb_setup_pixmap_formats_iterator(setup);
	for (; f.rem; xcb_format_next(&f))
		if (f.data->depth == p->depth)
			p->bits_per_pixel = f.data->bits_per_pixel;

	probe_extensions(c, p);
	p->shm_fd = takes_shm_fd(c, &p->extension[X11_PROBE_SHM]);
	p->input = p->extension[X11_PROBE_XTEST].present && takes_input(c, it.data->root);
	const struct x11_probe_version *randr = &p->extension[X11_PROBE_RANDR];
	if (randr->present && (randr->major > 1 || randr->minor >= 5))
		probe_monitors(c, it.data->root, &p->layout);
	if (!p->layout.n)
		p->layout.outputs[p->layout.n++] =
			(struct screen_output){ .area = { 0, 0, p->layout.w, p->layout.h },
				.primary = true };
}

void x11_probe(const char *display, struct x11_probe *out)
{
	memset(out, 0, sizeof(*out));
	int number;
	xcb_connection_t *c = xcb_connect(display, &number);
	if (!xcb_connection_has_error(c)) {
		probe_screen(c, number, out);
		out->connected = !xcb_connection_has_error(c);
	}
	if (!out->connected)
		memset(out, 0, sizeof(*out));
	xcb_disconnect(c);
}
