#include "share/share.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "desktop/desktop.h"
#include "desktop/port.h"
#include "screen/pattern/pattern.h"
#include "screen/x11/x11.h"
#include "share/password.h"
#include "share/virtual_display.h"

enum { PORTS_TRIED = 100, PATTERN_FPS = 30 };

struct share {
	struct loop *loop;
	const struct share_config *config;
	const struct share_events *events;
	void *ctx;
	char secret[SECRET_TEXT];
	struct peer_table *peers;
	struct desktop *desktop;
	struct virtual_display *display;
	struct port *ports[SHARE_LISTEN_MAX];
	struct loop_task ready_task;
	struct agent *agent;
	bool ending, failed; /* the agent is telling the gateway; then it is over */
	char why[SHARE_ERROR_MAX];
};

/* What was shared has come to its end. */
static void finish(struct share *s, bool failed, int exit_code, const char *why)
{
	if (s->ending)
		return;
	if (!s->agent) {
		s->events->on_end(s->ctx, failed, why);
		return;
	}
	s->ending = true;
	s->failed = failed;
	snprintf(s->why, sizeof(s->why), "%s", why);
	agent_finish(s->agent, exit_code);
}

static void on_agent_end(void *ctx, bool failed, const char *why)
{
	struct share *s = ctx;
	if (s->ending)
		s->events->on_end(s->ctx, s->failed, s->why);
	else
		s->events->on_end(s->ctx, failed, why);
}

static const struct agent_events agent_events = { on_agent_end };

static void join_gateway(struct share *s)
{
	char error[AGENT_ERROR_MAX];
	struct agent_config config = *s->config->agent;
	config.log = s->config->log;
	config.desktop = s->desktop;
	s->agent = agent_create(s->loop, &config, &agent_events, s, error);
	if (!s->agent)
		s->events->on_end(s->ctx, true, error);
}

static void on_rights(void *ctx, const uint8_t *answer, size_t n)
{
	struct share *s = ctx;
	uint32_t viewer;
	enum desktop_rights rights;
	if (password_parse_answer(answer, n, &viewer, &rights))
		desktop_authenticated(s->desktop, viewer, rights);
}

static void on_authenticate(
	void *ctx, uint32_t viewer, const uint8_t challenge[16], const uint8_t response[16])
{
	struct share *s = ctx;
	uint8_t request[PASSWORD_CHECK];
	password_put_check(request, viewer, challenge, response);
	if (child_ask(s->config->child, request, sizeof(request), on_rights, s))
		desktop_authenticated(s->desktop, viewer, DESKTOP_REFUSED);
}

static void on_gone(void *ctx, const char *why)
{
	finish(ctx, true, 1, why);
}

static const struct desktop_events desktop_events = { on_gone, on_authenticate };

static void on_ready_task(void *ctx)
{
	struct share *s = ctx;
	s->events->on_ready(s->ctx);
	if (s->config->agent)
		join_gateway(s);
}

static void set_screen(struct share *s, struct screen *screen)
{
	desktop_set_screen(s->desktop, screen);
	loop_task_queue(s->loop, &s->ready_task);
}

static int start_x11(struct share *s, const struct x11_config *config, char error[SHARE_ERROR_MAX])
{
	char why[X11_ERROR_MAX];
	struct screen *screen =
		x11_create(s->loop, config, &desktop_screen_events, s->desktop, why);
	if (!screen) {
		snprintf(error, SHARE_ERROR_MAX, "%s", why);
		return ERR_IO;
	}
	set_screen(s, screen);
	return OK;
}

static void on_display_ready(void *ctx, const char *display, const uint8_t *cookie)
{
	struct share *s = ctx;
	const struct share_config *c = s->config;
	static const uint32_t background = 0x2b3a4a;
	char error[SHARE_ERROR_MAX];
	struct x11_config config = {
		.display = display,
		.cookie = cookie,
		.cookie_len = VIRTUAL_DISPLAY_COOKIE,
		.allow_resize = true,
		.background = &background,
		.name = c->name,
		.log = c->log,
	};
	if (start_x11(s, &config, error)) {
		s->events->on_end(s->ctx, true, error);
		return;
	}
	desktop_set_size(s->desktop, c->w, c->h);
	virtual_display_start(s->display, c->command);
}

static void on_display_end(void *ctx, bool failed, int exit_code, const char *why)
{
	finish(ctx, failed, exit_code, why);
}

static void on_display_output(void *ctx, bool is_error, const char *text, size_t n)
{
	struct share *s = ctx;
	if (s->agent)
		agent_output(s->agent, is_error, text, n);
}

static const struct virtual_display_events display_events = {
	.on_ready = on_display_ready,
	.on_end = on_display_end,
};
/* The gateway keeps what the command writes. */
static const struct virtual_display_events joined_display_events = {
	.on_ready = on_display_ready,
	.on_end = on_display_end,
	.on_output = on_display_output,
};

static int start_pattern(struct share *s, char error[SHARE_ERROR_MAX])
{
	const struct share_config *c = s->config;
	struct pattern_config config = { c->w, c->h, c->seed, PATTERN_FPS };
	struct screen *screen =
		pattern_create(s->loop, &config, &desktop_screen_events, s->desktop);
	if (!screen) {
		snprintf(error, SHARE_ERROR_MAX, "no memory for a pattern of %dx%d", c->w, c->h);
		return ERR_NOMEM;
	}
	set_screen(s, screen);
	return OK;
}

