#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/serve.h"

static const char *const screens[] = { "auto", "x11", "pattern", NULL };
enum { SCREEN_AUTO, SCREEN_X11, SCREEN_PATTERN };

struct share_options {
	int screen;
	const char *display;
	int monitor;
	struct opt_size size;
	int width, height;
	int seed;
	struct serve_options serve;
};

static const struct opt rows[] = {
	{ .name = "screen",
		.arg = "KIND",
		.choices = screens,
		OPT_AT(struct share_options, screen),
		.help = "What to share: an X11 display, or a moving test pattern that needs none" },
	{ .name = "display",
		.letter = 'd',
		.arg = "DISPLAY",
		OPT_AT(struct share_options, display),
		.shown = "$DISPLAY",
		.help = "The X11 display to share" },
	{ .name = "monitor",
		.arg = "N",
		.min = 0,
		.max = 64,
		OPT_AT(struct share_options, monitor),
		.shown = "all",
		.help = "Share one monitor, counted from 1 (1 is the primary one)" },
	{ .name = "size",
		.arg = "WxH",
		.min = 16,
		.max = 16384,
		OPT_AT(struct share_options, size),
		.shown = "1280x720",
		.help = "Size of the test pattern" },
	{ .name = "width",
		.arg = "PIXELS",
		.min = 16,
		.max = 16384,
		OPT_AT(struct share_options, width),
		.shown = "",
		.help = "Width of the test pattern; a display is shared in its own size whatever "
			"is "
			"given here" },
	{ .name = "height",
		.arg = "PIXELS",
		.min = 16,
		.max = 16384,
		OPT_AT(struct share_options, height),
		.shown = "",
		.help = "Height, likewise" },
	{ .name = "seed",
		.arg = "N",
		.min = 0,
		.max = 0x7fffffff,
		OPT_AT(struct share_options, seed),
		.help = "Seed of the test pattern: the same seed moves the same way" },
};

static const struct opt_group group = { "What is shared", rows, ARRAY_LEN(rows) };

static const struct share_options defaults = {
	.size = { 1280, 720 },
	.seed = 1,
	.serve = SERVE_DEFAULTS,
};

static int run(struct cli *cli, void *options)
{
	struct share_options *o = options;
	struct share_config config = {
		.source = o->screen == SCREEN_PATTERN ? SHARE_PATTERN : SHARE_X11,
		.display = o->display ? o->display : getenv("DISPLAY"),
		.monitor = o->monitor,
		.w = o->width ? o->width : o->size.w,
		.h = o->height ? o->height : o->size.h,
		.seed = (uint32_t)o->seed,
	};
	if (config.source == SHARE_X11 && (!config.display || !*config.display)) {
		log_error(&cli->log,
			"there is no display to share: set DISPLAY or give --display :0; "
			"porthole desktop starts one, --screen pattern needs none");
		return CLI_FAILURE;
	}
	return serve(cli, &o->serve, &config);
}

const struct command cmd_share = {
	.name = "share",
	.summary = "Share a screen with browsers and VNC viewers",
	.groups = { { &group, 0 }, { &serve_group, offsetof(struct share_options, serve) },
		{ &join_group, offsetof(struct share_options, serve.join) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
