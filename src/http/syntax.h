#pragma once
#include <stdbool.h>

/* What bytes may stand where in a message, RFC 9110 section 5.6. */
bool syntax_is_alnum(unsigned char c);
/* Of a name: a method, a field, a coding. */
bool syntax_is_token(unsigned char c);
/* Of a field's value; octets above 0x7f are obs-text, section 5.5. */
bool syntax_is_value(unsigned char c);
/* What a hex digit stands for, -1 for any other byte. */
int syntax_hex_digit(unsigned char c);
