#include "xvfb.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void run_server(int fd, const char *screen, const char *auth, const char *without)
{
	char number[16];
	int null = open("/dev/null", O_WRONLY);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves no server */
	snprintf(number, sizeof(number), "%d", fd);
	dup2(null, STDERR_FILENO);
	const char *argv[16] = { "Xvfb", "-displayfd", number, "-noreset", "-nolisten", "tcp",
		"-screen", "0", screen };
	int n = 9;
	if (auth) {
		argv[n++] = "-auth";
		argv[n++] = auth;
	}
	if (without) {
		argv[n++] = "-extension";
		argv[n++] = without;
	}
	execvp("Xvfb", (char **)(uintptr_t)argv);
	_exit(127);
}

void xvfb_start(struct xvfb *x, const char *screen, const char *auth, const char *without)
{
	int fds[2];
	*x = (struct xvfb){ 0 };
	assert_int_equal(pipe(fds), 0);
	x->pid = fork();
	assert_true(x->pid >= 0);
	if (x->pid == 0)
		run_server(fds[1], screen, auth, without);
	close(fds[1]);
	/* It writes its number and a newline when it is ready. */
	char number[8] = "";
	size_t len = 0;
	while (len < sizeof(number) - 1 && !strchr(number, '\n')) {
		ssize_t n = read(fds[0], number + len, sizeof(number) - 1 - len);
		if (n <= 0)
			fail_msg("Xvfb does not start: is it installed?");
		len += (size_t)n;
	}
	close(fds[0]);
	snprintf(x->display, sizeof(x->display), ":%d", atoi(number));
	if (!auth)
		xvfb_connect(x);
}

void xvfb_connect(struct xvfb *x)
{
	x->client = xcb_connect(x->display, NULL);
	assert_int_equal(xcb_connection_has_error(x->client), 0);
	x->root = xcb_setup_roots_iterator(xcb_get_setup(x->client)).data->root;
	x->gc = xcb_generate_id(x->client);
	xcb_create_gc(x->client, x->gc, x->root, 0, NULL);
}

void xvfb_kill(struct xvfb *x)
{
	if (x->pid <= 0)
		return;
	kill(x->pid, SIGKILL);
	waitpid(x->pid, NULL, 0);
	x->pid = 0;
}

void xvfb_stop(struct xvfb *x)
{
	if (x->client)
		xcb_disconnect(x->client);
	x->client = NULL;
	if (x->pid > 0) {
		kill(x->pid, SIGTERM); /* so that it removes its socket and lock */
		waitpid(x->pid, NULL, 0);
		x->pid = 0;
	}
}

void xvfb_sync(struct xvfb *x)
{
	free(xcb_get_input_focus_reply(x->client, xcb_get_input_focus(x->client), NULL));
}

void xvfb_fill(struct xvfb *x, struct rect r, uint32_t pixel)
{
	xcb_rectangle_t rect = { (int16_t)r.x, (int16_t)r.y, (uint16_t)r.w, (uint16_t)r.h };
	xcb_change_gc(x->client, x->gc, XCB_GC_FOREGROUND, &pixel);
	xcb_poly_fill_rectangle(x->client, x->root, x->gc, 1, &rect);
	xvfb_sync(x);
}

void xvfb_pointer(struct xvfb *x, int *px, int *py, unsigned *mask)
{
	xcb_query_pointer_reply_t *r =
		xcb_query_pointer_reply(x->client, xcb_query_pointer(x->client, x->root), NULL);
	assert_non_null(r);
	*px = r->root_x;
	*py = r->root_y;
	*mask = r->mask;
	free(r);
}

void xvfb_look(struct xvfb *x, int x0, int y0, const struct pix_canvas *to)
{
	xcb_get_image_reply_t *r = xcb_get_image_reply(x->client,
		xcb_get_image(x->client, XCB_IMAGE_FORMAT_Z_PIXMAP, x->root, (int16_t)x0,
			(int16_t)y0, (uint16_t)to->w, (uint16_t)to->h, UINT32_MAX),
		NULL);
	assert_non_null(r);
	size_t bytes = r->depth == 16 ? 2 : 4;
	size_t stride = ((size_t)to->w * bytes + 3) & ~(size_t)3;
	const uint8_t *data = xcb_get_image_data(r);
	for (int i = 0; i < to->w * to->h; i++) {
		uint32_t *px = pix_canvas_at(to, i % to->w, i / to->w);
		*px = 0;
		memcpy(px, data + stride * (size_t)(i / to->w) + bytes * (size_t)(i % to->w),
			bytes);
	}
	free(r);
}
