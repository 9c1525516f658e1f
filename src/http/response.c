#include "http/response.h"

#include <stdio.h>
#include <string.h>

#include "crypto/http_date.h"
#include "http/syntax.h"

static const struct status {
	int status;
	const char *reason, *advice;
} statuses[] = {
	{ 200, "OK", "" },
	{ 201, "Created", "" },
	{ 202, "Accepted", "" },
	{ 204, "No Content", "" },
	{ 302, "Found", "" },
	{ 303, "See Other", "" },
	{ 304, "Not Modified", "" },
	{ 400, "Bad Request", "this is not HTTP/1.1 as RFC 9112 has it; use a current browser\n" },
	{ 401, "Unauthorized", "log in first\n" },
	{ 403, "Forbidden",
		"refused; open the whole address that the server printed, or name the page's site "
		"with --origin URL\n" },
	{ 404, "Not Found", "there is no such page here; start at /\n" },
	{ 405, "Method Not Allowed", "only GET and HEAD are answered here\n" },
	{ 408, "Request Timeout", "the request did not arrive in time; try again\n" },
	{ 409, "Conflict", "it is not in a state for that; look at it again\n" },
	{ 410, "Gone", "that is over\n" },
	{ 411, "Length Required", "say how long the body is with Content-Length\n" },
	{ 413, "Content Too Large", "the body is larger than is taken here; send less\n" },
	{ 414, "URI Too Long", "the address is longer than 8 KB\n" },
	{ 415, "Unsupported Media Type", "send JSON, with Content-Type: application/json\n" },
	{ 417, "Expectation Failed", "no expectation but 100-continue is known here\n" },
	{ 421, "Misdirected Request",
		"this server does not answer for that host name; use the address it printed or "
		"add --host NAME\n" },
	{ 422, "Unprocessable Content", "the content makes no sense here\n" },
	{ 426, "Upgrade Required", "only version 13 of WebSocket is spoken here\n" },
	{ 429, "Too Many Requests", "too many requests; wait a moment\n" },
	{ 431, "Request Header Fields Too Large", "more than 16 KB or 100 fields in a request\n" },
	{ 500, "Internal Server Error", "the server's log says why\n" },
	{ 501, "Not Implemented", "no transfer coding but chunked is understood here\n" },
	{ 502, "Bad Gateway", "the other side answered nothing useful; try again later\n" },
	{ 503, "Service Unavailable", "too much to do; try again later\n" },
	{ 504, "Gateway Timeout", "the other side did not answer in time; try again later\n" },
	{ 505, "HTTP Version Not Supported", "only HTTP/1.1 and HTTP/1.0 are spoken here\n" },
};

static const struct status *find_status(int status)
{
	static const struct status other = { 0, "Refused", "refused\n" };
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].status == status)
			return &statuses[i];
	return &other;
}

struct response response_for_error(int status)
{
	const char *advice = find_status(status)->advice;
	return (struct response){
		.status = status,
		.type = "text/plain; charset=utf-8",
		.body = (const uint8_t *)advice,
		.body_len = strlen(advice),
	};
}

/* ";q=0", ";q=0.000" and the like, RFC 9110 section 12.4.2. */
static bool weight_is_zero(struct http_text params)
{
	while (params.n > 0 && memchr("; \t", params.p[0], 3)) {
		params.p++;
		params.n--;
	}
	if (params.n < 3 || (params.p[0] | 0x20) != 'q' || params.p[1] != '=')
		return false;
	for (size_t i = 2; i < params.n; i++)
		if (params.p[i] != '0' && params.p[i] != '.')
			return false;
	return true;
}

static bool accepts_gzip(const struct http_request *r)
{
	int named = -1, any = -1; /* -1: not said */
	for (int i = 0; i < r->n_fields; i++) {
		struct http_text list = r->fields[i].value, item;
		if (!http_text_is_nocase(r->fields[i].name, "Accept-Encoding"))
			continue;
		while (http_text_next(&list, &item)) {
			const char *semicolon = memchr(item.p, ';', item.n);
			size_t n = semicolon ? (size_t)(semicolon - item.p) : item.n;
			struct http_text coding = http_text_trim((struct http_text){ item.p, n });
			bool taken = !weight_is_zero((struct http_text){ item.p + n, item.n - n });
			if (http_text_is_nocase(coding, "gzip"))
				named = taken;
			else if (http_text_is(coding, "*"))
				any = taken;
		}
	}
	return named >= 0 ? named : any > 0;
}

