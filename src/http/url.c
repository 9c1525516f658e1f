#include "http/url.h"

#include <string.h>
#include <strings.h>

#include "http/syntax.h"

static bool is_inside_brackets(unsigned char c)
{
	return syntax_hex_digit(c) >= 0 || c == ':' || c == '.';
}

static bool is_name(unsigned char c)
{
	return syntax_is_alnum(c) || c == '-' || c == '.' || c == '_';
}

static const char *take_scheme(const char *text, const char *scheme, bool *tls)
{
	size_t n = strlen(scheme);
	if (strncasecmp(text, scheme, n) != 0)
		return NULL;
	text += n;
	*tls = (*text | 0x20) == 's';
	text += *tls;
	return strncmp(text, "://", 3) == 0 ? text + 3 : NULL;
}

static int take_host(struct cursor *c, struct url *out)
{
	bool bracketed = c->p < c->end && *c->p == '[';
	c->p += bracketed;
	struct http_text host = cursor_take_while(c, bracketed ? is_inside_brackets : is_name);
	if (host.n == 0 || host.n >= URL_HOST_MAX || (bracketed && cursor_take_byte(c, ']')))
		return ERR_PROTO;
	memcpy(out->host, host.p, host.n);
	out->host[host.n] = '\0';
	return OK;
}

static int take_port(struct cursor *c, struct url *out, int otherwise)
{
	out->port = otherwise;
	if (c->p == c->end || *c->p != ':')
		return OK;
	c->p++;
	struct http_text digits = cursor_take_while(c, syntax_is_alnum);
	long long port = syntax_length(digits);
	if (digits.n > 5 || port < 1 || port > 65535)
		return ERR_PROTO;
	out->port = (int)port;
	return OK;
}

int url_parse(const char *text, const char *scheme, struct url *out)
{
	*out = (struct url){ 0 };
	const char *start = take_scheme(text, scheme, &out->tls);
	if (!start)
		return ERR_PROTO;
	struct cursor c = { start, start + strlen(start) };
	int err = take_host(&c, out);
	if (!err)
		err = take_port(&c, out, out->tls ? 443 : 80);
	if (err)
		return err;
	out->authority = (struct http_text){ start, (size_t)(c.p - start) };
	if (c.p < c.end && *c.p != '/' && *c.p != '?')
		return ERR_PROTO;
	out->target = cursor_take_while(&c, syntax_is_target);
	return c.p == c.end ? OK : ERR_PROTO;
}
