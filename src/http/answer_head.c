#include "http/answer_head.h"

#include "http/syntax.h"

static int take_digit(struct cursor *c, int *out)
{
	if (c->p == c->end)
		return SYNTAX_MORE;
	if (*c->p < '0' || *c->p > '9')
		return 400;
	*out = *out * 10 + (*c->p++ - '0');
	return 0;
}

static int take_status_line(struct cursor *c, struct answer_head *h)
{
	int res = 0;
	for (const char *s = "HTTP/1."; *s && !res; s++)
		res = cursor_take_byte(c, *s);
	if (!res)
		res = take_digit(c, &h->minor);
	if (!res)
		res = h->minor > 1 ? 400 : cursor_take_byte(c, ' ');
	for (int i = 0; i < 3 && !res; i++)
		res = take_digit(c, &h->status);
	if (res)
		return res;
	if (h->status < 100 || h->status > 599)
		return 400;
	/* Who has no reason to tell may leave the blank out too. */
	if (c->p < c->end && *c->p != '\r') {
		res = cursor_take_byte(c, ' ');
		h->reason = cursor_take_while(c, syntax_is_value);
	}
	return res ? res : cursor_take_line_end(c);
}

static const struct http_text *find(const struct answer_head *h, const char *name, int *n)
{
	const struct http_text *found = NULL;
	*n = 0;
	for (int i = 0; i < h->n_fields; i++) {
		if (!http_text_is_nocase(h->fields[i].name, name))
			continue;
		found = &h->fields[i].value;
		++*n;
	}
	return found;
}

/* How long the body is must have one meaning, section 6.3. */
static int know_length(struct answer_head *h)
{
	int n_length, n_coding;
	const struct http_text *length = find(h, "Content-Length", &n_length);
	const struct http_text *coding = find(h, "Transfer-Encoding", &n_coding);
	h->content_length = length ? syntax_length(*length) : -1;
	h->chunked = coding && http_text_is_nocase(*coding, "chunked");
	if (n_length > 1 || n_coding > 1 || (length && coding))
		return 400;
	return (length && h->content_length < 0) || (coding && !h->chunked) ? 400 : 0;
}

static int take_head(struct cursor *c, struct answer_head *h)
{
	int res = take_status_line(c, h);
	while (!res && (c->p == c->end || *c->p != '\r')) {
		struct http_field f;
		res = cursor_take_field(c, &f);
		if (!res && h->n_fields == HTTP_FIELDS_MAX)
			return 431;
		if (!res)
			h->fields[h->n_fields++] = f;
	}
	if (!res)
		res = cursor_take_line_end(c);
	return res ? res : know_length(h);
}

int answer_head_parse(struct rd *in, struct answer_head *out)
{
	if (in->left == 0)
		return ERR_AGAIN;
	bool limited = in->left >= HTTP_HEAD_MAX;
	struct cursor c = { (const char *)in->p, (const char *)in->p };
	c.end += limited ? HTTP_HEAD_MAX : in->left;
	*out = (struct answer_head){ .content_length = -1, .reason = { "", 0 } };
	int res = take_head(&c, out);
	if (res == SYNTAX_MORE)
		return limited ? ERR_LIMIT : ERR_AGAIN;
	if (res)
		return res == 431 ? ERR_LIMIT : ERR_PROTO;
	rd_skip(in, (size_t)(c.p - (const char *)in->p));
	return OK;
}

const struct http_text *answer_head_field(const struct answer_head *h, const char *name)
{
	int n;
	const struct http_text *found = find(h, name, &n);
	return n == 1 ? found : NULL;
}

bool answer_head_has_token(const struct answer_head *h, const char *name, const char *token)
{
	for (int i = 0; i < h->n_fields; i++)
		if (http_text_is_nocase(h->fields[i].name, name) &&
			http_text_has_token(h->fields[i].value, token))
			return true;
	return false;
}
