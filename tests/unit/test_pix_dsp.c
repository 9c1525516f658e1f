#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pix/dsp.h"

enum { MOST = 75, ROUNDS = 40 };

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8 ^ *seed << 13;
}

/* Kernels the CPU may use, each set against the C versions. */
static const unsigned masks[] = { PIX_CPU_SSE2, PIX_CPU_AVX2, (unsigned)PIX_CPU_ALL };

static void row_differs_as_c_does(void **state)
{
	(void)state;
	struct pix_dsp c, d;
	pix_dsp_init(&c, PIX_CPU_NONE);
	uint32_t a[MOST + 1], b[MOST + 1], seed = 1;
	for (size_t m = 0; m < sizeof(masks) / sizeof(*masks); m++) {
		pix_dsp_init(&d, masks[m]);
		for (size_t n = 0; n <= MOST; n++) {
			for (size_t i = 0; i <= MOST; i++)
				a[i] = b[i] = next(&seed);
			b[n] = ~a[n]; /* just behind the row */
			assert_false(d.row_differs(a, b, n));
			for (size_t i = 0; i < n; i++) {
				for (unsigned bit = 0; bit < 32; bit++) {
					b[i] ^= 1u << bit;
					assert_int_equal(d.row_differs(a, b, n), bit < 24);
					assert_int_equal(c.row_differs(a, b, n), bit < 24);
					b[i] ^= 1u << bit;
				}
			}
		}
	}
}

static void run_length_as_c_does(void **state)
{
	(void)state;
	struct pix_dsp c, d;
	pix_dsp_init(&c, PIX_CPU_NONE);
	uint32_t a[MOST];
	for (size_t m = 0; m < sizeof(masks) / sizeof(*masks); m++) {
		pix_dsp_init(&d, masks[m]);
		for (size_t n = 1; n <= MOST; n++) {
			for (size_t run = 1; run <= MOST; run++) {
				for (size_t i = 0; i < MOST; i++)
					a[i] = i < run ? 0x80ff0001 : 0x81ff0001;
				size_t want = run < n ? run : n;
				assert_int_equal(d.run_length(a, n), want);
				assert_int_equal(c.run_length(a, n), want);
			}
		}
	}
}

static void shift_channels_as_c_does(void **state)
{
	(void)state;
	struct pix_dsp c, d;
	pix_dsp_init(&c, PIX_CPU_NONE);
	uint32_t from[MOST], want[MOST + 1], got[MOST + 1], seed = 3;
	for (size_t m = 0; m < sizeof(masks) / sizeof(*masks); m++) {
		pix_dsp_init(&d, masks[m]);
		for (size_t n = 0; n <= MOST; n++) {
			for (int round = 0; round < ROUNDS; round++) {
				unsigned r = next(&seed) % 25, g = next(&seed) % 25,
					 b = next(&seed) % 25;
				for (size_t i = 0; i < MOST; i++)
					from[i] = next(&seed);
				want[n] = got[n] = 0x12345678;
				c.shift_channels(want, from, n, r, g, b);
				d.shift_channels(got, from, n, r, g, b);
				assert_memory_equal(got, want, (n + 1) * 4);
				memcpy(got, from, n * 4);
				d.shift_channels(got, got, n, r, g, b);
				assert_memory_equal(got, want, n * 4);
			}
		}
	}
	const uint32_t one = 0xaa112233;
	uint32_t swapped;
	c.shift_channels(&swapped, &one, 1, 0, 8, 16);
	assert_int_equal(swapped, 0x332211);
}

static void packing_as_c_does(void **state)
{
	(void)state;
	struct pix_dsp c, d;
	pix_dsp_init(&c, PIX_CPU_NONE);
	uint32_t from[MOST], seed = 4;
	/* Exactly as long as promised: the address sanitizer sees a byte too many. */
	for (size_t m = 0; m < sizeof(masks) / sizeof(*masks); m++) {
		pix_dsp_init(&d, masks[m]);
		for (size_t n = 1; n <= MOST; n++) {
			uint8_t *want = malloc(3 * n), *got = malloc(3 * n);
			uint32_t *exact = malloc(4 * n);
			assert_true(want && got && exact);
			for (size_t i = 0; i < MOST; i++)
				from[i] = next(&seed);
			memcpy(exact, from, 4 * n);
			c.pack_low24(want, from, n);
			d.pack_low24(got, exact, n);
			assert_memory_equal(got, want, 3 * n);
			c.pack_high24(want, from, n);
			d.pack_high24(got, exact, n);
			assert_memory_equal(got, want, 3 * n);
			free(want);
			free(got);
			free(exact);
		}
	}
	const uint32_t one = 0xaa112233;
	uint8_t bytes[3];
	c.pack_low24(bytes, &one, 1);
	assert_memory_equal(bytes, "\x33\x22\x11", 3);
	c.pack_high24(bytes, &one, 1);
	assert_memory_equal(bytes, "\x11\x22\x33", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_differs_as_c_does),
		cmocka_unit_test(run_length_as_c_does),
		cmocka_unit_test(shift_channels_as_c_does),
		cmocka_unit_test(packing_as_c_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
