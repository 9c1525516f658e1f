#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pixel kernels: pure functions over rows of n pixels (n may be 0 unless said
 * otherwise). pix_dsp_init() fills in the C versions, then replaces those the
 * CPU can do better; tests/unit proves every replacement equal to its C
 * version. No alignment is required anywhere; rows are apart or the same one. */
struct pix_dsp {
	/* True if the two rows of n pixels differ in their low 24 bits. */
	bool (*row_differs)(const uint32_t *a, const uint32_t *b, size_t n);
	/* Number of leading pixels equal to px[0] (n when all are; n >= 1). */
	size_t (*run_length)(const uint32_t *px, size_t n);
	/* Moves the bytes of 0x00RRGGBB pixels to other bit positions, each shift
	 * at most 24; bits that belong to no channel become 0. */
	void (*shift_channels)(uint32_t *to, const uint32_t *from, size_t n, unsigned red,
		unsigned green, unsigned blue);
	/* Writes 3n bytes: of each pixel the low three, lowest first (B, G, R of
	 * an internal pixel). */
	void (*pack_low24)(uint8_t *to, const uint32_t *from, size_t n);
	/* The same, highest of the three first (R, G, B). */
	void (*pack_high24)(uint8_t *to, const uint32_t *from, size_t n);
};

enum { PIX_CPU_NONE = 0, PIX_CPU_SSE2 = 1 << 0, PIX_CPU_AVX2 = 1 << 1, PIX_CPU_ALL = ~0 };

/* `mask` limits what may be used: tests pass PIX_CPU_NONE to get the C code. */
void pix_dsp_init(struct pix_dsp *d, unsigned mask);
/* For pix_dsp_init() alone: the part of it that the build picks by CPU. */
void pix_dsp_init_cpu(struct pix_dsp *d, unsigned mask);
