#pragma once

/* RFC 6143 section 7.7.4: the bits of a tile's first byte. */
enum hextile_bits {
	HEXTILE_RAW = 1,
	HEXTILE_BACKGROUND = 2,
	HEXTILE_FOREGROUND = 4,
	HEXTILE_SUBRECTS = 8,
	HEXTILE_COLOURED = 16,
};

enum { HEXTILE_SIDE = 16 };
