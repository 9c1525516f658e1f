#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/commands.h"
#include "crypto/request_signature.h"
#include "http/client.h"
#include "screen/x11/x11_probe.h"

enum {
	CHECKS_MAX = 32,
	DETAIL_MAX = 160,
	X11_PATIENCE_S = 10,
	SHARE_PORT = 5900,
	GATEWAY_PATIENCE_MS = 10 * 1000,
	SKEW_MAX_S = 300, /* more, and signed requests are refused */
	SKEW_WARN_S = 60,
};

enum state { STATE_OK, STATE_WARNING, STATE_MISSING };

struct check {
	const char *name;
	enum state state;
	char detail[DETAIL_MAX];
	const char *advice; /* NULL: nothing to do */
};

struct report {
	struct check checks[CHECKS_MAX];
	size_t n;
	struct x11_probe x11;
	bool can_share, can_desktop;
	bool cannot_join; /* the gateway that was named, or with the secret that was given */
};

struct doctor_options {
	const char *gateway_url, *ca_file, *pin;
	bool json, insecure;
};

static const char install[] = "apt install xvfb openbox xterm fonts-dejavu-core";

/* `advice` is kept only when the state is not ok. */
static PRINTF_LIKE(5, 6) void add(struct report *r, const char *name, enum state state,
	const char *advice, const char *fmt, ...)
{
	struct check *c = &r->checks[r->n];
	if (r->n == CHECKS_MAX)
		return;
	r->n++;
	c->name = name;
	c->state = state;
	if (state == STATE_MISSING &&
		(!strcmp(name, "gateway") || !strcmp(name, "clock") || !strcmp(name, "secret")))
		r->cannot_join = true;
	c->advice = state == STATE_OK ? NULL : advice;
	va_list args;
	va_start(args, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, args);
	va_end(args);
}

static void on_alarm(int signum)
{
	(void)signum;
	static const char text[] =
		"porthole doctor: error: the X server does not answer; another program may "
		"have grabbed it\n";
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(CLI_FAILURE);
}

/* The probe waits for the server, which may be grabbed by a program that hangs. */
static void probe_with_patience(const char *display, struct x11_probe *out)
{
	struct sigaction action = { .sa_handler = on_alarm }, before;
	sigaction(SIGALRM, &action, &before);
	alarm(X11_PATIENCE_S);
	x11_probe(display, out);
	alarm(0);
	sigaction(SIGALRM, &before, NULL);
}

static void check_extension(
	struct report *r, enum x11_probe_extension e, unsigned minor, const char *advice)
{
	const struct x11_probe_version *v = &r->x11.extension[e];
	const char *name = x11_probe_extension_name(e);
	if (!v->present)
		add(r, name, STATE_MISSING, advice, "not offered by this X server");
	else
		add(r, name, v->major > 1 || v->minor >= minor ? STATE_OK : STATE_WARNING, advice,
			"version %u.%u", v->major, v->minor);
}

static void check_shm(struct report *r)
{
	const struct x11_probe_version *v = &r->x11.extension[X11_PROBE_SHM];
	static const char advice[] = "Run porthole on the machine of the X server, as its user; "
				     "without it pictures are copied and slow";
	if (!v->present)
		add(r, "MIT-SHM", STATE_WARNING, advice, "not offered by this X server");
	else
		add(r, "MIT-SHM", r->x11.shm_fd ? STATE_OK : STATE_WARNING, advice,
			"version %u.%u, memory descriptors %s", v->major, v->minor,
			r->x11.shm_fd ? "accepted" : "refused");
}

static void check_monitors(struct report *r)
{
	const struct screen_layout *l = &r->x11.layout;
	for (int i = 0; i < l->n; i++) {
		const struct screen_output *o = &l->outputs[i];
		add(r, "monitor", STATE_OK, NULL, "%d %s %dx%d+%d+%d%s", i + 1,
			o->name[0] ? o->name : "(no name)", o->area.w, o->area.h, o->area.x,
			o->area.y, o->primary ? " primary" : "");
	}
}

