#include "http/chunked.h"

#include "http/syntax.h"

enum state {
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* at the start of a line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	END,
};

enum { SIZE_DIGITS_MAX = 16 };

static int go(struct chunked *c, enum state next)
{
	c->state = (int)next;
	return OK;
}

static int expect(struct chunked *c, uint8_t byte, char want, enum state next)
{
	return byte == want ? go(c, next) : ERR_PROTO;
}

static int take_size(struct chunked *c, uint8_t byte)
{
	int digit = syntax_hex_digit(byte);
	if (digit >= 0 && c->line < SIZE_DIGITS_MAX) {
		c->left = c->left << 4 | (unsigned)digit;
		c->line++;
		return OK;
	}
	if (c->line == 0 || digit >= 0)
		return ERR_PROTO;
	c->last = c->left == 0;
	c->line = 0;
	return byte == ';' ? go(c, EXTENSION) : expect(c, byte, '\r', SIZE_LF);
}

static int take_extension(struct chunked *c, uint8_t byte)
{
	if (byte == '\r')
		return go(c, SIZE_LF);
	if (!syntax_is_value(byte) || ++c->line > CHUNK_EXTENSION_MAX ||
		++c->extensions > CHUNK_EXTENSIONS_MAX)
		return ERR_PROTO;
	return OK;
}

static int take_size_end(struct chunked *c, uint8_t byte, const struct buf *out)
{
	c->line = 0;
	if (byte != '\n')
		return ERR_PROTO;
	if (c->left > out->max - out->len)
		return ERR_LIMIT;
	return go(c, c->last ? TRAILER : DATA);
}

static int take_trailer(struct chunked *c, uint8_t byte)
{
	if (++c->trailers > CHUNK_TRAILERS_MAX)
		return ERR_PROTO;
	switch ((enum state)c->state) {
	case TRAILER:
		if (byte == '\r')
			return go(c, END_LF);
		return syntax_is_token(byte) ? go(c, TRAILER_NAME) : ERR_PROTO;
	case TRAILER_NAME: return syntax_is_token(byte) ? OK : expect(c, byte, ':', TRAILER_VALUE);
	case TRAILER_VALUE: return syntax_is_value(byte) ? OK : expect(c, byte, '\r', TRAILER_LF);
	default: return expect(c, byte, '\n', TRAILER);
	}
}

static int take_byte(struct chunked *c, uint8_t byte, const struct buf *out)
{
	switch ((enum state)c->state) {
	case SIZE: return take_size(c, byte);
	case EXTENSION: return take_extension(c, byte);
	case SIZE_LF: return take_size_end(c, byte, out);
	case DATA_CR: return expect(c, byte, '\r', DATA_LF);
	case DATA_LF: return expect(c, byte, '\n', SIZE);
	case END_LF: return expect(c, byte, '\n', END);
	default: return take_trailer(c, byte);
	}
}

static int take_data(struct chunked *c, struct rd *in, struct buf *out)
{
	size_t n = c->left < in->left ? (size_t)c->left : in->left;
	buf_put(out, rd_bytes(in, n), n);
	c->left -= n;
	if (c->left == 0)
		go(c, DATA_CR);
	return buf_ok(out);
}

int chunked_take(struct chunked *c, struct rd *in, struct buf *out)
{
	while (c->state != END) {
		if (in->left == 0)
			return ERR_AGAIN;
		int err = c->state == DATA ? take_data(c, in, out) : take_byte(c, rd_u8(in), out);
		if (err)
			return err;
	}
	return OK;
}
