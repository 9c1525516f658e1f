#include "http/ws_hello.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/syntax.h"

static void put_text(struct buf *out, const char *s)
{
	buf_put(out, s, strlen(s));
}

static void put_authority(struct buf *out, const struct url *url)
{
	char text[URL_HOST_MAX + 16];
	bool bare = url->port == (url->tls ? 443 : 80);
	const char *open = strchr(url->host, ':') ? "[" : "", *close = *open ? "]" : "";
	int n = snprintf(text, sizeof(text), "%s%s%s", open, url->host, close);
	if (!bare)
		snprintf(text + n, sizeof(text) - (size_t)n, ":%d", url->port);
	put_text(out, text);
}

static bool has_name(const char *line, const char *name)
{
	size_t n = strlen(name);
	return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

static bool put_fields(struct buf *out, const char *const *fields)
{
	bool named = false; /* who we are */
	for (; fields && *fields; fields++) {
		if (!syntax_is_field(*fields))
			return false;
		named = named || has_name(*fields, "User-Agent");
		put_text(out, *fields);
		put_text(out, "\r\n");
	}
	if (!named)
		put_text(out, "User-Agent: porthole\r\n");
	return true;
}

static bool is_token(const char *s)
{
	struct cursor c = { s, s + strlen(s) };
	return cursor_take_while(&c, syntax_is_token).n > 0 && c.p == c.end;
}

static bool put_origin(struct buf *out, const char *origin, const struct url *url)
{
	put_text(out, "\r\nOrigin: ");
	if (origin) {
		struct cursor c = { origin, origin + strlen(origin) };
		put_text(out, origin);
		cursor_take_while(&c, syntax_is_target);
		if (c.p != c.end)
			return false;
	} else {
		put_text(out, url->tls ? "https://" : "http://");
		put_authority(out, url);
	}
	put_text(out, "\r\n");
	return true;
}

bool ws_hello_put(struct buf *out, const struct ws_dial_config *config, const struct url *url,
	const char *key)
{
	if (config->protocol && !is_token(config->protocol))
		return false;
	put_text(out, "GET ");
	if (url->target.n == 0 || url->target.p[0] != '/')
		put_text(out, "/");
	buf_put(out, url->target.p, url->target.n);
	put_text(out, " HTTP/1.1\r\nHost: ");
	put_authority(out, url);
	if (!put_origin(out, config->origin, url))
		return false;
	put_text(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
	put_text(out, key);
	put_text(out, "\r\n");
	if (config->protocol) {
		put_text(out, "Sec-WebSocket-Protocol: ");
		put_text(out, config->protocol);
		put_text(out, "\r\n");
	}
	bool ok = put_fields(out, config->fields);
	put_text(out, "\r\n");
	return ok;
}

static bool has_field(const struct answer_head *h, const char *name)
{
	for (int i = 0; i < h->n_fields; i++)
		if (http_text_is_nocase(h->fields[i].name, name))
			return true;
	return false;
}

const char *ws_hello_check(const struct answer_head *h, const char *key, const char *offered,
	struct http_text *protocol)
{
	char accept[UPGRADE_ACCEPT_TEXT];
	const struct http_text *got = answer_head_field(h, "Sec-WebSocket-Accept");
	const struct http_text *chosen = answer_head_field(h, "Sec-WebSocket-Protocol");
	upgrade_accept(key, accept);
	*protocol = chosen ? *chosen : (struct http_text){ "", 0 };
	if (h->minor < 1 || !answer_head_has_token(h, "Upgrade", "websocket") ||
		!answer_head_has_token(h, "Connection", "upgrade"))
		return "it has switched to something else";
	if (!got || !http_text_is(*got, accept))
		return "its Sec-WebSocket-Accept is wrong";
	if (has_field(h, "Sec-WebSocket-Extensions"))
		return "it uses an extension that nobody asked for";
	if (has_field(h, "Sec-WebSocket-Protocol") &&
		(!chosen || !offered || !http_text_is(*chosen, offered)))
		return "it has chosen a subprotocol that was not offered";
	return NULL;
}

const char *ws_hello_advice(int status)
{
	switch (status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308: return "it is elsewhere; name the URL it redirects to";
	case 401: return "log in again, or check the token";
	case 403: return "this is not allowed to you there; check token and rights";
	case 404: return "there is nothing at that path; check the URL";
	case 407: return "the proxy wants a login; put it into its URL";
	case 429: return "too many attempts; wait a moment";
	case 503: return "it is busy or on its way down; try again later";
	case 426: return "it wants another version of WebSocket";
	default: break;
	}
	if (status < 300)
		return "it is no WebSocket; check the URL";
	return status >= 500 ? "its log may say why; try again later" : "check the URL";
}
