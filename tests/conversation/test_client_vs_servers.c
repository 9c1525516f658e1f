/* Our viewer against TigerVNC's and LibVNCServer's servers: what it decodes is
 * what the X server shows, for each encoding, version and security type. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xcb/xcb.h>

#include "base/clock.h"
#include "client/client_socket.h"
#include "pix/convert.h"
#include "process.h"
#include "rfb/encoding.h"
#include "rfb/server_msg.h"

enum {
	W = 640,
	H = 480,
	PATIENCE_US = 30 * 1000 * 1000,
	FIRST_DISPLAY = 250,
	LAST_DISPLAY = 259,
	FIRST_PORT = 24410,
	LAST_PORT = 24449,
};

/* Which servers speak an encoding. */
enum { TIGERVNC = 1, LIBVNC = 2, BOTH = 3 };

static const struct pix_format be32 = { 32, 24, true, true, 255, 255, 255, 0, 8, 16 };
static const struct pix_format rgb565 = { 16, 16, false, true, 31, 63, 31, 11, 5, 0 };
static const struct pix_format bgr233 = { 8, 8, false, true, 7, 7, 3, 0, 3, 6 };

static const struct trial {
	const char *name;
	int servers;
	int32_t encodings[4]; /* ended by 0, which is Raw; the first must be seen */
	const struct pix_format *format;
	int minor;
	bool lossy;
} trials[] = {
	{ "raw", BOTH, { RFB_RAW }, NULL, 8, false },
	{ "raw over 3.3", BOTH, { RFB_RAW }, NULL, 3, false },
	{ "raw over 3.7", BOTH, { RFB_RAW }, NULL, 7, false },
	{ "rre", BOTH, { RFB_RRE }, NULL, 8, false },
	{ "corre", LIBVNC, { RFB_CORRE }, NULL, 8, false },
	{ "hextile", BOTH, { RFB_HEXTILE }, NULL, 8, false },
	{ "zlib", LIBVNC, { RFB_ZLIB }, NULL, 8, false },
	{ "zrle", BOTH, { RFB_ZRLE }, NULL, 8, false },
	{ "tight", BOTH, { RFB_TIGHT }, NULL, 8, false },
	{ "tight without zlib", BOTH, { RFB_TIGHT, RFB_COMPRESS_0 }, NULL, 8, false },
	{ "tight at level 9", BOTH, { RFB_TIGHT, RFB_COMPRESS_9 }, NULL, 8, false },
	{ "tight with jpeg", BOTH, { RFB_TIGHT, RFB_QUALITY_9 }, NULL, 8, true },
	{ "raw, other byte order", BOTH, { RFB_RAW }, &be32, 8, false },
	{ "zrle, other byte order", BOTH, { RFB_ZRLE }, &be32, 8, false },
	{ "tight, other byte order", BOTH, { RFB_TIGHT }, &be32, 8, false },
	{ "raw, 16 bits", BOTH, { RFB_RAW }, &rgb565, 8, true },
	{ "hextile, 16 bits", BOTH, { RFB_HEXTILE }, &rgb565, 8, true },
	{ "zrle, 16 bits", BOTH, { RFB_ZRLE }, &rgb565, 8, true },
	{ "tight, 16 bits", BOTH, { RFB_TIGHT }, &rgb565, 8, true },
	{ "hextile, 8 bits", BOTH, { RFB_HEXTILE }, &bgr233, 8, true },
	{ "tight, 8 bits", BOTH, { RFB_TIGHT }, &bgr233, 8, true },
};

static struct {
	xcb_connection_t *x;
	xcb_window_t root;
	xcb_gcontext_t gc;
	uint32_t picture[W * H];
} screen;

static int tests, failures;

static void report(bool ok, const char *server, const char *name, const char *why)
{
	failures += !ok;
	printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", ++tests, server, name);
	if (!ok)
		printf("# %s\n", why);
	fflush(stdout);
}

/* The screen. */

static bool screen_open(const char *display)
{
	screen.x = xcb_connect(display, NULL);
	if (xcb_connection_has_error(screen.x))
		return false;
	const xcb_screen_t *s = xcb_setup_roots_iterator(xcb_get_setup(screen.x)).data;
	screen.root = s->root;
	screen.gc = xcb_generate_id(screen.x);
	xcb_create_gc(screen.x, screen.gc, screen.root, 0, NULL);
	return s->width_in_pixels == W && s->height_in_pixels == H && s->root_depth == 24;
}

