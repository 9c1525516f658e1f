#include "gateway/public_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char http[] = "http://", https[] = "https://";

static bool starts_with(const char *s, const char *start)
{
	return strncmp(s, start, strlen(start)) == 0;
}

static size_t count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* The list with one more text at its end. */
static const char **extend(const char *const *list, const char *more)
{
	size_t n = count(list);
	const char **out = calloc(n + 2, sizeof(*out));
	for (size_t i = 0; out && i < n; i++)
		out[i] = list[i];
	if (out)
		out[n] = more;
	return out;
}

/* "gw.example.org", "gw.example.org:8443", "[fd00::1]:8443". */
static bool is_host(const char *s)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const char *p = s;
	if (*p == '[') {
		p += 1 + strspn(p + 1, "0123456789abcdefABCDEF:.");
		if (*p++ != ']')
			return false;
	} else {
		p += strspn(p, name);
	}
	if (p == s)
		return false;
	if (*p == ':' && p[1])
		p += 1 + strspn(p + 1, "0123456789");
	return *p == '\0';
}

static int parse(struct public_url *u, const char *url)
{
	const char *host = NULL;
	if (starts_with(url, http))
		host = url + strlen(http);
	else if (starts_with(url, https))
		host = url + strlen(https);
	if (!host || strlen(url) >= sizeof(u->text))
		return ERR_PROTO;
	snprintf(u->text, sizeof(u->text), "%s", url);
	size_t n = strlen(u->text);
	if (u->text[n - 1] == '/')
		u->text[n - 1] = '\0';
	snprintf(u->host, sizeof(u->host), "%s", u->text + (host - url));
	return is_host(u->host) ? OK : ERR_PROTO;
}

int public_url_init(
	struct public_url *u, const char *url, const char *const *origins, char *error, size_t cap)
{
	*u = (struct public_url){ 0 };
	if (url && parse(u, url)) {
		snprintf(error, cap,
			"--public-url %.200s is not like https://gw.example.org or "
			"https://gw.example.org:8443",
			url);
		return ERR_PROTO;
	}
	u->origins = extend(origins, url ? u->text : NULL);
	return u->origins ? OK : ERR_NOMEM;
}

void public_url_fini(struct public_url *u)
{
	free(u->origins);
}

void public_url_listens(struct public_url *u, const struct address *a, bool tls)
{
	char text[ADDRESS_TEXT_MAX];
	if (*u->text)
		return;
	address_text(a, text);
	if (address_is_any(a)) /* a URL needs an address that one can go to */
		snprintf(text, sizeof(text), "127.0.0.1:%d", address_port(a));
	snprintf(u->text, sizeof(u->text), "%s%s", tls ? https : http, text);
}

bool public_url_is_secure(const struct public_url *u)
{
	return starts_with(u->text, https);
}
