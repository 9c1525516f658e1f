#include "codec/wire.h"

#include <string.h>

static const bool host_is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

void wire_pixel_init(struct wire_pixel *p, const struct pix_convert *c)
{
	*p = (struct wire_pixel){
		.convert = c,
		.bytes = (uint8_t)pix_format_bytes(&c->format),
		.big_endian = c->format.big_endian,
	};
}

/* A format whose useful bits leave the top or the bottom byte of 32 free loses
 * that byte. Should both be free, the one that comes last on the wire goes, as
 * in the original implementation. */
void wire_pixel_init_cpixel(struct wire_pixel *p, const struct pix_convert *c)
{
	wire_pixel_init(p, c);
	if (p->bytes != 4 || c->format.depth > 24)
		return;
	uint32_t bits = c->red.value[255] | c->green.value[255] | c->blue.value[255];
	bool top_free = !(bits & 0xff000000), bottom_free = !(bits & 0xff);
	if (!top_free && !bottom_free)
		return;
	p->bytes = 3;
	if (!top_free || (bottom_free && p->big_endian))
		p->drop = 8;
}

void wire_pixel_init_tpixel(struct wire_pixel *p, const struct pix_convert *c)
{
	wire_pixel_init(p, c);
	if (p->bytes != 4 || c->format.depth != 24 || !c->bytes)
		return;
	p->bytes = 3;
	p->big_endian = true;
	p->rgb = true;
}

static void put_8(uint8_t *to, const uint32_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)from[i];
}

static void put_16(uint8_t *to, const uint32_t *from, size_t n, bool swap)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t v = (uint16_t)from[i];
		if (swap)
			v = __builtin_bswap16(v);
		memcpy(to + 2 * i, &v, sizeof(v));
	}
}

static void put_32(uint8_t *to, const uint32_t *from, size_t n, bool swap)
{
	if (!swap) {
		memcpy(to, from, 4 * n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t v = __builtin_bswap32(from[i]);
		memcpy(to + 4 * i, &v, sizeof(v));
	}
}

/* CPIXEL of a format that leaves the bottom byte free. */
static void put_upper24(uint8_t *to, const uint32_t *from, size_t n, bool big_endian)
{
	for (size_t i = 0; i < n; i++, to += 3) {
		to[big_endian ? 2 : 0] = (uint8_t)(from[i] >> 8);
		to[1] = (uint8_t)(from[i] >> 16);
		to[big_endian ? 0 : 2] = (uint8_t)(from[i] >> 24);
	}
}

void wire_pixel_put(const struct wire_pixel *p, uint8_t *to, const uint32_t *from, size_t n)
{
	bool swap = p->big_endian == host_is_little;
	switch (p->bytes) {
	case 1: put_8(to, from, n); return;
	case 2: put_16(to, from, n, swap); return;
	case 4: put_32(to, from, n, swap); return;
	}
	if (p->drop)
		put_upper24(to, from, n, p->big_endian);
	else if (p->big_endian)
		p->convert->dsp.pack_high24(to, from, n);
	else
		p->convert->dsp.pack_low24(to, from, n);
}

static void load_16(const uint8_t *from, uint32_t *to, size_t n, bool big_endian)
{
	for (size_t i = 0; i < n; i++, from += 2)
		to[i] = big_endian ? (uint32_t)from[0] << 8 | from[1]
				   : (uint32_t)from[1] << 8 | from[0];
}

static void load_24(const uint8_t *from, uint32_t *to, size_t n, bool big_endian, int drop)
{
	for (size_t i = 0; i < n; i++, from += 3) {
		uint32_t v = (uint32_t)from[1] << 8 | from[big_endian ? 2 : 0] |
			     (uint32_t)from[big_endian ? 0 : 2] << 16;
		to[i] = v << drop;
	}
}

void wire_pixel_load(const struct wire_pixel *p, const uint8_t *from, uint32_t *to, size_t n)
{
	if (p->bytes == 1) {
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
	} else if (p->bytes == 2) {
		load_16(from, to, n, p->big_endian);
	} else if (p->bytes == 3) {
		load_24(from, to, n, p->big_endian, p->drop);
	} else {
		memcpy(to, from, 4 * n);
		if (p->big_endian == host_is_little)
			for (size_t i = 0; i < n; i++)
				to[i] = __builtin_bswap32(to[i]);
	}
}

void wire_pixel_get(const struct wire_pixel *p, const uint8_t *from, uint32_t *to, size_t n)
{
	wire_pixel_load(p, from, to, n);
	if (!p->rgb)
		pix_convert_row_back(p->convert, to, to, n);
}

uint32_t wire_pixel_read(const struct wire_pixel *p, struct rd *in)
{
	uint32_t px = 0;
	const uint8_t *from = rd_bytes(in, p->bytes);
	if (from)
		wire_pixel_get(p, from, &px, 1);
	return px;
}

void wire_put_header(struct buf *out, struct rect r, int32_t encoding)
{
	buf_put_u16(out, (uint16_t)r.x);
	buf_put_u16(out, (uint16_t)r.y);
	buf_put_u16(out, (uint16_t)r.w);
	buf_put_u16(out, (uint16_t)r.h);
	buf_put_u32(out, (uint32_t)encoding);
}

void wire_put_view(struct buf *out, const struct wire_pixel *p, const struct pix_view *v)
{
	size_t row = (size_t)v->w * p->bytes;
	uint8_t *to = buf_room(out, row * (size_t)v->h);
	if (!to)
		return;
	for (int y = 0; y < v->h; y++, to += row)
		wire_pixel_put(p, to, pix_view_at(v, 0, y), (size_t)v->w);
	buf_added(out, row * (size_t)v->h);
}