static int start_screen(struct share *s, char error[SHARE_ERROR_MAX])
{
	const struct share_config *c = s->config;
	if (c->source == SHARE_PATTERN)
		return start_pattern(s, error);
	if (c->source == SHARE_X11)
		return start_x11(s,
			&(struct x11_config){ .display = c->display,
				.monitor = c->monitor,
				.name = c->name,
				.log = c->log },
			error);
	s->display = virtual_display_create(s->loop, c->log, c->child,
		c->agent && c->command ? &joined_display_events : &display_events, s, error,
		SHARE_ERROR_MAX);
	return s->display ? OK : ERR_IO;
}

static bool needs_secret(const struct share_config *c)
{
	return !c->password;
}

/* Without a password only this machine may knock, unless that was asked for. */
static int judge_address(
	const struct share_config *c, const struct address *a, char error[SHARE_ERROR_MAX])
{
	char text[ADDRESS_TEXT_MAX];
	if (c->password || c->allow_none || address_is_local(a))
		return OK;
	address_text(a, text);
	snprintf(error, SHARE_ERROR_MAX,
		"%s can be reached by other machines: give --password-file FILE, or --allow-none "
		"to let anybody in",
		text);
	return ERR_AUTH;
}

static void explain_busy(const struct address *a, char error[SHARE_ERROR_MAX])
{
	char text[ADDRESS_TEXT_MAX];
	int why = errno;
	address_text(a, text);
	if (why == EADDRINUSE)
		snprintf(error, SHARE_ERROR_MAX,
			"%s is in use by another program: choose another with --listen or "
			"--rfb-listen (port 0 takes any free one)",
			text);
	else
		snprintf(error, SHARE_ERROR_MAX, "cannot listen on %s: %s", text, strerror(why));
}

static struct port *open_port(struct share *s, struct share_listen *l)
{
	const struct share_config *c = s->config;
	struct port_config config = {
		.log = c->log,
		.desktop = s->desktop,
		.peers = s->peers,
		.security = c->password ? RFB_SECURITY_VNC_AUTH : RFB_SECURITY_NONE,
		.assets = l->rfb_only ? NULL : c->assets,
		.secret = needs_secret(c) ? s->secret : NULL,
		.hosts = c->hosts,
		.origins = c->origins,
		.any_peer = c->allow_none || c->allow_local_users,
	};
	struct address a = l->address;
	int first = address_port(&a);
	struct port *p = port_create(s->loop, &config, &a);
	for (int i = 1; !p && l->may_move && errno == EADDRINUSE && i < PORTS_TRIED; i++) {
		address_set_port(&a, first + i);
		p = port_create(s->loop, &config, &a);
	}
	if (p)
		l->got = *port_address(p);
	return p;
}

static int open_ports(struct share *s, char error[SHARE_ERROR_MAX])
{
	const struct share_config *c = s->config;
	for (int i = 0; i < c->n_listen; i++) {
		int err = judge_address(c, &c->listen[i].address, error);
		if (err)
			return err;
		s->ports[i] = open_port(s, &c->listen[i]);
		if (!s->ports[i]) {
			explain_busy(&c->listen[i].address, error);
			return ERR_IO;
		}
	}
	return OK;
}

static struct desktop *make_desktop(struct share *s)
{
	const struct share_config *c = s->config;
	struct desktop_config config = {
		.log = c->log,
		.name = c->name,
		.framerate = c->framerate,
		.max_viewers = c->max_viewers,
		.exclusive = c->exclusive,
		.view_only = c->view_only,
	};
	return desktop_create(s->loop, &config, &desktop_events, s);
}

struct share *share_create(struct loop *l, const struct share_config *config,
	const struct share_events *events, void *ctx, char error[SHARE_ERROR_MAX])
{
	struct share *s = calloc(1, sizeof(*s));
	snprintf(error, SHARE_ERROR_MAX, "not enough memory");
	if (!s)
		return NULL;
	s->loop = l;
	s->config = config;
	s->events = events;
	s->ctx = ctx;
	s->ready_task = (struct loop_task){ .run = on_ready_task, .ctx = s };
	s->peers = peer_table_create();
	s->desktop = make_desktop(s);
	if (!s->peers || !s->desktop || secret_make(s->secret))
		goto fail;
	if (open_ports(s, error) || start_screen(s, error))
		goto fail;
	return s;
fail:
	share_destroy(s);
	return NULL;
}

void share_stop(struct share *s)
{
	finish(s, false, 0, "asked to end");
}

void share_destroy(struct share *s)
{
	if (!s)
		return;
	agent_destroy(s->agent);
	loop_task_cancel(s->loop, &s->ready_task);
	for (int i = 0; i < SHARE_LISTEN_MAX; i++)
		port_destroy(s->ports[i]);
	desktop_destroy(s->desktop);
	virtual_display_destroy(s->display);
	peer_table_destroy(s->peers);
	secret_wipe(s->secret, sizeof(s->secret));
	free(s);
}

const char *share_secret(const struct share *s)
{
	return needs_secret(s->config) ? s->secret : "";
}
