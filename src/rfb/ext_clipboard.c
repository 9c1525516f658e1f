#include "rfb/ext_clipboard.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/rd.h"
#include "base/utf8.h"
#include "rfb/client_msg.h"
#include "rfb/server_msg.h"

enum {
	FORMATS = 0xffff, /* bits 0 to 15 of the flags */
	ACTIONS = EXT_CLIPBOARD_CAPS | EXT_CLIPBOARD_REQUEST | EXT_CLIPBOARD_PEEK |
		  EXT_CLIPBOARD_NOTIFY | EXT_CLIPBOARD_PROVIDE,
	/* How much memory a stream gets before it has shown that it fills it. */
	INFLATE_STEP = 16384,
};

/* One U32 for each format bit, in bit order. */
static int parse_caps(struct rd *r, struct ext_clipboard_msg *m)
{
	for (int bit = 0; bit < 16; bit++) {
		uint32_t size = m->flags & (1u << bit) ? rd_u32(r) : 0;
		if (1 << bit == EXT_CLIPBOARD_TEXT)
			m->text_max = size;
	}
	return rd_ok(r) ? ERR_PROTO : OK;
}

/* Inflates until `room` bytes are out or the input has nothing more to give, and
 * says how many came. Any status that is not progress is an error: a preset
 * dictionary, broken data, a stream that stands still with input left. */
static int inflate_some(z_stream *z, uint8_t *to, size_t room, size_t *got)
{
	z->next_out = to;
	z->avail_out = (uInt)room;
	int status = Z_OK;
	while (z->avail_out > 0 && status != Z_STREAM_END) {
		uInt in = z->avail_in, out = z->avail_out;
		status = inflate(z, Z_NO_FLUSH);
		if (status == Z_MEM_ERROR)
			return ERR_NOMEM;
		if (status == Z_BUF_ERROR && z->avail_in == 0)
			break;
		if (status != Z_OK && status != Z_STREAM_END)
			return ERR_PROTO;
		if (z->avail_in == in && z->avail_out == out && status != Z_STREAM_END)
			break;
	}
	*got = room - z->avail_out;
	return OK;
}

static int inflate_size(z_stream *z, uint32_t *size)
{
	uint8_t raw[4];
	size_t got = 0;
	int err = inflate_some(z, raw, sizeof(raw), &got);
	if (err)
		return err;
	if (got < sizeof(raw))
		return ERR_PROTO;
	struct rd r = rd_of(raw, sizeof(raw));
	*size = rd_u32(&r);
	return OK;
}

static int inflate_text(z_stream *z, size_t size, struct buf *text)
{
	while (size > 0) {
		size_t want = size < INFLATE_STEP ? size : INFLATE_STEP, got = 0;
		uint8_t *to = buf_room(text, want);
		int err = to ? inflate_some(z, to, want, &got) : buf_ok(text);
		if (err)
			return err;
		if (got == 0)
			return ERR_PROTO;
		buf_added(text, got);
		size -= got;
	}
	return OK;
}

/* After the last announced byte: no more may come out, and nothing may follow
 * the stream. It need not have ended: TigerVNC and noVNC only flush it. */
static int inflate_end(z_stream *z)
{
	uint8_t more;
	size_t got = 0;
	int err = inflate_some(z, &more, 1, &got);
	if (err)
		return err;
	return got == 0 && z->avail_in == 0 ? OK : ERR_PROTO;
}

static int inflate_provided(z_stream *z, uint32_t formats, struct buf *text)
{
	uint32_t size = 0;
	int err = inflate_size(z, &size);
	if (!err && size > text->max - text->len)
		err = ERR_LIMIT;
	if (!err)
		err = inflate_text(z, size, text);
	/* Formats after the text are not looked at, so where they end is not known. */
	if (!err && formats == EXT_CLIPBOARD_TEXT)
		err = inflate_end(z);
	return err;
}

/* CRLF and CR to LF, up to the first NUL, what is not UTF-8 to '?': in place, for
 * the result is never longer. */
static void tidy(struct buf *text, size_t start)
{
	uint8_t *p = text->data + start;
	size_t n = text->len - start, to = 0;

	for (size_t i = 0; i < n && p[i] != 0;) {
		uint32_t c;
		size_t len = utf8_decode(p + i, n - i, &c);
		if (len == 0) {
			p[to++] = '?';
			i++;
			continue;
		}
		memmove(p + to, p + i, len);
		if (c == '\r')
			p[to] = '\n';
		bool pair = c == '\r' && i + 1 < n && p[i + 1] == '\n';
		to += pair ? 0 : len;
		i += len;
	}
	buf_truncate(text, start + to);
}

