#include "crypto/http_signature.h"

#include <stdio.h>
#include <string.h>

#include "base/rd.h"
#include "crypto/http_date.h"
#include "crypto/ssh_wire.h"
#include "crypto/text.h"

static const char target_name[] = "(request-target)";

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void skip_spaces(struct rd *r)
{
	while (r->left && is_space(r->p[0]))
		rd_skip(r, 1);
}

/* Steps over the scheme and the spaces that must follow it. */
static bool take_scheme(struct rd *r)
{
	static const char scheme[] = "signature";
	for (size_t i = 0; scheme[i]; i++)
		if ((rd_u8(r) | 0x20) != scheme[i])
			return false;
	if (!r->left || !is_space(r->p[0]))
		return false;
	skip_spaces(r);
	return true;
}

bool http_signature_is_one(const char *value, size_t n)
{
	struct rd r = rd_of(value, n);
	return take_scheme(&r);
}

/* Up to the byte `end`, which is stepped over; empty without one. */
static struct rd take_until(struct rd *r, uint8_t end)
{
	const uint8_t *found = r->left ? memchr(r->p, end, r->left) : NULL;
	struct rd part = rd_of(r->p, found ? (size_t)(found - r->p) : 0);
	rd_skip(r, found ? part.left + 1 : r->left + 1);
	return part;
}

/* Printable ASCII without quote and backslash, so that the value is what stands
 * there. */
static int put_text(struct rd text, char *out, size_t cap)
{
	if (text.left == 0)
		return ERR_PROTO;
	if (text.left >= cap)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.left; i++)
		if (text.p[i] < ' ' || text.p[i] > '~' || text.p[i] == '\\')
			return ERR_PROTO;
	memcpy(out, text.p, text.left);
	out[text.left] = 0;
	return OK;
}

static bool is_name(struct rd name)
{
	if (ssh_wire_is(&name, target_name))
		return true;
	for (size_t i = 0; i < name.left; i++) {
		uint8_t c = name.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return name.left > 0;
}

static bool covers(const struct http_signature *s, const char *name)
{
	for (int i = 0; i < s->n_headers; i++)
		if (strcmp(s->headers[i], name) == 0)
			return true;
	return false;
}

/* Names with one space between two. */
static int put_headers(struct rd list, struct http_signature *out)
{
	while (!list.short_read) {
		const uint8_t *space = list.left ? memchr(list.p, ' ', list.left) : NULL;
		struct rd name = rd_of(list.p, space ? (size_t)(space - list.p) : list.left);
		rd_skip(&list, name.left + 1);
		if (!is_name(name))
			return ERR_PROTO;
		if (out->n_headers == HTTP_SIGNATURE_HEADERS)
			return ERR_LIMIT;
		char *to = out->headers[out->n_headers];
		int err = put_text(name, to, HTTP_SIGNATURE_NAME);
		if (err)
			return err;
		if (covers(out, to))
			return ERR_PROTO;
		out->n_headers++;
	}
	return OK;
}

/* Each parameter once: those that were there are bits of *seen. */
enum { KEY_ID = 1, ALGORITHM = 2, HEADERS = 4, SIGNATURE = 8 };

static int take_parameter(struct rd *r, struct http_signature *out, unsigned *seen)
{
	struct rd name = take_until(r, '=');
	bool quoted = rd_u8(r) == '"';
	struct rd value = take_until(r, '"');
	unsigned which = ssh_wire_is(&name, "keyId")       ? KEY_ID
			 : ssh_wire_is(&name, "algorithm") ? ALGORITHM
			 : ssh_wire_is(&name, "headers")   ? HEADERS
			 : ssh_wire_is(&name, "signature") ? SIGNATURE
							   : 0;
	if (rd_ok(r) || !quoted || !which || *seen & which)
		return ERR_PROTO;
	*seen |= which;
	switch (which) {
	case KEY_ID: return put_text(value, out->key_id, sizeof(out->key_id));
	case ALGORITHM: return put_text(value, out->algorithm, sizeof(out->algorithm));
	case HEADERS: return put_headers(value, out);
	default:
		return value.left ? text_parse_base64((const char *)value.p, value.left, out->bytes,
					    sizeof(out->bytes), &out->n_bytes)
				  : ERR_PROTO;
	}
}

int http_signature_parse(const char *value, size_t n, struct http_signature *out)
{
	struct rd r = rd_of(value, n);
	unsigned seen = 0;
	out->n_headers = 0;
	if (n > HTTP_SIGNATURE_VALUE_MAX)
		return ERR_LIMIT;
	if (!take_scheme(&r))
		return ERR_PROTO;
	for (;;) {
		int err = take_parameter(&r, out, &seen);
		if (err)
			return err;
		skip_spaces(&r);
		if (!r.left)
			break;
		if (rd_u8(&r) != ',')
			return ERR_PROTO;
		skip_spaces(&r);
	}
	if (~seen & (KEY_ID | ALGORITHM | SIGNATURE))
		return ERR_PROTO;
	if (!(seen & HEADERS))
		strcpy(out->headers[out->n_headers++], "date");
	return OK;
}

/* Steps over a "/" and the word after it. */
static struct rd take_segment(struct rd *r)
{
	if (rd_u8(r) != '/')
		r->short_read = 1;
	const uint8_t *slash = r->left ? memchr(r->p, '/', r->left) : NULL;
	struct rd part = rd_of(r->p, slash ? (size_t)(slash - r->p) : r->left);
	rd_skip(r, part.left);
	return part;
}

static int put_name(struct rd name, char *out)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._@+-";
	int err = put_text(name, out, HTTP_SIGNATURE_NAME);
	if (err)
		return err;
	bool ok = out[strspn(out, plain)] == 0 && strcmp(out, ".") != 0 && strcmp(out, "..") != 0;
	return ok ? OK : ERR_PROTO;
}