static void check_x11(struct report *r, const char *display)
{
	if (!display || !*display) {
		add(r, "display", STATE_MISSING,
			"Set DISPLAY, for example DISPLAY=:0, to share a screen; porthole desktop "
			"needs none",
			"DISPLAY is not set");
		return;
	}
	probe_with_patience(display, &r->x11);
	if (!r->x11.connected) {
		add(r, "display", STATE_MISSING,
			"Check that the X server runs and that XAUTHORITY names its cookie file; "
			"porthole desktop needs neither",
			"cannot connect to %.64s", display);
		return;
	}
	const struct x11_probe *x = &r->x11;
	add(r, "display", x->bits_per_pixel == 32 ? STATE_OK : STATE_WARNING,
		"A depth of 24 is faster", "%.64s, %dx%d, depth %d", display, x->layout.w,
		x->layout.h, x->depth);
	if (x->xwayland)
		add(r, "session", STATE_WARNING, "Log in to an X11 session to share everything",
			"Xwayland: only windows of X programs can be seen");
	check_shm(r);
	check_extension(r, X11_PROBE_DAMAGE, 1, "Porthole cannot see changes without it");
	check_extension(r, X11_PROBE_XFIXES, 0, "No cursor shape and no clipboard without it");
	check_extension(r, X11_PROBE_XTEST, 0, "Viewers can only watch without it");
	check_extension(r, X11_PROBE_RANDR, 5, "Monitors cannot be told apart without 1.5");
	check_extension(r, X11_PROBE_XKB, 0, "Keys depend on the layout without it");
	add(r, "input", x->input ? STATE_OK : STATE_WARNING,
		"Viewers can only watch; look whether the session is locked or forbids XTEST",
		x->input ? "the pointer can be moved" : "the pointer did not move");
	check_monitors(r);
	r->can_share =
		x->extension[X11_PROBE_DAMAGE].present && x->extension[X11_PROBE_XFIXES].present;
}

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t len = strcspn(path, ":");
		char full[4096];
		int n = snprintf(full, sizeof(full), "%.*s/%s", (int)len, path, program);
		if (n > 0 && (size_t)n < sizeof(full) && !access(full, X_OK))
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

static bool check_program(struct report *r, const char *program, const char *what)
{
	bool found = in_path(program);
	if (found)
		add(r, program, STATE_OK, NULL, "%s", what);
	else
		add(r, program, STATE_MISSING, install, "%s is not installed", what);
	return found;
}

static int is_font(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	static const char *const suffixes[] = { ".ttf", ".otf", ".ttc", ".pfb" };
	size_t len = strlen(path);
	for (size_t i = 0; type == FTW_F && i < ARRAY_LEN(suffixes); i++)
		if (len > 4 && !strcasecmp(path + len - 4, suffixes[i]))
			return 1;
	return 0;
}

static void check_fonts(struct report *r)
{
	static const char *const folders[] = { "/usr/share/fonts", "/usr/local/share/fonts" };
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (nftw(folders[i], is_font, 16, FTW_PHYS) == 1) {
			add(r, "fonts", STATE_OK, NULL, "scalable fonts in %s", folders[i]);
			return;
		}
	}
	add(r, "fonts", STATE_WARNING, install, "no scalable font: text of a desktop looks poor");
}

static void check_port(struct report *r)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(SHARE_PORT) };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool is_free = false;
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		is_free = !bind(fd, (struct sockaddr *)&sa, sizeof(sa));
		close(fd);
	}
	add(r, "port", is_free ? STATE_OK : STATE_WARNING,
		"Another VNC server may run; name a port, for example --listen 127.0.0.1:5910",
		"127.0.0.1:%d is %s", SHARE_PORT, is_free ? "free" : "in use");
}

static void check_skew(struct report *r, long long date)
{
	long long skew = (long long)time(NULL) - date;
	long long size = skew < 0 ? -skew : skew;
	enum state state = STATE_OK;
	if (size > SKEW_WARN_S)
		state = size > SKEW_MAX_S ? STATE_MISSING : STATE_WARNING;
	add(r, "clock", state,
		"Set this machine's clock, for example with systemd-timesyncd or chrony: requests "
		"are refused beyond 300 s",
		"%lld s %s the gateway's", size, skew < 0 ? "behind" : "ahead of");
}

struct gateway_probe {
	struct report *report;
	struct loop *loop;
	const char *url;
};

static void on_health(void *ctx, const struct http_client_answer *a)
{
	struct gateway_probe *p = ctx;
	static const char advice[] = "Check the address, and that the gateway runs";
	if (a->status == 0)
		add(p->report, "gateway", STATE_MISSING, advice, "%s", a->error);
	else if (a->status != 200)
		add(p->report, "gateway", STATE_MISSING, advice, "%s answered with status %d",
			p->url, a->status);
	else
		add(p->report, "gateway", STATE_OK, NULL, "%s answers", p->url);
	if (a->status == 200 && a->date >= 0)
		check_skew(p->report, a->date);
	loop_stop(p->loop);
}

static void check_gateway(struct report *r, const struct doctor_options *o)
{
	char url[1024];
	struct gateway_probe probe = { .report = r, .loop = loop_create() };
	struct http_client_config config = { o->ca_file, o->pin, o->insecure };
	struct http_client_request request = { .method = "GET", .url = url };
	probe.url = o->gateway_url ? o->gateway_url : getenv("GATEWAY_URL");
	request.timeout_ms = GATEWAY_PATIENCE_MS;
	struct http_client *client = NULL;
	if (probe.url && probe.loop)
		client = http_client_create(probe.loop, &config);
	if (client) {
		size_t n = strlen(probe.url);
		bool slash = n > 0 && probe.url[n - 1] == '/';
		snprintf(url, sizeof(url), "%s%sapi/health", probe.url, slash ? "" : "/");
		int id = http_client_send(client, &request, on_health, &probe);
		if (id <= 0)
			add(r, "gateway", STATE_MISSING,
				"An address is like http://127.0.0.1:3100, a pin sha256:HEX",
				"%.100s cannot be asked", probe.url);
		else if (loop_run(probe.loop))
			add(r, "gateway", STATE_MISSING, NULL, "the event loop failed");
	}
	http_client_destroy(client);
	if (probe.loop)
		loop_destroy(probe.loop);
}

