#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pixel kernels: pure functions over rows. pix_dsp_init() fills in the C
 * versions, then replaces those the CPU can do better; tests/unit proves every
 * replacement equal to its C version. No alignment is required anywhere. */
struct pix_dsp {
	/* True if the two rows of n pixels differ in their low 24 bits. */
	bool (*row_differs)(const uint32_t *a, const uint32_t *b, size_t n);
	/* Number of leading pixels equal to px[0] (n when all are; n >= 1). */
	size_t (*run_length)(const uint32_t *px, size_t n);
};

enum { PIX_CPU_NONE = 0, PIX_CPU_SSE2 = 1 << 0, PIX_CPU_AVX2 = 1 << 1, PIX_CPU_ALL = ~0 };

/* `mask` limits what may be used: tests pass PIX_CPU_NONE to get the C code. */
void pix_dsp_init(struct pix_dsp *d, unsigned mask);
