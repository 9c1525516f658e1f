#include "http/head.h"

#include <string.h>

#include "http/syntax.h"

static bool is_path(unsigned char c)
{
	return syntax_is_target(c) && c != '?';
}

static int take_version(struct cursor *c, struct http_request *r)
{
	static const char shape[] = "HTTP/0.0"; /* 0 stands for any digit */
	const char *start = c->p;
	for (const char *s = shape; *s; s++) {
		bool digit = *s == '0' && c->p < c->end && *c->p >= '0' && *c->p <= '9';
		int res = cursor_take_byte(c, digit ? *c->p : *s);
		if (res)
			return res;
	}
	int res = cursor_take_line_end(c);
	if (res)
		return res;
	r->minor = start[7] - '0';
	return start[5] == '1' && r->minor <= 1 ? 0 : 505;
}

static int take_request_line(struct cursor *c, struct http_request *r)
{
	r->method = cursor_take_while(c, syntax_is_token);
	if (c->p == c->end)
		return SYNTAX_MORE;
	int res = r->method.n == 0 ? 400 : cursor_take_byte(c, ' ');
	if (res)
		return res;
	if (c->p < c->end && *c->p != '/')
		return 400;
	r->path = cursor_take_while(c, is_path);
	r->query = (struct http_text){ c->p, 0 };
	if (c->p < c->end && *c->p == '?') {
		c->p++;
		r->query = cursor_take_while(c, syntax_is_target);
	}
	res = cursor_take_byte(c, ' ');
	return res ? res : take_version(c, r);
}

static int know_host(struct http_request *r, struct http_text value)
{
	(void)r;
	struct cursor c = { value.p, value.p + value.n };
	return cursor_take_while(&c, syntax_is_host).n == value.n ? 0 : 400;
}

static int know_content_length(struct http_request *r, struct http_text value)
{
	long long n = syntax_length(value);
	if (n < 0 || r->chunked)
		return 400;
	r->content_length = n;
	return 0;
}

static int know_transfer_encoding(struct http_request *r, struct http_text value)
{
	/* A coding before chunked is legal, but nobody sends it to a server, and
	 * disagreeing about the list is how requests are smuggled. */
	if (value.n == 0 || memchr(value.p, ',', value.n) || r->minor == 0 ||
		r->content_length >= 0)
		return 400;
	if (!http_text_is_nocase(value, "chunked"))
		return 501;
	r->chunked = true;
	return 0;
}

/* Fields that may come only once, and what the parser itself has to know of them. */
static const struct known_field {
	const char *name;
	int (*know)(struct http_request *r, struct http_text value);
} known_fields[] = {
	{ "Authorization", NULL },
	{ "Content-Length", know_content_length },
	{ "Host", know_host },
	{ "Origin", NULL },
	{ "Sec-WebSocket-Key", NULL },
	{ "Sec-WebSocket-Version", NULL },
	{ "Transfer-Encoding", know_transfer_encoding },
};

static int add_field(struct http_request *r, struct http_field f)
{
	for (size_t i = 0; i < ARRAY_LEN(known_fields); i++) {
		const struct known_field *k = &known_fields[i];
		if (!http_text_is_nocase(f.name, k->name))
			continue;
		int res = http_request_field(r, k->name) ? 400 : 0;
		if (!res && k->know)
			res = k->know(r, f.value);
		if (res)
			return res;
	}
	if (r->n_fields == HTTP_FIELDS_MAX)
		return 431;
	r->fields[r->n_fields++] = f;
	return 0;
}

static int take_field(struct cursor *c, struct http_request *r)
{
	struct http_field f;
	int res = cursor_take_field(c, &f);
	return res ? res : add_field(r, f);
}

static int take_fields(struct cursor *c, struct http_request *r)
{
	while (c->p == c->end || *c->p != '\r') {
		int res = take_field(c, r);
		if (res)
			return res;
	}
	int res = cursor_take_line_end(c);
	if (res)
		return res;
	return r->minor == 1 && !http_request_field(r, "Host") ? 400 : 0;
}

static int take_head(struct cursor *c, struct http_request *r)
{
	const char *end = c->end;
	/* One empty line before a request is let pass, RFC 9112 section 2.2. */
	if (c->p < end && *c->p == '\r') {
		int res = cursor_take_line_end(c);
		if (res)
			return res;
	}
	size_t line_room = HTTP_LINE_MAX + 2;
	bool limited = (size_t)(end - c->p) >= line_room;
	if (limited)
		c->end = c->p + line_room;
	int res = take_request_line(c, r);
	c->end = end;
	if (res)
		return res == SYNTAX_MORE && limited ? 414 : res;
	return take_fields(c, r);
}

int http_request_parse(struct rd *in, struct http_request *out, int *status)
{
	if (in->left == 0)
		return ERR_AGAIN;
	struct cursor c = { (const char *)in->p, (const char *)in->p };
	bool limited = in->left >= HTTP_HEAD_MAX;
	c.end += limited ? HTTP_HEAD_MAX : in->left;
	*out = (struct http_request){ .content_length = -1 };
	int res = take_head(&c, out);
	if (res == SYNTAX_MORE && !limited)
		return ERR_AGAIN;
	if (res) {
		*status = res == SYNTAX_MORE ? 431 : res;
		return *status == 414 || *status == 431 ? ERR_LIMIT : ERR_PROTO;
	}
	bool close = http_request_has_token(out, "Connection", "close");
	out->keep_alive = !close && (out->minor == 1 || http_request_has_token(
								out, "Connection", "keep-alive"));
	rd_skip(in, (size_t)(c.p - (const char *)in->p));
	return OK;
}