static void check_secret(struct report *r)
{
	const char *why = NULL, *secret = getenv("HMAC_SECRET");
	if (!secret)
		return;
	bool ok = !request_key_judge(secret, &why);
	add(r, "secret", ok ? STATE_OK : STATE_MISSING, why, "HMAC_SECRET %s",
		ok ? "is long enough" : "cannot be used");
}

static const char *state_word(enum state s)
{
	static const char *const words[] = { "ok", "warning", "missing" };
	return words[s];
}

static void print_text(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct check *c = &r->checks[i];
		printf("%-8s %-10s %s\n", state_word(c->state), c->name, c->detail);
		if (c->advice)
			printf("%-20s%s\n", "", c->advice);
	}
	printf("\nporthole share: %s\nporthole desktop: %s\n", r->can_share ? "yes" : "no",
		r->can_desktop ? "yes" : "no");
}

static struct json *json_of_checks(const struct report *r)
{
	struct json *list = json_make_list();
	for (size_t i = 0; i < r->n; i++) {
		const struct check *c = &r->checks[i];
		struct json *row = json_make_object();
		json_put_text(row, "name", c->name);
		json_put_text(row, "state", state_word(c->state));
		json_put_text(row, "detail", c->detail);
		if (c->advice)
			json_put_text(row, "advice", c->advice);
		json_add(list, row);
	}
	return list;
}

static struct json *json_of_monitors(const struct screen_layout *l)
{
	struct json *list = json_make_list();
	for (int i = 0; i < l->n; i++) {
		const struct screen_output *o = &l->outputs[i];
		struct json *row = json_make_object();
		json_put_int(row, "index", i + 1);
		json_put_text(row, "name", o->name);
		json_put_int(row, "x", o->area.x);
		json_put_int(row, "y", o->area.y);
		json_put_int(row, "width", o->area.w);
		json_put_int(row, "height", o->area.h);
		json_add(list, row);
	}
	return list;
}

static bool print_json(const struct report *r)
{
	struct json *top = json_make_object();
	json_put_bool(top, "share", r->can_share);
	json_put_bool(top, "desktop", r->can_desktop);
	json_put(top, "checks", json_of_checks(r));
	json_put(top, "monitors", json_of_monitors(&r->x11.layout));
	char *text = json_print(top, true);
	json_drop(top);
	if (text)
		puts(text);
	free(text);
	return text;
}

static int run(struct cli *cli, void *options)
{
	const struct doctor_options *o = options;
	struct report r = { .n = 0 };
	check_x11(&r, getenv("DISPLAY"));
	bool server = check_program(&r, "Xvfb", "the X server of a desktop");
	bool manager = check_program(&r, "openbox", "the window manager of a desktop");
	check_program(&r, "xterm", "the terminal of a desktop");
	r.can_desktop = server && manager;
	check_fonts(&r);
	check_port(&r);
	check_gateway(&r, o);
	check_secret(&r);
	if (!o->json) {
		print_text(&r);
	} else if (!print_json(&r)) {
		log_error(&cli->log, "the report cannot be written as JSON");
		return CLI_FAILURE;
	}
	return (r.can_share || r.can_desktop) && !r.cannot_join ? CLI_OK : CLI_FAILURE;
}

static const struct opt rows[] = {
	{ .name = "gateway-url",
		.arg = "URL",
		OPT_AT(struct doctor_options, gateway_url),
		.shown = "$GATEWAY_URL",
		.help = "Check this gateway too, and whether its clock and ours agree" },
	{ .name = "ca-file",
		.arg = "FILE",
		OPT_AT(struct doctor_options, ca_file),
		.help = "Certificates (PEM) that vouch for the gateway's" },
	{ .name = "pin",
		.arg = "sha256:HEX",
		OPT_AT(struct doctor_options, pin),
		.help = "The gateway's public key" },
	{ .name = "insecure",
		OPT_AT(struct doctor_options, insecure),
		.help = "Do not check the gateway's certificate" },
	{ .name = "json", .help = "Print one JSON object", OPT_AT(struct doctor_options, json) },
};

static const struct opt_group group = { "Options", rows, ARRAY_LEN(rows) };
static const struct doctor_options defaults;

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "Say what this machine can do and what is missing",
	.groups = { { &group, 0 } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
