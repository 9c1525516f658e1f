/* A viewer for tests: looks at `share --screen pattern` and compares every picture
 * with the one that the pattern must show, pixel by pixel.
 *
 *     viewer_tool ADDRESS ENCODING,... FORMAT UPDATES SEED
 *
 * FORMAT is native, bgr, be32, rgb565, be555, bgr233 or map. Prints one line; exit code 0
 * when all pictures were right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/client_socket.h"
#include "pix/convert.h"
#include "screen/pattern/pattern_picture.h"

enum { PATIENCE_US = 120 * 1000 * 1000, ENCODINGS_MAX = 32 };

static const struct {
	const char *name;
	struct pix_format format;
} formats[] = {
	{ "native", { 32, 24, false, true, 255, 255, 255, 16, 8, 0 } },
	{ "bgr", { 32, 24, false, true, 255, 255, 255, 0, 8, 16 } },
	{ "be32", { 32, 24, true, true, 255, 255, 255, 16, 8, 0 } },
	{ "rgb565", { 16, 16, false, true, 31, 63, 31, 11, 5, 0 } },
	{ "be555", { 16, 15, true, true, 31, 31, 31, 10, 5, 0 } },
	{ "bgr233", { 8, 8, false, true, 7, 7, 3, 0, 3, 6 } },
	{ "map", { 8, 8, false, false, 0, 0, 0, 0, 0, 0 } },
};

struct look {
	struct client *client;
	struct pix_convert convert;
	struct pix_canvas truth;
	uint32_t seed, frame;
	int updates, wanted, wrong;
};

static void on_ready(void *ctx, int w, int h, const char *name)
{
	struct look *l = ctx;
	(void)name;
	l->truth = (struct pix_canvas){ calloc((size_t)w * (size_t)h, 4), w, w, h };
	client_request(l->client, false);
}

static bool right(struct look *l)
{
	const struct pix_canvas *have = client_canvas(l->client);
	struct pix_view view = pix_canvas_view(have);
	struct pattern_picture p = {
		.w = have->w, .h = have->h, .seed = l->seed, .x = have->w / 2, .y = have->h / 2
	};
	if (!pattern_picture_read_frame(&view, &p.frame) || p.frame < l->frame)
		return false;
	l->frame = p.frame;
	pattern_picture_draw(&p, &l->truth, (struct rect){ 0, 0, p.w, p.h });
	for (int y = 0; y < p.h; y++) {
		uint32_t *row = pix_canvas_at(&l->truth, 0, y);
		pix_convert_row(&l->convert, row, row, (size_t)p.w);
		pix_convert_row_back(&l->convert, row, row, (size_t)p.w);
		if (memcmp(row, pix_canvas_at(have, 0, y), (size_t)p.w * 4))
			return false;
	}
	return true;
}

static void on_update(void *ctx)
{
	struct look *l = ctx;
	l->updates++;
	l->wrong += l->truth.px && !right(l);
	client_request(l->client, true);
}

static bool done(void *ctx)
{
	const struct look *l = ctx;
	return l->updates >= l->wanted || l->wrong;
}

static const struct pix_format *find_format(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i].format;
	return NULL;
}

static int look(struct look *l, const char *address, const struct client_config *config)
{
	static const struct client_events events = { .on_ready = on_ready, .on_update = on_update };
	struct client_socket s = { .fd = -1 };
	l->client = client_create(config, &events, l);
	pix_convert_init(&l->convert, config->format);
	int err = l->client ? client_socket_open(&s, address, l->client) : ERR_NOMEM;
	if (!err) {
		err = client_socket_pump(&s, clock_now_us() + PATIENCE_US, done, l);
		client_socket_close(&s);
	}
	printf("%d updates up to frame %u, %d wrong, %s %s\n", l->updates, l->frame, l->wrong,
		err_str(err), l->client ? client_error(l->client) : "");
	client_destroy(l->client);
	free(l->truth.px);
	return err || l->wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct pix_format *format = argc == 6 ? find_format(argv[3]) : NULL;
	if (!format) {
		fprintf(stderr, "usage: viewer_tool ADDRESS ENCODING,... FORMAT UPDATES SEED\n");
		return 2;
	}
	int32_t encodings[ENCODINGS_MAX];
	uint16_t n = 0;
	for (char *p = strtok(argv[2], ","); p && n < ENCODINGS_MAX; p = strtok(NULL, ","))
		encodings[n++] = (int32_t)strtol(p, NULL, 10);
	struct look l = { .wanted = atoi(argv[4]), .seed = (uint32_t)atoi(argv[5]) };
	const struct client_config config = {
		.shared = true, .format = format, .encodings = encodings, .n_encodings = n
	};
	return look(&l, argv[1], &config);
}
