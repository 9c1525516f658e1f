#include "http/syntax.h"

#include <limits.h>
#include <string.h>

bool syntax_is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool syntax_is_token(unsigned char c)
{
	return syntax_is_alnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

bool syntax_is_value(unsigned char c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

bool syntax_is_target(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

bool syntax_is_host(unsigned char c)
{
	return syntax_is_alnum(c) || (c != 0 && strchr("-._~!$&'()*+,;=%:[]", c));
}

int syntax_hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct http_text cursor_take_while(struct cursor *c, bool (*ok)(unsigned char))
{
	const char *start = c->p;
	while (c->p < c->end && ok((unsigned char)*c->p))
		c->p++;
	return (struct http_text){ start, (size_t)(c->p - start) };
}

int cursor_take_byte(struct cursor *c, char want)
{
	if (c->p == c->end)
		return SYNTAX_MORE;
	if (*c->p != want)
		return 400;
	c->p++;
	return 0;
}

int cursor_take_line_end(struct cursor *c)
{
	int res = cursor_take_byte(c, '\r');
	return res ? res : cursor_take_byte(c, '\n');
}

int cursor_take_field(struct cursor *c, struct http_field *f)
{
	f->name = cursor_take_while(c, syntax_is_token);
	if (c->p == c->end)
		return SYNTAX_MORE;
	int res = f->name.n == 0 ? 400 : cursor_take_byte(c, ':');
	if (res)
		return res;
	f->value = http_text_trim(cursor_take_while(c, syntax_is_value));
	return cursor_take_line_end(c);
}

bool syntax_is_field(const char *line)
{
	struct cursor c = { line, line + strlen(line) };
	if (cursor_take_while(&c, syntax_is_token).n == 0 || cursor_take_byte(&c, ':'))
		return false;
	cursor_take_while(&c, syntax_is_value);
	return c.p == c.end;
}

long long syntax_length(struct http_text value)
{
	long long n = 0;
	for (size_t i = 0; i < value.n; i++) {
		int digit = value.p[i] - '0';
		if (digit < 0 || digit > 9 || n > (LLONG_MAX - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	return value.n > 0 ? n : -1;
}
