#include "crypto/text.h"

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void text_put_hex(const void *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * n] = 0;
}

/* The value of a digit, or -1. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int text_parse_hex(const char *hex, size_t n_hex, uint8_t *out, size_t n_out)
{
	if (n_hex % 2 || n_hex / 2 != n_out)
		return ERR_PROTO;
	for (size_t i = 0; i < n_out; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return ERR_PROTO;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return OK;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int base32_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* Writes n bytes as digits of `bits` bits each and returns how many those are. */
static size_t put_digits(const uint8_t *in, size_t n, char *out, const char *digits, unsigned bits)
{
	unsigned held = 0, n_held = 0;
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		held = (held << 8 | in[i]) & 0xffff;
		for (n_held += 8; n_held >= bits; n_held -= bits)
			out[at++] = digits[held >> (n_held - bits) & ((1u << bits) - 1)];
	}
	if (n_held)
		out[at++] = digits[held << (bits - n_held) & ((1u << bits) - 1)];
	out[at] = 0;
	return at;
}

/* Reads n digits. Each of the bytes has one text: too many digits for the last
 * byte, or bits set beyond it, are errors. */
static int parse_digits(const char *text, size_t n, uint8_t *out, size_t cap, size_t *n_out,
	int (*value)(char), unsigned bits)
{
	unsigned held = 0, n_held = 0;
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		int digit = value(text[i]);
		if (digit < 0)
			return ERR_PROTO;
		held = (held << bits | (unsigned)digit) & 0xffff;
		n_held += bits;
		if (n_held < 8)
			continue;
		n_held -= 8;
		if (at == cap)
			return ERR_LIMIT;
		out[at++] = (uint8_t)(held >> n_held);
	}
	if (n_held >= bits || (held & ((1u << n_held) - 1)))
		return ERR_PROTO;
	*n_out = at;
	return OK;
}

void text_put_base64(const void *data, size_t n, char *out)
{
	size_t at = put_digits(data, n, out, base64_digits, 6);
	while (at % 4)
		out[at++] = '=';
	out[at] = 0;
}

/* How many of the n characters are digits, when the rest is as much padding as
 * fills the last group. */
static size_t without_padding(const char *text, size_t n, size_t group)
{
	size_t digits = n;
	while (digits > 0 && n - digits < group - 1 && text[digits - 1] == '=')
		digits--;
	return digits;
}

int text_parse_base64(const char *text, size_t n, uint8_t *out, size_t cap, size_t *n_out)
{
	if (n % 4)
		return ERR_PROTO;
	return parse_digits(text, without_padding(text, n, 4), out, cap, n_out, base64_value, 6);
}

void text_put_base32(const void *data, size_t n, char *out)
{
	put_digits(data, n, out, base32_digits, 5);
}

int text_parse_base32(const char *text, size_t n, uint8_t *out, size_t cap, size_t *n_out)
{
	size_t digits = without_padding(text, n, 8);
	if (digits != n && n % 8)
		return ERR_PROTO;
	return parse_digits(text, digits, out, cap, n_out, base32_value, 5);
}
