#include "nature.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

enum {
	SIDE = 512, /* of a texture tile, a power of two: it repeats without a seam */
	MASK = SIDE - 1,
	COARSEST = 128, /* pixels between the knots of the coarsest octave, and */
	FINEST = 4,     /* of the finest */
	SEED = 20240229,
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static float smooth(float t)
{
	return t * t * (3 - 2 * t);
}

/* Adds one octave: random knots every `step` pixels, and a smooth way between them. */
static void add_octave(float *tile, int step, float strength, uint32_t *random)
{
	int knots = SIDE / step;
	float *knot = malloc(sizeof(*knot) * (size_t)(knots * knots));
	if (!knot)
		return;
	for (int i = 0; i < knots * knots; i++)
		knot[i] = strength * ((float)(next_random(random) & 0xffff) / 32768.0f - 1);
	for (int y = 0; y < SIDE; y++) {
		const float *row = knot + y / step * knots;
		const float *below = knot + (y / step + 1) % knots * knots;
		float fy = smooth((float)(y % step) / (float)step);
		for (int x = 0; x < SIDE; x++) {
			int k = x / step, l = (k + 1) % knots;
			float fx = smooth((float)(x % step) / (float)step);
			float above = row[k] + (row[l] - row[k]) * fx;
			float under = below[k] + (below[l] - below[k]) * fx;
			tile[y * SIDE + x] += above + (under - above) * fy;
		}
	}
	free(knot);
}

/* A tile of values around 0, about -64 to 64. */
static int8_t *make_tile(uint32_t *random)
{
	float *sum = calloc((size_t)SIDE * SIDE, sizeof(*sum));
	int8_t *tile = malloc((size_t)SIDE * SIDE);
	float strength = 36;
	for (int step = COARSEST; sum && tile && step >= FINEST; step /= 2, strength *= 0.55f)
		add_octave(sum, step, strength, random);
	for (int i = 0; sum && tile && i < SIDE * SIDE; i++)
		tile[i] = (int8_t)(sum[i] < -127 ? -127 : sum[i] > 127 ? 127 : sum[i]);
	free(sum);
	return tile;
}

static uint32_t clamp(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint32_t)v;
}

static void draw_frame(const struct nature *n, int frame, const int8_t *near, const int8_t *far)
{
	uint32_t *to = n->px + (size_t)frame * (size_t)n->w * (size_t)n->h;
	for (int y = 0; y < n->h; y++) {
		const int8_t *a = near + ((y + 2 * frame) & MASK) * SIDE;
		const int8_t *b = far + ((y - frame + SIDE) & MASK) * SIDE;
		for (int x = 0; x < n->w; x++) {
			int p = a[(x + 5 * frame) & MASK], q = b[(x - 3 * frame + SIDE * 8) & MASK];
			int light = 90 + (x + 4 * frame) * 60 / n->w + y * 40 / n->h;
			*to++ = clamp(light + p + q / 2) << 16 |
				clamp(light - 10 + p * 3 / 4 + q) << 8 |
				clamp(light - 30 + q - p / 4);
		}
	}
}

int nature_init(struct nature *n, int w, int h, int n_frames)
{
	uint32_t random = SEED;
	size_t size = (size_t)w * (size_t)h * sizeof(*n->px) * (size_t)n_frames;
	*n = (struct nature){ .w = w, .h = h, .n_frames = n_frames };
	n->fd = memfd_create("film", MFD_CLOEXEC);
	if (n->fd < 0)
		return ERR_IO;
	void *px = ftruncate(n->fd, (off_t)size)
			   ? MAP_FAILED
			   : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, n->fd, 0);
	int8_t *near = make_tile(&random), *far = make_tile(&random);
	bool ok = px != MAP_FAILED && near && far;
	n->px = px == MAP_FAILED ? NULL : px;
	for (int i = 0; ok && i < n_frames; i++)
		draw_frame(n, i, near, far);
	free(near);
	free(far);
	if (!ok)
		nature_fini(n);
	return ok ? OK : ERR_NOMEM;
}

void nature_fini(struct nature *n)
{
	if (n->px)
		munmap(n->px, (size_t)n->w * (size_t)n->h * sizeof(*n->px) * (size_t)n->n_frames);
	if (n->px || n->fd > 0)
		close(n->fd);
	*n = (struct nature){ 0 };
}

int nature_frame(const struct nature *n, uint32_t i)
{
	int turn = (int)(i % (uint32_t)(2 * n->n_frames - 2));
	return turn < n->n_frames ? turn : 2 * n->n_frames - 2 - turn;
}