static int parse_provide(struct rd *r, const struct ext_clipboard_msg *m, struct buf *text)
{
	if (!(m->flags & EXT_CLIPBOARD_TEXT))
		return OK;
	size_t start = text->len;
	z_stream z = { 0 };
	if (inflateInit(&z) != Z_OK)
		return ERR_NOMEM;
	union {
		const uint8_t *borrowed;
		Bytef *unchanged; /* zlib's field is not const, but it only reads */
	} in = { r->p };
	z.next_in = in.unchanged;
	z.avail_in = (uInt)r->left;
	int err = inflate_provided(&z, m->flags & FORMATS, text);
	inflateEnd(&z);
	if (err)
		buf_truncate(text, start);
	else if (text->len > start)
		tidy(text, start);
	return err;
}

int ext_clipboard_parse(
	const uint8_t *body, size_t n, struct ext_clipboard_msg *out, struct buf *text)
{
	struct rd r = rd_of(body, n);
	*out = (struct ext_clipboard_msg){ .flags = rd_u32(&r) };
	if (rd_ok(&r) || n > INT32_MAX)
		return ERR_PROTO;
	/* Beside CAPS the other actions say what the peer accepts. */
	if (out->flags & EXT_CLIPBOARD_CAPS)
		return parse_caps(&r, out);
	uint32_t action = out->flags & ACTIONS;
	if (action == 0 || (action & (action - 1)) != 0)
		return ERR_PROTO;
	return action == EXT_CLIPBOARD_PROVIDE ? parse_provide(&r, out, text) : OK;
}

/* Everything up to and with the flags; returns where the length stands. */
static size_t put_head(struct buf *out, bool from_server, uint32_t flags)
{
	buf_put_u8(out, from_server ? RFB_SERVER_CUT_TEXT : RFB_CLIENT_CUT_TEXT);
	buf_put_zero(out, 3);
	size_t at = out->len;
	buf_put_u32(out, 0);
	buf_put_u32(out, flags);
	return at;
}

/* A negative length is what marks the extended form. */
static void set_length(struct buf *out, size_t at)
{
	if (!buf_ok(out))
		buf_set_u32(out, at, 0u - (uint32_t)(out->len - at - 4));
}

void ext_clipboard_put_caps(struct buf *out, bool from_server)
{
	size_t at = put_head(out, from_server, ACTIONS | EXT_CLIPBOARD_TEXT);
	buf_put_u32(out, 0); /* no unsolicited text: notify, request, provide */
	set_length(out, at);
}

void ext_clipboard_put_action(struct buf *out, bool from_server, uint32_t action, uint32_t formats)
{
	set_length(out, put_head(out, from_server, action | formats));
}

/* Size, text with CRLF line ends, NUL: what PROVIDE compresses. */
static void put_plain(struct buf *plain, const char *text, size_t len)
{
	buf_put_u32(plain, 0);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			buf_put_u8(plain, '\r');
		buf_put_u8(plain, (uint8_t)text[i]);
	}
	buf_put_u8(plain, 0);
	if (!buf_ok(plain))
		buf_set_u32(plain, 0, (uint32_t)(plain->len - 4));
}

static int deflate_into(struct buf *out, const struct buf *plain)
{
	uLongf n = compressBound(plain->len);
	uint8_t *to = buf_room(out, n);
	if (!to)
		return buf_ok(out);
	if (compress(to, &n, plain->data, plain->len) != Z_OK)
		return ERR_NOMEM;
	buf_added(out, n);
	return OK;
}

int ext_clipboard_put_text(struct buf *out, bool from_server, const char *text, size_t len)
{
	/* Keeps the message under 2^31 whatever the line ends do to it. */
	if (len > INT32_MAX / 4)
		return ERR_LIMIT;
	size_t start = out->len;
	struct buf plain;
	buf_init(&plain, 2 * len + 5);
	put_plain(&plain, text, len);

	size_t at = put_head(out, from_server, EXT_CLIPBOARD_PROVIDE | EXT_CLIPBOARD_TEXT);
	int err = buf_ok(&plain);
	if (!err)
		err = deflate_into(out, &plain);
	set_length(out, at);
	buf_fini(&plain);
	if (err)
		buf_truncate(out, start);
	return err;
}

void ext_clipboard_utf8_from_latin1(struct buf *out, const uint8_t *latin1, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (latin1[i] >= 0x80)
			buf_put_u8(out, (uint8_t)(0xc0 | latin1[i] >> 6));
		buf_put_u8(
			out, latin1[i] < 0x80 ? latin1[i] : (uint8_t)(0x80 | (latin1[i] & 0x3f)));
	}
}

void ext_clipboard_latin1_from_utf8(struct buf *out, const char *utf8, size_t n)
{
	const uint8_t *p = (const uint8_t *)utf8;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = utf8_decode(p + i, n - i, &c);
		buf_put_u8(out, len > 0 && c < 0x100 ? (uint8_t)c : '?');
		i += len > 0 ? len : 1;
	}
}
