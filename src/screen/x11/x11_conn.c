#include "screen/x11/x11_conn.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

#include "base/clock.h"

enum { FINISH_US = 500 * 1000 };

static bool present(struct x11_conn *c, xcb_extension_t *ext, uint8_t *event)
{
	const xcb_query_extension_reply_t *r = xcb_get_extension_data(c->xcb, ext);
	if (event)
		*event = r ? r->first_event : 0;
	return r && r->present;
}

static bool is_local(const struct x11_conn *c)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	int fd = xcb_get_file_descriptor(c->xcb);
	return getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.ss_family == AF_UNIX;
}

/* Every extension wants to be told our version before it is used. */
static void query_extensions(struct x11_conn *c)
{
	xcb_connection_t *x = c->xcb;
	if (present(c, &xcb_damage_id, &c->damage_event)) {
		xcb_damage_query_version_cookie_t q = xcb_damage_query_version(x, 1, 1);
		xcb_damage_query_version_reply_t *r = xcb_damage_query_version_reply(x, q, NULL);
		c->has_damage = r != NULL;
		free(r);
	}
	if (present(c, &xcb_xfixes_id, &c->xfixes_event)) {
		xcb_xfixes_query_version_cookie_t q = xcb_xfixes_query_version(x, 4, 0);
		xcb_xfixes_query_version_reply_t *r = xcb_xfixes_query_version_reply(x, q, NULL);
		c->has_xfixes = r && r->major_version >= 2;
		free(r);
	}
	if (present(c, &xcb_shm_id, NULL) && is_local(c)) {
		xcb_shm_query_version_cookie_t q = xcb_shm_query_version(x);
		xcb_shm_query_version_reply_t *r = xcb_shm_query_version_reply(x, q, NULL);
		c->has_shm = r && (r->major_version > 1 || r->minor_version >= 2);
		free(r);
	}
	if (present(c, &xcb_randr_id, &c->randr_event)) {
		xcb_randr_query_version_cookie_t q = xcb_randr_query_version(x, 1, 5);
		xcb_randr_query_version_reply_t *r = xcb_randr_query_version_reply(x, q, NULL);
		c->randr = r ? (int)(r->major_version * 100 + r->minor_version) : 0;
		free(r);
	}
	c->has_xtest = present(c, &xcb_test_id, NULL);
	if (present(c, &xcb_xkb_id, &c->xkb_event)) {
		xcb_xkb_use_extension_cookie_t q = xcb_xkb_use_extension(x, 1, 0);
		xcb_xkb_use_extension_reply_t *r = xcb_xkb_use_extension_reply(x, q, NULL);
		c->has_xkb = r && r->supported;
		free(r);
	}
}

static const char *why(int code)
{
	switch (code) {
	case XCB_CONN_CLOSED_PARSE_ERR:
		return "a display is written :NUMBER or HOST:NUMBER; is DISPLAY set?";
	case XCB_CONN_CLOSED_INVALID_SCREEN: return "it has no screen of that number";
	case XCB_CONN_CLOSED_MEM_INSUFFICIENT: return "out of memory";
	default:
		return "is the X server running, is DISPLAY right, and may this user use it "
		       "(XAUTHORITY)?";
	}
}

int x11_conn_open(struct x11_conn *c, const char *display, const uint8_t *cookie, size_t cookie_len,
	char *error, size_t error_size)
{
	static const char scheme[] = "MIT-MAGIC-COOKIE-1";
	char name[sizeof(scheme)], data[64];
	int screen = 0, code;
	*c = (struct x11_conn){ 0 };
	if (cookie && cookie_len <= sizeof(data)) {
		/* xcb's structure is not const, so it gets copies. */
		memcpy(name, scheme, sizeof(scheme));
		memcpy(data, cookie, cookie_len);
		xcb_auth_info_t auth = { sizeof(scheme) - 1, name, (int)cookie_len, data };
		c->xcb = xcb_connect_to_display_with_auth_info(display, &auth, &screen);
		explicit_bzero(data, sizeof(data));
	} else {
		c->xcb = xcb_connect(display, &screen);
	}
	if ((code = xcb_connection_has_error(c->xcb)) != 0)
		goto fail;
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(c->xcb));
	for (; screen > 0 && it.rem; screen--)
		xcb_screen_next(&it);
	c->screen = it.data;
	c->root = it.data->root;
	query_extensions(c);
	if ((code = xcb_connection_has_error(c->xcb)) == 0)
		return OK;

fail:
	snprintf(error, error_size, "cannot open display \"%s\": %s", display ? display : "",
		why(code));
	x11_conn_close(c);
	return ERR_IO;
}

void x11_conn_close(struct x11_conn *c)
{
	if (c->xcb)
		xcb_disconnect(c->xcb);
	*c = (struct x11_conn){ 0 };
}

void x11_conn_expect(struct x11_conn *c, unsigned sequence, x11_reply_fn *fn, void *ctx)
{
	if (c->n == X11_PENDING_MAX) /* cannot be, see there; lost rather than misplaced */
		return;
	c->pending[(c->ring + c->n++) % X11_PENDING_MAX] =
		(struct x11_pending){ sequence, fn, ctx };
}

static void hand_over(struct x11_conn *c, void *reply, xcb_generic_error_t *error)
{
	struct x11_pending p = c->pending[c->ring];
	c->ring = (c->ring + 1) % X11_PENDING_MAX;
	c->n--;
	p.fn(p.ctx, reply, error);
	free(reply);
	free(error);
}

bool x11_conn_poll_reply(struct x11_conn *c)
{
	void *reply = NULL;
	xcb_generic_error_t *error = NULL;
	if (c->n == 0 || !xcb_poll_for_reply(c->xcb, c->pending[c->ring].sequence, &reply, &error))
		return false;
	hand_over(c, reply, error);
	return true;
}

bool x11_conn_flush(struct x11_conn *c)
{
	/* A broken connection is "written" too: its owner finds out elsewhere. */
	struct pollfd p = { .fd = xcb_get_file_descriptor(c->xcb), .events = POLLOUT };
	if (!xcb_connection_has_error(c->xcb) && (poll(&p, 1, 0) != 1 || !p.revents))
		return false;
	xcb_flush(c->xcb);
	return true;
}

bool x11_conn_finish(struct x11_conn *c)
{
	if (!x11_conn_flush(c))
		return false;
	unsigned sequence = xcb_get_input_focus(c->xcb).sequence;
	xcb_flush(c->xcb);
	uint64_t now = clock_now_us(), end = now + FINISH_US;
	for (; now < end; now = clock_now_us()) {
		void *reply = NULL;
		xcb_generic_error_t *error = NULL;
		if (xcb_poll_for_reply(c->xcb, sequence, &reply, &error)) {
			bool taken = reply != NULL;
			free(reply);
			free(error);
			return taken;
		}
		struct pollfd p = { .fd = xcb_get_file_descriptor(c->xcb), .events = POLLIN };
		poll(&p, 1, (int)((end - now) / 1000) + 1);
	}
	return false;
}

void x11_conn_wait_reply(struct x11_conn *c)
{
	if (c->n == 0)
		return;
	xcb_generic_error_t *error = NULL;
	void *reply = xcb_wait_for_reply(c->xcb, c->pending[c->ring].sequence, &error);
	hand_over(c, reply, error);
}