/* The weak comparison of RFC 9110 section 8.8.3.2. */
static bool client_has(const struct http_request *r, const char *etag)
{
	const struct http_text *list = http_request_field(r, "If-None-Match");
	struct http_text rest = list ? *list : (struct http_text){ "", 0 }, item;
	while (http_text_next(&rest, &item)) {
		if (item.n > 2 && memcmp(item.p, "W/", 2) == 0)
			item = (struct http_text){ item.p + 2, item.n - 2 };
		if (http_text_is(item, "*") || http_text_is(item, etag))
			return true;
	}
	return false;
}

struct response response_for_file(const struct asset_table *t, const struct http_request *r)
{
	static const char hashed[] = "/assets/";
	if (!http_text_is(r->method, "GET") && !http_text_is(r->method, "HEAD"))
		return response_for_error(405);
	const struct asset *a = asset_find(t, r->path.p, r->path.n);
	if (!a)
		return response_for_error(404);
	struct response out = {
		.status = 200,
		.etag = a->etag,
		.immutable = strncmp(a->path, hashed, strlen(hashed)) == 0,
	};
	if (client_has(r, a->etag)) {
		out.status = 304;
		return out;
	}
	bool gzip = accepts_gzip(r);
	out.type = a->type;
	out.encoding = gzip ? "gzip" : NULL;
	out.body = gzip ? a->gzip : a->plain;
	out.body_len = gzip ? a->gzip_len : a->plain_len;
	return out;
}

static void put_text(struct buf *out, const char *s)
{
	buf_put(out, s, strlen(s));
}

static void put_field(struct buf *out, const char *name, const char *value)
{
	put_text(out, name);
	put_text(out, ": ");
	put_text(out, value);
	put_text(out, "\r\n");
}

static void put_date(struct buf *out, time_t now)
{
	char text[HTTP_DATE_TEXT];
	http_date_put(now, text);
	put_field(out, "Date", text);
}

static void put_safety(struct buf *out)
{
	put_field(out, "Content-Security-Policy",
		"default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
		"style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'");
	put_field(out, "X-Content-Type-Options", "nosniff");
	put_field(out, "Referrer-Policy", "no-referrer");
	put_field(out, "Cross-Origin-Opener-Policy", "same-origin");
	put_field(out, "Cross-Origin-Resource-Policy", "same-origin");
}

static void put_file_fields(struct buf *out, const struct response *r)
{
	/* Weak: the compressed and the plain bytes share it. */
	put_text(out, "ETag: W/");
	put_text(out, r->etag);
	put_text(out, "\r\n");
	put_field(out, "Vary", "Accept-Encoding");
	put_field(out, "Cache-Control",
		r->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	if (r->encoding)
		put_field(out, "Content-Encoding", r->encoding);
}

/* A line that holds a line end, by whoever's fault, would be several. */
static void put_lines(struct buf *out, const char *const *lines)
{
	for (; lines && *lines; lines++) {
		const char *p = *lines;
		while (syntax_is_value((unsigned char)*p))
			p++;
		if (*p)
			continue;
		put_text(out, *lines);
		put_text(out, "\r\n");
	}
}

static void put_content_fields(struct buf *out, const struct response *r)
{
	char text[32];
	if (r->type)
		put_field(out, "Content-Type", r->type);
	if (!r->type && (r->status == 204 || r->status == 304))
		return;
	snprintf(text, sizeof(text), "%zu", r->type ? r->body_len : 0);
	put_field(out, "Content-Length", text);
}

void response_put_head(struct buf *out, const struct response *r, bool keep_alive, time_t now)
{
	char text[64];
	snprintf(text, sizeof(text), "HTTP/1.1 %d %s\r\n", r->status,
		find_status(r->status)->reason);
	put_text(out, text);
	put_date(out, now);
	put_field(out, "Connection", keep_alive ? "keep-alive" : "close");
	put_safety(out);
	if (r->etag)
		put_file_fields(out, r);
	else
		put_field(out, "Cache-Control", "no-store");
	if (r->status == 405 && !r->fields)
		put_field(out, "Allow", "GET, HEAD");
	if (r->status == 426) {
		put_field(out, "Upgrade", "websocket");
		put_field(out, "Sec-WebSocket-Version", "13");
	}
	put_lines(out, r->fields);
	put_content_fields(out, r);
	put_text(out, "\r\n");
}

void response_put_upgrade(struct buf *out, const char *accept, const char *protocol)
{
	put_text(out, "HTTP/1.1 101 Switching Protocols\r\n");
	put_field(out, "Upgrade", "websocket");
	put_field(out, "Connection", "Upgrade");
	put_field(out, "Sec-WebSocket-Accept", accept);
	if (*protocol)
		put_field(out, "Sec-WebSocket-Protocol", protocol);
	put_text(out, "\r\n");
}