/* Four columns: flat, two colours, a gradient, noise in few colours. */
static void screen_paint(uint32_t seed)
{
	for (int y = 0; y < H; y++) {
		for (int x = 0; x < W; x++) {
			seed = seed * 1664525 + 1013904223;
			uint32_t noise = seed >> 8;
			uint32_t gradient = (uint32_t)x << 16 | (uint32_t)(y / 2) << 8 | 0x40;
			uint32_t column[4] = { 0x336699, noise & 0x40 ? 0xffffff : 0x101010,
				gradient & 0xffffff, noise & 0xe0c0a0 };
			screen.picture[y * W + x] = column[x * 4 / W];
		}
	}
	/* In strips, for a request has a largest size. */
	for (int16_t y = 0; y < H; y += 40)
		xcb_put_image(screen.x, XCB_IMAGE_FORMAT_Z_PIXMAP, screen.root, screen.gc, W, 40, 0,
			y, 0, 24, W * 40 * 4, (const uint8_t *)(screen.picture + y * W));
	free(xcb_get_input_focus_reply(screen.x, xcb_get_input_focus(screen.x), NULL));
}

/* What the X server shows now, so that not even our own painting is trusted. */
static bool screen_grab(void)
{
	xcb_get_image_cookie_t cookie =
		xcb_get_image(screen.x, XCB_IMAGE_FORMAT_Z_PIXMAP, screen.root, 0, 0, W, H, ~0u);
	xcb_get_image_reply_t *reply = xcb_get_image_reply(screen.x, cookie, NULL);
	bool ok = reply && xcb_get_image_data_length(reply) == (int)sizeof(screen.picture);
	if (ok)
		memcpy(screen.picture, xcb_get_image_data(reply), sizeof(screen.picture));
	for (size_t i = 0; ok && i < ARRAY_LEN(screen.picture); i++)
		screen.picture[i] &= 0xffffff;
	free(reply);
	return ok;
}

/* The viewer. */

struct session {
	struct client *client;
	struct client_socket socket;
	const struct trial *trial;
	bool saw_encoding;
	bool saw_cursor, saw_size, saw_fence, saw_end;
	char why[600];
};

static void on_rect(void *ctx, struct rect r, int32_t encoding)
{
	struct session *s = ctx;
	(void)r;
	s->saw_encoding |= encoding == s->trial->encodings[0];
}

static void on_update(void *ctx)
{
	struct session *s = ctx;
	client_request(s->client, true);
}

static void on_pseudo(void *ctx, struct rect r, int32_t encoding, struct rd body)
{
	struct session *s = ctx;
	(void)r, (void)body;
	s->saw_cursor |= encoding == RFB_CURSOR;
	s->saw_size |= encoding == RFB_EXTENDED_DESKTOP_SIZE;
}

static void on_fence(void *ctx, const struct rfb_fence *f)
{
	struct session *s = ctx;
	s->saw_fence |= f->len <= RFB_FENCE_MAX;
}

static void on_end(void *ctx)
{
	struct session *s = ctx;
	s->saw_end = true;
}

static const struct client_events events = { .on_rect = on_rect,
	.on_update = on_update,
	.on_pseudo = on_pseudo,
	.on_fence = on_fence,
	.on_end_of_continuous = on_end };

/* How far one channel may be off: a step of the format; JPEG gets a wide berth,
 * for it only has to be recognised as the same picture. */
static int tolerance(const struct trial *t, int shift)
{
	if (!t->lossy)
		return 0;
	if (!t->format)
		return 96;
	int max = shift == 16  ? t->format->red_max
		  : shift == 8 ? t->format->green_max
			       : t->format->blue_max;
	return 255 / max + 1;
}

static bool same(const struct trial *t, uint32_t a, uint32_t b)
{
	for (int shift = 0; shift <= 16; shift += 8)
		if (abs((int)(a >> shift & 0xff) - (int)(b >> shift & 0xff)) > tolerance(t, shift))
			return false;
	return true;
}

