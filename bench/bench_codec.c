/* Megapixels a second and compression of every encoder on every kind of
 * picture: bench_codec [ENCODER [COMPRESS [QUALITY [FORMAT [PICTURE]]]]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/encoder.h"
#include "formats.h"
#include "pictures.h"

enum { WIDTH = 1280, HEIGHT = 720, OUT_MAX = 64 << 20, ROUNDS = 200 };

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct bench {
	const char *picture; /* the only one, or NULL */
	struct encoder_settings settings;
	struct pix_convert convert;
	struct pix_canvas rgb, value;
	struct buf out;
};

/* Best of some rounds: the machine is shared. Negative when it fails. */
static double measure(struct bench *b, const struct encoder_ops *ops)
{
	struct encoder *e = ops->create();
	struct encoder_job job = {
		.rgb = pix_canvas_view(&b->rgb),
		.value = pix_canvas_view(&b->value),
		.convert = &b->convert,
		.settings = &b->settings,
		.at = { 0, 0, WIDTH, HEIGHT },
	};
	double best = -1;
	for (int round = 0; e && round < ROUNDS; round++) {
		buf_reset(&b->out);
		double start = cpu_ms();
		int n = encoder_encode(e, &job, &b->out);
		double took = cpu_ms() - start;
		if (n < 0)
			break;
		if (best < 0 || took < best)
			best = took;
	}
	encoder_destroy(e);
	return best;
}

static void report(struct bench *b, const struct encoder_ops *ops)
{
	printf("%-8s", ops->name);
	for (int kind = 0; kind < PICTURES; kind++) {
		if (b->picture && strcmp(b->picture, picture_names[kind]) != 0)
			continue;
		picture_paint((enum picture)kind, 1, &b->rgb);
		struct pix_view v = pix_canvas_view(&b->rgb);
		pix_convert_view(&b->convert, &v, &b->value);
		double ms = measure(b, ops);
		double raw = (double)WIDTH * HEIGHT * pix_format_bytes(&b->convert.format);
		printf(" %6.0f %6.1f", WIDTH * HEIGHT / 1e3 / ms, raw / (double)b->out.len);
	}
	printf("\n");
}

static int find_format(const char *name)
{
	for (int i = 0; i < FORMATS; i++)
		if (strcmp(formats[i].name, name) == 0)
			return i;
	return 0;
}

int main(int argc, char **argv)
{
	struct bench b = { .settings = { -1, -1 }, .picture = argc > 5 ? argv[5] : NULL };
	if (argc > 2)
		b.settings.compress = atoi(argv[2]);
	if (argc > 3)
		b.settings.quality = atoi(argv[3]);
	const struct named_format *f = &formats[find_format(argc > 4 ? argv[4] : "native")];
	pix_convert_init(&b.convert, &f->format);
	buf_init(&b.out, OUT_MAX);
	b.rgb = (struct pix_canvas){ malloc(WIDTH * HEIGHT * 4), WIDTH, WIDTH, HEIGHT };
	b.value = (struct pix_canvas){ malloc(WIDTH * HEIGHT * 4), WIDTH, WIDTH, HEIGHT };
	if (!b.rgb.px || !b.value.px)
		return 1;

	printf("%s, compress %d, quality %d: Mpixel/s and ratio\n%-8s", f->name,
		b.settings.compress, b.settings.quality, "");
	for (int kind = 0; kind < PICTURES; kind++)
		if (!b.picture || strcmp(b.picture, picture_names[kind]) == 0)
			printf(" %13s", picture_names[kind]);
	printf("\n");
	for (unsigned i = 0; encoder_at(i); i++)
		if (argc < 2 || strcmp(argv[1], "all") == 0 ||
			strcmp(argv[1], encoder_at(i)->name) == 0)
			report(&b, encoder_at(i));
	free(b.rgb.px);
	free(b.value.px);
	buf_fini(&b.out);
	return 0;
}