int http_signature_split_key_id(const char *key_id, struct http_signature_key *out)
{
	struct rd r = rd_of(key_id, strlen(key_id));
	struct rd account = take_segment(&r), word = take_segment(&r);
	int err = put_name(account, out->account);
	out->user[0] = 0;
	if (!err && ssh_wire_is(&word, "users")) {
		struct rd user = take_segment(&r);
		err = put_name(user, out->user);
		word = take_segment(&r);
	}
	if (err)
		return err;
	/* the rest, as base64 may hold a slash */
	if (!ssh_wire_is(&word, "keys") || rd_u8(&r) != '/' || rd_ok(&r))
		return ERR_PROTO;
	return ssh_key_parse_fingerprint((const char *)r.p, out->fingerprint);
}

static void put_string(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

static int put_target(const struct http_signature_request *request, struct buf *out)
{
	if (strpbrk(request->method, "\r\n") || strpbrk(request->target, "\r\n"))
		return ERR_PROTO;
	for (const char *p = request->method; *p; p++)
		buf_put_u8(out, (uint8_t)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p));
	put_string(out, " ");
	put_string(out, request->target);
	return OK;
}

int http_signature_text(const struct http_signature *s,
	const struct http_signature_request *request, struct buf *out)
{
	for (int i = 0; i < s->n_headers; i++) {
		const char *name = s->headers[i];
		int err = OK;
		put_string(out, i ? "\n" : "");
		put_string(out, name);
		put_string(out, ": ");
		if (strcmp(name, target_name) == 0) {
			err = put_target(request, out);
		} else {
			const char *value = request->field(request->data, name);
			err = value && !strpbrk(value, "\r\n") ? OK : ERR_PROTO;
			put_string(out, err ? "" : value);
		}
		if (err)
			return err;
	}
	return buf_ok(out);
}

/* What must be covered, and when it was signed. */
static int judge(const struct http_signature *s, const struct http_signature_request *request,
	int64_t now_s, unsigned flags, const char **why)
{
	int64_t at = 0;
	*why = "the signature does not cover the date";
	if (!covers(s, "date"))
		return ERR_AUTH;
	*why = "the signature does not cover (request-target)";
	if (!covers(s, target_name) && !(flags & HTTP_SIGNATURE_DATE_ONLY))
		return ERR_AUTH;
	const char *date = request->field(request->data, "date");
	*why = "the request has no valid Date header";
	if (!date || http_date_parse(date, strlen(date), &at) != OK)
		return ERR_PROTO;
	*why = "the request's Date is too far from this server's clock";
	return at < now_s - HTTP_SIGNATURE_SKEW_S || at > now_s + HTTP_SIGNATURE_SKEW_S ? ERR_AUTH
											: OK;
}

int http_signature_check(const struct http_signature *s,
	const struct http_signature_request *request, const struct ssh_key *key, int64_t now_s,
	unsigned flags, const char **why)
{
	const char *ignored;
	struct buf text;
	why = why ? why : &ignored;
	int err = judge(s, request, now_s, flags, why);
	if (err)
		return err;
	buf_init(&text, HTTP_SIGNATURE_TEXT_MAX);
	*why = "a signed header is missing or malformed";
	err = http_signature_text(s, request, &text);
	if (!err) {
		*why = "the signature is not this key's";
		err = ssh_key_verify(key, s->algorithm, text.data, text.len, s->bytes, s->n_bytes);
	}
	buf_fini(&text);
	return err;
}

static const char *date_field(void *data, const char *name)
{
	const char *const *date = data;
	return strcmp(name, "date") == 0 ? *date : NULL;
}

int http_signature_build(const char *method, const char *target, const char *date,
	const char *key_id, http_signature_sign sign, void *data, char *out, size_t cap)
{
	static const struct http_signature s = { .headers = { "(request-target)", "date" },
		.n_headers = 2 };
	const struct http_signature_request request = {
		.method = method, .target = target, .field = date_field, .data = &date
	};
	struct ssh_signature made = { 0 };
	char base64[TEXT_BASE64_SIZE(SSH_SIGNATURE_MAX)];
	struct buf text;
	buf_init(&text, HTTP_SIGNATURE_TEXT_MAX);
	int err =
		strpbrk(key_id, "\"\\\r\n") ? ERR_PROTO : http_signature_text(&s, &request, &text);
	if (!err)
		err = sign(data, text.data, text.len, &made);
	buf_fini(&text);
	if (err)
		return err;
	text_put_base64(made.bytes, made.n, base64);
	int n = snprintf(out, cap,
		"Signature keyId=\"%s\",algorithm=\"%s\",headers=\"(request-target) date\","
		"signature=\"%s\"",
		key_id, made.algorithm, base64);
	return n < 0 || (size_t)n >= cap ? ERR_LIMIT : OK;
}
