#include "client/payload.h"

#include "rfb/encoding.h"

/* A rectangle as far as lengths go. */
struct shape {
	uint64_t w, h;
	uint64_t pixel;  /* bytes of a PIXEL */
	uint64_t tpixel; /* bytes of a TPIXEL (Tight) */
};

#define BAD UINT64_MAX

/* Reads what it must of the body and returns its whole length, counted from its
 * first byte, or BAD. When the reader ran short the result does not matter. */
typedef uint64_t length_fn(struct rd *in, const struct shape *s);

static uint64_t length_none(struct rd *in, const struct shape *s)
{
	(void)in, (void)s;
	return 0;
}

static uint64_t length_1(struct rd *in, const struct shape *s)
{
	(void)in, (void)s;
	return 1;
}

static uint64_t length_4(struct rd *in, const struct shape *s)
{
	(void)in, (void)s;
	return 4;
}

static uint64_t length_raw(struct rd *in, const struct shape *s)
{
	(void)in;
	return s->w * s->h * s->pixel;
}

static uint64_t length_rre(struct rd *in, const struct shape *s)
{
	return 4 + s->pixel + rd_u32(in) * (s->pixel + 8);
}

static uint64_t length_corre(struct rd *in, const struct shape *s)
{
	return 4 + s->pixel + rd_u32(in) * (s->pixel + 4);
}

/* Zlib, ZRLE, DesktopName: a U32 and as many bytes. */
static uint64_t length_counted(struct rd *in, const struct shape *s)
{
	(void)s;
	return 4 + (uint64_t)rd_u32(in);
}

/* One tile of RFC 6143 section 7.7.4, skipped. */
static void skip_hextile(struct rd *in, const struct shape *s, uint64_t pixels)
{
	enum { RAW = 1, BACKGROUND = 2, FOREGROUND = 4, SUBRECTS = 8, COLOURED = 16 };

	unsigned mask = rd_u8(in);
	if (mask & RAW) {
		rd_skip(in, (size_t)(pixels * s->pixel));
		return;
	}
	if (mask & BACKGROUND)
		rd_skip(in, (size_t)s->pixel);
	if (mask & FOREGROUND)
		rd_skip(in, (size_t)s->pixel);
	if (mask & SUBRECTS)
		rd_skip(in, rd_u8(in) * (size_t)(2 + (mask & COLOURED ? s->pixel : 0)));
}

static uint64_t length_hextile(struct rd *in, const struct shape *s)
{
	enum { SIDE = 16 };

	size_t start = in->left;
	for (uint64_t y = 0; y < s->h; y += SIDE) {
		uint64_t h = s->h - y < SIDE ? s->h - y : SIDE;
		for (uint64_t x = 0; x < s->w && !in->short_read; x += SIDE)
			skip_hextile(in, s, (s->w - x < SIDE ? s->w - x : SIDE) * h);
	}
	return start - in->left;
}

/* Tight's length: 7, 7 and 8 bits, the low ones first. */
static uint64_t compact(struct rd *in)
{
	unsigned a = rd_u8(in);
	unsigned b = a & 0x80 ? rd_u8(in) : 0;
	unsigned c = b & 0x80 ? rd_u8(in) : 0;
	return (a & 0x7f) | (b & 0x7f) << 7 | c << 14;
}

/* Bytes of the filtered pixels, with the filter's own head skipped; or BAD. */
static uint64_t tight_data(struct rd *in, const struct shape *s, unsigned filter)
{
	enum { COPY, PALETTE, GRADIENT };

	if (filter == COPY || filter == GRADIENT)
		return s->w * s->h * s->tpixel;
	if (filter != PALETTE)
		return BAD;
	unsigned colours = rd_u8(in) + 1u;
	rd_skip(in, (size_t)(colours * s->tpixel));
	return (colours <= 2 ? (s->w + 7) / 8 : s->w) * s->h;
}

static uint64_t length_tight(struct rd *in, const struct shape *s)
{
	/* High nibble of the control byte; basic compression has bit 3 clear, or
	 * is one of those that go without zlib (servers send them unasked). */
	enum { WITH_FILTER = 4, FILL = 8, JPEG = 9, NO_ZLIB = 10, NO_ZLIB_FILTER = 14 };
	/* Shorter data is neither compressed nor counted. */
	enum { MIN_TO_COMPRESS = 12 };

	size_t start = in->left;
	unsigned control = rd_u8(in) >> 4;
	if (control == FILL)
		return 1 + s->tpixel;
	uint64_t data = 0;
	if (control == JPEG) {
		data = compact(in);
	} else if (control < FILL || control == NO_ZLIB || control == NO_ZLIB_FILTER) {
		data = tight_data(in, s, control & WITH_FILTER ? rd_u8(in) : 0);
		if (data != BAD && data >= MIN_TO_COMPRESS)
			data = compact(in);
	} else {
		return BAD;
	}
	return data == BAD ? BAD : start - in->left + data;
}

static uint64_t mask_bytes(const struct shape *s)
{
	return (s->w + 7) / 8 * s->h;
}

