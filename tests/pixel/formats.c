#include "formats.h"

#define TRUE_COLOUR(BPP, DEPTH, BIG, R, G, B, RS, GS, BS)                                          \
	{                                                                                          \
		.bpp = BPP, .depth = DEPTH, .big_endian = BIG, .true_colour = true, .red_max = R,  \
		.green_max = G, .blue_max = B, .red_shift = RS, .green_shift = GS,                 \
		.blue_shift = BS                                                                   \
	}

const struct named_format formats[FORMATS] = {
	{ "native", TRUE_COLOUR(32, 24, false, 255, 255, 255, 16, 8, 0) },
	{ "32 BE", TRUE_COLOUR(32, 24, true, 255, 255, 255, 16, 8, 0) },
	{ "noVNC", TRUE_COLOUR(32, 24, false, 255, 255, 255, 0, 8, 16) },
	{ "noVNC BE", TRUE_COLOUR(32, 24, true, 255, 255, 255, 0, 8, 16) },
	{ "high", TRUE_COLOUR(32, 24, false, 255, 255, 255, 8, 16, 24) },
	{ "high BE", TRUE_COLOUR(32, 24, true, 255, 255, 255, 24, 16, 8) },
	{ "depth 32", TRUE_COLOUR(32, 32, false, 255, 255, 255, 16, 8, 0) },
	{ "across", TRUE_COLOUR(32, 24, false, 255, 255, 255, 4, 12, 22) },
	{ "middle", TRUE_COLOUR(32, 16, true, 31, 63, 31, 19, 13, 8) },
	{ "10 bit", TRUE_COLOUR(32, 30, false, 1023, 1023, 1023, 20, 10, 0) },
	{ "565", TRUE_COLOUR(16, 16, false, 31, 63, 31, 11, 5, 0) },
	{ "565 BE", TRUE_COLOUR(16, 16, true, 31, 63, 31, 11, 5, 0) },
	{ "555", TRUE_COLOUR(16, 15, false, 31, 31, 31, 10, 5, 0) },
	{ "BGR233", TRUE_COLOUR(8, 8, false, 7, 7, 3, 0, 3, 6) },
	{ "RGB332", TRUE_COLOUR(8, 8, false, 7, 7, 3, 5, 2, 0) },
	{ "colour map", { .bpp = 8, .depth = 8 } },
};
