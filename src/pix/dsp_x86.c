/* Built only for x86-64, where SSE2 is always there; meson gives other targets
 * dsp_none.c. */
#include <immintrin.h>

#include "pix/dsp.h"

#define AVX2 __attribute__((target("avx2")))

static bool row_differs_sse2(const uint32_t *a, const uint32_t *b, size_t n)
{
	const __m128i mask = _mm_set1_epi32(0xffffff);
	size_t i = 0;
	for (; i + 4 <= n; i += 4) {
		__m128i x = _mm_loadu_si128((const __m128i *)(a + i));
		__m128i y = _mm_loadu_si128((const __m128i *)(b + i));
		__m128i d = _mm_and_si128(_mm_xor_si128(x, y), mask);
		if (_mm_movemask_epi8(_mm_cmpeq_epi8(d, _mm_setzero_si128())) != 0xffff)
			return true;
	}
	for (; i < n; i++)
		if ((a[i] ^ b[i]) & 0xffffff)
			return true;
	return false;
}

AVX2 static bool row_differs_avx2(const uint32_t *a, const uint32_t *b, size_t n)
{
	const __m256i mask = _mm256_set1_epi32(0xffffff);
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(a + i));
		__m256i y = _mm256_loadu_si256((const __m256i *)(b + i));
		if (!_mm256_testz_si256(_mm256_xor_si256(x, y), mask))
			return true;
	}
	for (; i < n; i++)
		if ((a[i] ^ b[i]) & 0xffffff)
			return true;
	return false;
}

static size_t run_length_sse2(const uint32_t *px, size_t n)
{
	const __m128i first = _mm_set1_epi32((int)px[0]);
	size_t i = 0;
	for (; i + 4 <= n; i += 4) {
		__m128i x = _mm_loadu_si128((const __m128i *)(px + i));
		unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi32(x, first));
		if (same != 0xffff)
			return i + (size_t)__builtin_ctz(~same) / 4;
	}
	while (i < n && px[i] == px[0])
		i++;
	return i;
}

AVX2 static size_t run_length_avx2(const uint32_t *px, size_t n)
{
	const __m256i first = _mm256_set1_epi32((int)px[0]);
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(px + i));
		unsigned same = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi32(x, first));
		if (same != 0xffffffff)
			return i + (size_t)__builtin_ctz(~same) / 4;
	}
	while (i < n && px[i] == px[0])
		i++;
	return i;
}

static uint32_t shift_one(uint32_t px, unsigned red, unsigned green, unsigned blue)
{
	return (px >> 16 & 0xff) << red | (px >> 8 & 0xff) << green | (px & 0xff) << blue;
}

static void shift_channels_sse2(
	uint32_t *to, const uint32_t *from, size_t n, unsigned red, unsigned green, unsigned blue)
{
	const __m128i byte = _mm_set1_epi32(0xff);
	const __m128i rs = _mm_cvtsi32_si128((int)red), gs = _mm_cvtsi32_si128((int)green),
		      bs = _mm_cvtsi32_si128((int)blue);
	size_t i = 0;
	for (; i + 4 <= n; i += 4) {
		__m128i x = _mm_loadu_si128((const __m128i *)(from + i));
		__m128i r = _mm_and_si128(_mm_srli_epi32(x, 16), byte);
		__m128i g = _mm_and_si128(_mm_srli_epi32(x, 8), byte);
		__m128i b = _mm_and_si128(x, byte);
		x = _mm_or_si128(_mm_sll_epi32(r, rs), _mm_sll_epi32(g, gs));
		_mm_storeu_si128((__m128i *)(to + i), _mm_or_si128(x, _mm_sll_epi32(b, bs)));
	}
	for (; i < n; i++)
		to[i] = shift_one(from[i], red, green, blue);
}

AVX2 static void shift_channels_avx2(
	uint32_t *to, const uint32_t *from, size_t n, unsigned red, unsigned green, unsigned blue)
{
	const __m256i byte = _mm256_set1_epi32(0xff);
	const __m128i rs = _mm_cvtsi32_si128((int)red), gs = _mm_cvtsi32_si128((int)green),
		      bs = _mm_cvtsi32_si128((int)blue);
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(from + i));
		__m256i r = _mm256_and_si256(_mm256_srli_epi32(x, 16), byte);
		__m256i g = _mm256_and_si256(_mm256_srli_epi32(x, 8), byte);
		__m256i b = _mm256_and_si256(x, byte);
		x = _mm256_or_si256(_mm256_sll_epi32(r, rs), _mm256_sll_epi32(g, gs));
		x = _mm256_or_si256(x, _mm256_sll_epi32(b, bs));
		_mm256_storeu_si256((__m256i *)(to + i), x);
	}
	for (; i < n; i++)
		to[i] = shift_one(from[i], red, green, blue);
}

/* Eight pixels become 24 bytes at the front of a 32-byte store, so the loop
 * stops while the eight bytes too many still belong to the row. */
AVX2 static size_t pack24_avx2(uint8_t *to, const uint32_t *from, size_t n, __m128i order)
{
	const __m256i lanes = _mm256_broadcastsi128_si256(order);
	const __m256i close_up = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
	size_t i = 0;
	for (; i + 11 <= n; i += 8) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(from + i));
		x = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(x, lanes), close_up);
		_mm256_storeu_si256((__m256i *)(to + 3 * i), x);
	}
	return i;
}

AVX2 static void pack_low24_avx2(uint8_t *to, const uint32_t *from, size_t n)
{
	size_t i = pack24_avx2(
		to, from, n, _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
	for (; i < n; i++) {
		to[3 * i] = (uint8_t)from[i];
		to[3 * i + 1] = (uint8_t)(from[i] >> 8);
		to[3 * i + 2] = (uint8_t)(from[i] >> 16);
	}
}

AVX2 static void pack_high24_avx2(uint8_t *to, const uint32_t *from, size_t n)
{
	size_t i = pack24_avx2(
		to, from, n, _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
	for (; i < n; i++) {
		to[3 * i] = (uint8_t)(from[i] >> 16);
		to[3 * i + 1] = (uint8_t)(from[i] >> 8);
		to[3 * i + 2] = (uint8_t)from[i];
	}
}

void pix_dsp_init_cpu(struct pix_dsp *d, unsigned mask)
{
	if (mask & PIX_CPU_SSE2) {
		d->row_differs = row_differs_sse2;
		d->run_length = run_length_sse2;
		d->shift_channels = shift_channels_sse2;
	}
	if (mask & PIX_CPU_AVX2 && __builtin_cpu_supports("avx2")) {
		d->row_differs = row_differs_avx2;
		d->run_length = run_length_avx2;
		d->shift_channels = shift_channels_avx2;
		d->pack_low24 = pack_low24_avx2;
		d->pack_high24 = pack_high24_avx2;
	}
}