static uint64_t length_cursor(struct rd *in, const struct shape *s)
{
	(void)in;
	return s->w * s->h * s->pixel + mask_bytes(s);
}

static uint64_t length_xcursor(struct rd *in, const struct shape *s)
{
	(void)in;
	return s->w * s->h == 0 ? 0 : 6 + 2 * mask_bytes(s);
}

/* Only with Raw inside: others share zlib streams, and no server sends them. */
static uint64_t length_alpha_cursor(struct rd *in, const struct shape *s)
{
	return rd_s32(in) == RFB_RAW ? 4 + s->w * s->h * 4 : BAD;
}

static uint64_t length_vmware_cursor(struct rd *in, const struct shape *s)
{
	enum { CLASSIC = 0, ALPHA = 1 };

	unsigned type = rd_u8(in);
	if (type > ALPHA)
		return BAD;
	return 2 + s->w * s->h * (type == CLASSIC ? 2 * s->pixel : 4);
}

static uint64_t length_screens(struct rd *in, const struct shape *s)
{
	(void)s;
	return 4 + rd_u8(in) * (uint64_t)16;
}

enum kind {
	PIXELS, /* may be as long as the ceiling for its area */
	SMALL,  /* a few KB at most */
	SHAPE,  /* a cursor */
};

static const struct rule {
	int32_t encoding;
	enum kind kind;
	length_fn *length;
} rules[] = {
	{ RFB_RAW, PIXELS, length_raw },
	{ RFB_COPY_RECT, PIXELS, length_4 },
	{ RFB_RRE, PIXELS, length_rre },
	{ RFB_CORRE, PIXELS, length_corre },
	{ RFB_HEXTILE, PIXELS, length_hextile },
	{ RFB_ZLIB, PIXELS, length_counted },
	{ RFB_TIGHT, PIXELS, length_tight },
	{ RFB_ZRLE, PIXELS, length_counted },
	{ RFB_DESKTOP_SIZE, SMALL, length_none },
	{ RFB_LAST_RECT, SMALL, length_none },
	{ RFB_CURSOR, SHAPE, length_cursor },
	{ RFB_XCURSOR, SHAPE, length_xcursor },
	{ RFB_QEMU_KEY, SMALL, length_none },
	{ RFB_QEMU_LED, SMALL, length_1 },
	{ RFB_DESKTOP_NAME, SMALL, length_counted },
	{ RFB_EXTENDED_DESKTOP_SIZE, SMALL, length_screens },
	{ RFB_CURSOR_WITH_ALPHA, SHAPE, length_alpha_cursor },
	{ RFB_EXTENDED_MOUSE, SMALL, length_none },
	{ RFB_VMWARE_CURSOR, SHAPE, length_vmware_cursor },
	{ RFB_VMWARE_LED, SMALL, length_4 },
};

static const struct rule *find_rule(int32_t encoding)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].encoding == encoding)
			return &rules[i];
	return NULL;
}

bool payload_is_pseudo(int32_t encoding)
{
	const struct rule *rule = find_rule(encoding);
	return rule && rule->kind != PIXELS;
}

/* rfbproto "Tight Encoding": three bytes when the format is the usual one. */
static uint64_t tpixel_bytes(const struct pix_format *f)
{
	bool usual = f->true_colour && f->bpp == 32 && f->depth == 24 && f->red_max == 255 &&
		     f->green_max == 255 && f->blue_max == 255;
	return usual ? 3 : (uint64_t)pix_format_bytes(f);
}

/* An honest RRE may spend a subrectangle, 12 bytes, on each pixel (TigerVNC does);
 * nothing else comes near that. */
static uint64_t ceiling(enum kind kind, struct rect r)
{
	uint64_t area = (uint64_t)r.w * (uint64_t)r.h;
	return kind == SMALL ? 4 + PAYLOAD_NAME_MAX : 65536 + area * 12;
}

int payload_length(
	int32_t encoding, struct rd in, struct rect r, const struct pix_format *format, size_t *len)
{
	const struct rule *rule = find_rule(encoding);
	if (!rule)
		return ERR_PROTO;
	if (rule->kind == SHAPE && (r.w > PAYLOAD_CURSOR_SIDE_MAX || r.h > PAYLOAD_CURSOR_SIDE_MAX))
		return ERR_LIMIT;

	size_t left = in.left;
	struct shape s = {
		.w = (uint64_t)r.w,
		.h = (uint64_t)r.h,
		.pixel = (uint64_t)pix_format_bytes(format),
		.tpixel = tpixel_bytes(format),
	};
	uint64_t n = rule->length(&in, &s);
	if (in.short_read) {
		*len = left + 1;
		return left < ceiling(rule->kind, r) ? ERR_AGAIN : ERR_LIMIT;
	}
	if (n == BAD)
		return ERR_PROTO;
	if (n > ceiling(rule->kind, r))
		return ERR_LIMIT;
	*len = (size_t)n;
	return n <= left ? OK : ERR_AGAIN;
}