/* How many pixels differ from what was grabbed. */
static int differences(const struct session *s)
{
	const struct pix_canvas *canvas = client_canvas(s->client);
	int n = 0;
	if (!client_ready(s->client) || canvas->w != W || canvas->h != H)
		return W * H;
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++)
			n += !same(
				s->trial, *pix_canvas_at(canvas, x, y), screen.picture[y * W + x]);
	return n;
}

static bool is_ready(void *ctx)
{
	struct session *s = ctx;
	return client_ready(s->client);
}

static bool is_same(void *ctx)
{
	struct session *s = ctx;
	return differences(s) == 0;
}

static bool saw_extensions(void *ctx)
{
	struct session *s = ctx;
	return s->saw_cursor && s->saw_size && s->saw_fence && s->saw_end;
}

static bool pump(struct session *s, bool (*done)(void *ctx), const char *what)
{
	int err = client_socket_pump(&s->socket, clock_now_us() + PATIENCE_US, done, s);
	if (err)
		snprintf(s->why, sizeof(s->why), "%s: %s (%s), %d pixels differ", what,
			err_str(err), client_error(s->client), differences(s));
	return err == OK;
}

static bool session_open(
	struct session *s, const struct trial *t, int port, const char *password, bool extensions)
{
	int32_t encodings[16] = { RFB_COPY_RECT, RFB_CURSOR };
	uint16_t n = 2;
	for (int i = 0; t->encodings[i] || i == 0; i++)
		encodings[n++] = t->encodings[i];
	static const int32_t more[] = { RFB_DESKTOP_SIZE, RFB_EXTENDED_DESKTOP_SIZE, RFB_LAST_RECT,
		RFB_FENCE, RFB_CONTINUOUS_UPDATES, RFB_DESKTOP_NAME };
	for (size_t i = 0; extensions && i < ARRAY_LEN(more); i++)
		encodings[n++] = more[i];
	struct client_config config = { .minor = t->minor,
		.password = password,
		.shared = true,
		.format = t->format,
		.encodings = encodings,
		.n_encodings = n };
	char address[64];
	*s = (struct session){ .trial = t, .socket.fd = -1 };
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	s->client = client_create(&config, &events, s);
	if (client_socket_open(&s->socket, address, s->client)) {
		snprintf(s->why, sizeof(s->why), "no connection");
		return false;
	}
	if (!pump(s, is_ready, "login"))
		return false;
	/* TigerVNC paints the pointer into the picture of a viewer that has not shown
	 * to know where it is. */
	rfb_put_pointer_event(client_output(s->client), false, 0, W / 2, H / 2);
	return true;
}

static void session_close(struct session *s)
{
	client_socket_close(&s->socket);
	client_destroy(s->client);
}

/* The first picture whole, then one that changed under the viewer's eyes. */
static void try_encoding(const char *server, const struct trial *t, int port)
{
	struct session s;
	screen_paint(1);
	bool ok = session_open(&s, t, port, NULL, false) && screen_grab();
	if (ok) {
		client_request(s.client, false);
		ok = pump(&s, is_same, "first picture");
	}
	if (ok) {
		screen_paint(2);
		ok = screen_grab() && pump(&s, is_same, "changed picture");
	}
	if (ok && !s.saw_encoding) {
		snprintf(s.why, sizeof(s.why), "the encoding never came");
		ok = false;
	}
	report(ok, server, t->name, s.why);
	session_close(&s);
}

static void try_extensions(const char *server, int port)
{
	static const struct trial t = { "extensions", TIGERVNC, { RFB_TIGHT }, NULL, 8, false };
	struct session s;
	bool ok = session_open(&s, &t, port, NULL, true) && screen_grab();
	if (ok) {
		client_request(s.client, false);
		ok = pump(&s, saw_extensions, "extensions") && pump(&s, is_same, "picture");
	}
	report(ok, server, t.name, s.why);
	session_close(&s);
}

