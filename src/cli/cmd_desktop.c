#include "cli/cli.h"
#include "cli/serve.h"
#include "share/virtual_display.h"

struct desktop_options {
	struct opt_size size;
	int width, height;
	struct serve_options serve;
};

static const struct opt rows[] = {
	{ .name = "size",
		.arg = "WxH",
		.min = 16,
		.max = 16384,
		OPT_AT(struct desktop_options, size),
		.help = "Size to start with; it follows the viewer's window (at most 3840x2160)" },
	{ .name = "width",
		.arg = "PIXELS",
		.min = 16,
		.max = 16384,
		OPT_AT(struct desktop_options, width),
		.shown = "",
		.help = "Width to start with" },
	{ .name = "height",
		.arg = "PIXELS",
		.min = 16,
		.max = 16384,
		OPT_AT(struct desktop_options, height),
		.shown = "",
		.help = "Height to start with" },
};

static const struct opt_group group = { "The desktop", rows, ARRAY_LEN(rows) };

static const struct desktop_options defaults = {
	.size = { 1920, 1080 },
	.serve = SERVE_DEFAULTS,
};

static int run(struct cli *cli, void *options)
{
	struct desktop_options *o = options;
	if (o->width)
		o->size.w = o->width;
	if (o->height)
		o->size.h = o->height;
	if (o->size.w > VIRTUAL_DISPLAY_MAX_W || o->size.h > VIRTUAL_DISPLAY_MAX_H)
		return cli_usage_error(cli->command, "--size %dx%d is larger than %dx%d", o->size.w,
			o->size.h, VIRTUAL_DISPLAY_MAX_W, VIRTUAL_DISPLAY_MAX_H);
	struct share_config config = {
		.source = SHARE_DESKTOP,
		.w = o->size.w,
		.h = o->size.h,
		.command = cli->argc > 0 ? (const char *const *)cli->argv : NULL,
	};
	return serve(cli, &o->serve, &config);
}

const struct command cmd_desktop = {
	.name = "desktop",
	.summary = "Start a virtual desktop and share it",
	.operands = "[-- COMMAND...]",
	.operands_max = 1000,
	.groups = { { &group, 0 }, { &serve_group, offsetof(struct desktop_options, serve) },
		{ &join_group, offsetof(struct desktop_options, serve.join) } },
	.defaults = &defaults,
	.size = sizeof(defaults),
	.run = run,
};
