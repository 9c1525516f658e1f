#pragma once
#include <stdbool.h>

#include "http/head.h"

/* What bytes may stand where in a message, RFC 9110 section 5.6. */
bool syntax_is_alnum(unsigned char c);
/* Of a name: a method, a field, a coding. */
bool syntax_is_token(unsigned char c);
/* Of a field's value; octets above 0x7f are obs-text, section 5.5. */
bool syntax_is_value(unsigned char c);
/* Of a path and a query. */
bool syntax_is_target(unsigned char c);
/* Of a host name or address, RFC 3986 section 3.2.2, and its port. */
bool syntax_is_host(unsigned char c);
/* What a hex digit stands for, -1 for any other byte. */
int syntax_hex_digit(unsigned char c);

/* The bytes of a head from the next one on. A step returns 0 when it is done, a
 * status above 0 when the byte there must not be, or SYNTAX_MORE. */
enum { SYNTAX_MORE = -1 };

struct cursor {
	const char *p, *end;
};

struct http_text cursor_take_while(struct cursor *c, bool (*ok)(unsigned char));
int cursor_take_byte(struct cursor *c, char want);
int cursor_take_line_end(struct cursor *c);
/* "Name: value" and its line end. */
int cursor_take_field(struct cursor *c, struct http_field *f);
/* "Name: value", ended by 0, that is one field wherever it is read. */
bool syntax_is_field(const char *line);
/* Digits only, without overflow: -1 for any other text. */
long long syntax_length(struct http_text value);