static void try_password(const char *server, int port, int minor, const char *password, bool right)
{
	struct trial t = { "", BOTH, { RFB_RAW }, NULL, minor, false };
	struct session s;
	char name[100];
	snprintf(name, sizeof(name), "%s password over 3.%d", right ? "right" : "wrong", minor);
	bool in = session_open(&s, &t, port, password, false);
	if (in && right) {
		screen_grab();
		client_request(s.client, false);
		in = pump(&s, is_same, "picture");
	}
	report(in == right && (right || client_error(s.client)[0]), server, name, s.why);
	session_close(&s);
}

/* The servers. */

static char folder[] = "/tmp/porthole-test-XXXXXX";
static char display[16];

static char *in_folder(const char *name)
{
	static char path[200];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static pid_t start_server(int which, int port, bool with_password)
{
	char port_text[16], log[200], password[200];
	snprintf(port_text, sizeof(port_text), "%d", port);
	snprintf(log, sizeof(log), "%s", in_folder("server.log"));
	snprintf(password, sizeof(password), "%s", in_folder("passwd"));
	char *tigervnc[] = { "X0tigervnc", "-display", display, "-rfbport", port_text, "-localhost",
		"-SecurityTypes", with_password ? "VncAuth" : "None", "-rfbauth", password,
		"-BlacklistThreshold", "1000", NULL };
	char *libvnc[] = { "x11vnc", "-display", display, "-rfbport", port_text, "-localhost",
		"-forever", "-shared", "-noipv6", "-nocursor", "-quiet", "-nonc",
		with_password ? "-rfbauth" : "-nopw", with_password ? password : NULL, NULL };
	pid_t pid = process_start(which == TIGERVNC ? tigervnc : libvnc, log);
	if (process_listens(pid, port))
		return pid;
	process_end(pid);
	return 0;
}

static void try_server(int which)
{
	const char *server = which == TIGERVNC ? "X0tigervnc" : "x11vnc";
	int port = process_free_port(FIRST_PORT, LAST_PORT);
	pid_t pid = start_server(which, port, false);
	report(pid > 0, server, "starts", "it does not listen");
	for (size_t i = 0; pid > 0 && i < ARRAY_LEN(trials); i++)
		if (trials[i].servers & which)
			try_encoding(server, &trials[i], port);
	if (pid > 0 && which == TIGERVNC)
		try_extensions(server, port);
	process_end(pid);

	port = process_free_port(FIRST_PORT, LAST_PORT);
	pid = start_server(which, port, true);
	report(pid > 0, server, "starts with a password", "it does not listen");
	static const int minors[] = { 3, 7, 8 };
	for (size_t i = 0; pid > 0 && i < ARRAY_LEN(minors); i++) {
		try_password(server, port, minors[i], "sesame", true);
		try_password(server, port, minors[i], "wrong", false);
	}
	process_end(pid);
}

static bool make_password_file(void)
{
	char *argv[] = { "x11vnc", "-storepasswd", "sesame", in_folder("passwd"), NULL };
	pid_t pid = process_start(argv, "/dev/null");
	struct stat st;
	for (int i = 0; i < 500 && process_alive(pid); i++)
		usleep(20000);
	process_end(pid);
	return stat(in_folder("passwd"), &st) == 0 && st.st_size == 8;
}

static bool have_programs(void)
{
	static const char *const programs[] = { "Xvfb", "X0tigervnc", "x11vnc" };
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		if (!process_exists(programs[i])) {
			printf("1..0 # SKIP %s is not installed\n", programs[i]);
			return false;
		}
	}
	return true;
}

static void clean_up(pid_t xvfb)
{
	static const char *const files[] = { "passwd", "server.log", "xvfb.log" };
	if (screen.x)
		xcb_disconnect(screen.x);
	process_end(xvfb);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlink(in_folder(files[i]));
	rmdir(folder);
}

int main(void)
{
	if (!have_programs())
		return 0;
	if (!mkdtemp(folder))
		return 1;
	pid_t xvfb = process_start_xvfb(FIRST_DISPLAY, LAST_DISPLAY, "640x480x24", folder, display);
	bool ok = xvfb > 0 && screen_open(display) && make_password_file();
	report(ok, "Xvfb", "a screen to look at", "no display or no password file");
	if (ok) {
		try_server(TIGERVNC);
		try_server(LIBVNC);
	}
	clean_up(xvfb);
	printf("1..%d\n", tests);
	return failures > 0;
}
