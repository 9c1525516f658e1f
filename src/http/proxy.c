#include "http/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/percent.h"
#include "http/url.h"

enum { DEFAULT_PORT = 1080, ENTRY_MAX = 256 };

static int take_login(const char *text, size_t n, struct proxy *out)
{
	size_t len;
	/* Room for a colon: a user without a password has an empty one. */
	int err = percent_decode(
		(struct http_text){ text, n }, false, out->login, sizeof(out->login) - 1, &len);
	if (!err && !strchr(out->login, ':'))
		memcpy(out->login + len, ":", 2);
	return err;
}

int proxy_parse(const char *text, struct proxy *out)
{
	char rest[sizeof("http://") + PROXY_HOST_MAX + 16];
	struct url url;
	*out = (struct proxy){ 0 };
	if (strncasecmp(text, "http://", 7) == 0)
		text += 7;
	/* What stands behind a slash is no part of a login. */
	const char *at = memrchr(text, '@', strcspn(text, "/"));
	int err = at ? take_login(text, (size_t)(at - text), out) : OK;
	if (err)
		return err;
	int n = snprintf(rest, sizeof(rest), "http://%s", at ? at + 1 : text);
	if ((size_t)n >= sizeof(rest))
		return ERR_LIMIT;
	err = url_parse(rest, "http", &url);
	if (err || url.target.n > 1 || (url.target.n == 1 && *url.target.p != '/'))
		return ERR_PROTO;
	size_t n_host = strlen(url.host);
	bool has_port = url.authority.n > n_host + (*url.authority.p == '[' ? 2 : 0);
	out->port = has_port ? url.port : DEFAULT_PORT;
	memcpy(out->host, url.host, n_host + 1);
	return OK;
}

static int family_of(const char *host)
{
	unsigned char address[16];
	if (inet_pton(AF_INET, host, address) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, host, address) == 1 ? AF_INET6 : AF_UNSPEC;
}

static bool covers_address(char *entry, int family, const char *host)
{
	unsigned char ours[16], theirs[16];
	long most = family == AF_INET ? 32 : 128, bits = most;
	char *slash = strchr(entry, '/');
	if (slash) {
		*slash = '\0';
		bits = strtol(slash + 1, NULL, 10);
	}
	if (bits < 1 || bits > most || inet_pton(family, entry, theirs) != 1 ||
		inet_pton(family, host, ours) != 1)
		return false;
	size_t whole = (size_t)bits / 8;
	int mask = 0xff00 >> (bits % 8) & 0xff;
	return memcmp(ours, theirs, whole) == 0 &&
	       (mask == 0 || ((ours[whole] ^ theirs[whole]) & mask) == 0);
}

static size_t without_dot(const char *name)
{
	size_t n = strlen(name);
	return n > 0 && name[n - 1] == '.' ? n - 1 : n;
}

static bool covers_name(const char *entry, const char *host)
{
	entry += *entry == '.';
	size_t n = without_dot(entry), n_host = without_dot(host);
	if (n == 0 || n > n_host)
		return false;
	const char *end = host + n_host - n;
	return strncasecmp(end, entry, n) == 0 && (n == n_host || end[-1] == '.');
}

bool proxy_exempts(const char *no_proxy, const char *host)
{
	static const char between[] = ", \t";
	int family = family_of(host);
	if (!no_proxy)
		return false;
	if (strcmp(no_proxy, "*") == 0)
		return true;
	for (const char *at = no_proxy + strspn(no_proxy, between); *at;
		at += strspn(at, between)) {
		char entry[ENTRY_MAX];
		size_t n = strcspn(at, between);
		snprintf(entry, sizeof(entry), "%.*s", (int)(n < ENTRY_MAX ? n : 0), at);
		at += n;
		if (family == AF_UNSPEC ? covers_name(entry, host)
					: covers_address(entry, family, host))
			return true;
	}
	return false;
}
