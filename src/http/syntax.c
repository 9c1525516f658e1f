#include "http/syntax.h"

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

int syntax_hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
