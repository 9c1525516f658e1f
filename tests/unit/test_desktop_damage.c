#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "desktop/damage.h"

enum { W = 203, H = 101 }; /* odd on purpose: the last blocks are cut */

static uint32_t now_px[W * H], last_px[W * H], before_px[W * H];
static const struct pix_view now = { now_px, W, W, H };
static const struct pix_canvas last = { last_px, W, W, H };

static uint32_t rnd(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void fill_random(uint32_t *seed)
{
	for (int i = 0; i < W * H; i++)
		now_px[i] = last_px[i] = rnd(seed) & 0xffffff;
}

static struct rect random_rect(uint32_t *seed)
{
	int x = (int)(rnd(seed) % W), y = (int)(rnd(seed) % H);
	int w = 1 + (int)(rnd(seed) % (unsigned)(W - x)),
	    h = 1 + (int)(rnd(seed) % (unsigned)(H - y));
	return (struct rect){ x, y, w, h };
}

/* What is inside the hint ends up equal, what is outside is left alone, every
 * changed pixel is in `changed`, and no block without a change is. */
static void check_round(const struct pix_dsp *dsp, uint32_t *seed)
{
	struct region hint, changed;
	region_init(&hint);
	region_init(&changed);
	for (unsigned n = rnd(seed) % 4 + 1; n > 0; n--)
		region_add_rect(&hint, random_rect(seed));
	for (unsigned n = rnd(seed) % 20; n > 0; n--)
		now_px[rnd(seed) % (W * H)] = rnd(seed);
	memcpy(before_px, last_px, sizeof(last_px));
	damage_compare(dsp, &now, &last, &hint, &changed);
	for (int y = 0; y < H; y++) {
		for (int x = 0; x < W; x++) {
			struct rect one = { x, y, 1, 1 };
			uint32_t want = region_contains(&hint, one) ? now_px[y * W + x] & 0xffffff
								    : before_px[y * W + x];
			assert_int_equal(last_px[y * W + x], want);
			if (want != before_px[y * W + x])
				assert_true(region_contains(&changed, one));
		}
	}
	struct region outside;
	region_init(&outside);
	region_copy(&outside, &changed);
	region_subtract(&outside, &hint);
	assert_true(region_empty(&outside));
	region_fini(&outside);
	region_fini(&hint);
	region_fini(&changed);
}

static void damage_is_exact(void **state)
{
	(void)state;
	struct pix_dsp dsp;
	pix_dsp_init(&dsp, (unsigned)PIX_CPU_ALL);
	uint32_t seed = 7;
	fill_random(&seed);
	for (int i = 0; i < 60; i++)
		check_round(&dsp, &seed);
}

static void equal_frames_have_no_damage(void **state)
{
	(void)state;
	struct pix_dsp dsp;
	pix_dsp_init(&dsp, (unsigned)PIX_CPU_ALL);
	uint32_t seed = 9;
	fill_random(&seed);
	for (int i = 0; i < W * H; i++)
		now_px[i] |= 0xab000000; /* the top byte is no picture */
	struct region hint, changed;
	region_init_rect(&hint, (struct rect){ 0, 0, W, H });
	region_init_rect(&changed, (struct rect){ 0, 0, 5, 5 });
	damage_compare(&dsp, &now, &last, &hint, &changed);
	assert_true(region_empty(&changed));
	now_px[50 * W + 100] ^= 1;
	damage_compare(&dsp, &now, &last, &hint, &changed);
	assert_int_equal(region_count(&changed), 1);
	struct rect block = { 96, 48, DAMAGE_BLOCK_W, DAMAGE_BLOCK_H };
	assert_true(rect_equal(region_at(&changed, 0), block));
	region_fini(&hint);
	region_fini(&changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_is_exact),
		cmocka_unit_test(equal_frames_have_no_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
