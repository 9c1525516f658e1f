#pragma once

/* RFC 6143 section 7.7.6: a tile's first byte is 0, a palette's size, or 128
 * (plain runs) plus a palette's size (2 and more). */
enum {
	ZRLE_SIDE = 64,
	ZRLE_RAW = 0,
	ZRLE_PACKED_COLOURS = 16,
	ZRLE_RUNS = 128,
	ZRLE_COLOURS = 127,
};

/* Bits of an index in a packed tile, for 2 to 16 colours. */
static inline unsigned zrle_bits(unsigned colours)
{
	return colours == 2 ? 1 : colours <= 4 ? 2 : 4;
}
